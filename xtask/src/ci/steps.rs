//! The steps of the gate, cheap ones first.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::command::Command;

/// A part of the gate that can be run alone.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: &'static str,
    /// What it makes sure of.
    pub(super) purpose: &'static str,
    pub(super) commands: Vec<Command>,
}

/// What the gate must know of the facade crate.
#[derive(Debug)]
pub(super) struct Facade {
    /// Its features that stand for one backend each, sorted.
    pub(super) backend_features: Vec<String>,
}

impl Facade {
    /// Reads its manifest.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let path = root.join("crates/distributor/Cargo.toml");
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let manifest: Table =
            toml::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
        let features = manifest.get("features").and_then(Value::as_table);
        let names = features.into_iter().flat_map(Table::keys);
        let mut backend_features: Vec<String> = names
            .filter(|name| name.starts_with("backend-"))
            .cloned()
            .collect();
        backend_features.sort();
        Ok(Facade { backend_features })
    }

    /// Arguments of cargo for every choice of features that must work: none, each backend alone,
    /// all.
    fn feature_choices(&self) -> Vec<String> {
        let mut choices = vec!["--no-default-features".to_owned()];
        for feature in &self.backend_features {
            choices.push(format!("--no-default-features --features {feature}"));
        }
        choices.push("--all-features".to_owned());
        choices
    }
}

/// All steps; `state` is a folder that exists and is empty.
pub(super) fn all(facade: &Facade, state: &Path) -> Vec<Step> {
    let cargo = |line: &str| Command::new(&format!("cargo {line}"));
    let with_features = |line: &str, rest: &str| -> Vec<Command> {
        let choices = facade.feature_choices().into_iter();
        choices
            .map(|choice| cargo(&format!("{line} {choice} {rest}")))
            .collect()
    };
    vec![
        Step {
            name: "fmt",
            purpose: "the code is formatted",
            commands: vec![cargo("fmt --all --check")],
        },
        Step {
            name: "tidy",
            purpose: "the tree keeps its own rules",
            commands: vec![cargo("xtask tidy")],
        },
        Step {
            name: "gen-protos",
            purpose: "generated code is what protos/ says",
            commands: vec![cargo("xtask gen-protos --check")],
        },
        Step {
            name: "clippy",
            purpose: "no lint fires with default features",
            commands: vec![cargo("clippy --workspace --all-targets -- -D warnings")],
        },
        Step {
            name: "clippy-features",
            purpose: "no lint fires without features, with each backend alone, with all",
            commands: with_features("clippy -p distributor --all-targets", "-- -D warnings"),
        },
        Step {
            name: "test",
            purpose: "tests, doc tests and the end-to-end tests pass",
            commands: vec![cargo("test --workspace")],
        },
        Step {
            name: "kinds",
            purpose: "each choice of features links exactly its backends",
            commands: with_features("test -p distributor --test registered_kinds", ""),
        },
        Step {
            name: "kinds-lto",
            purpose: "so does an optimized build with LTO",
            commands: vec![cargo(
                "test -p distributor --test registered_kinds --profile release-lto",
            )],
        },
        Step {
            name: "doc",
            purpose: "the documentation builds without warnings",
            commands: vec![
                cargo("doc --workspace --no-deps").variable("RUSTDOCFLAGS", "-D warnings"),
            ],
        },
        Step {
            name: "readme",
            purpose: "the first command of the README works",
            commands: vec![
                cargo("run --release -- run examples/hello.toml --state")
                    .argument(state.join("state").display().to_string()),
            ],
        },
    ]
}
