//! The packages of the tree, as their manifests describe them.

use toml::{Table, Value};

use super::problem::Problems;
use super::tree::Tree;

/// One package of ours.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    /// Path of its manifest.
    pub(super) path: String,
    /// Path of its folder, with a `/` at the end.
    pub(super) folder: String,
    /// Its manifest.
    pub(super) manifest: Table,
    /// The same, with comments.
    pub(super) text: String,
}

impl Package {
    /// All packages; manifests without one, such as the workspace's, are left out.
    pub(super) fn all(tree: &Tree, problems: &mut Problems) -> Vec<Package> {
        let mut packages = Vec::new();
        for file in tree.files() {
            if file.name() != "Cargo.toml" {
                continue;
            }
            let Some(text) = file.text() else {
                continue;
            };
            let manifest: Table = match toml::from_str(text) {
                Ok(manifest) => manifest,
                Err(error) => {
                    let error = error.message();
                    problems.add(&file.path, format!("does not parse: {error}; correct it"));
                    continue;
                }
            };
            let name = manifest.get("package").and_then(|it| it.get("name"));
            if let Some(name) = name.and_then(Value::as_str) {
                packages.push(Package {
                    name: name.to_owned(),
                    path: file.path.clone(),
                    folder: file.path[..file.path.len() - file.name().len()].to_owned(),
                    text: text.to_owned(),
                    manifest,
                });
            }
        }
        packages
    }

    /// What stands in the manifest under these keys, one in the other.
    pub(super) fn get(&self, keys: &[&str]) -> Option<&Value> {
        let (first, rest) = keys.split_first()?;
        rest.iter()
            .try_fold(self.manifest.get(*first)?, |value, key| value.get(key))
    }

    /// The packages it depends on, by their own names: for what it is, and for its tests only.
    pub(super) fn dependencies(&self) -> (Vec<String>, Vec<String>) {
        let (mut always, mut in_tests) = (Vec::new(), Vec::new());
        let targets = self.manifest.get("target").and_then(Value::as_table);
        let targets = targets.into_iter().flat_map(Table::values);
        let tables = targets.filter_map(Value::as_table).chain([&self.manifest]);
        for table in tables {
            always.extend(package_names(table.get("dependencies")));
            always.extend(package_names(table.get("build-dependencies")));
            in_tests.extend(package_names(table.get("dev-dependencies")));
        }
        (always, in_tests)
    }

    /// The configuration name of a backend, such as `local-process`; `None` for other packages.
    pub(super) fn backend(&self) -> Option<&str> {
        self.name.strip_prefix("distributor-backend-")
    }
}

fn package_names(dependencies: Option<&Value>) -> Vec<String> {
    let dependencies = dependencies.and_then(Value::as_table);
    dependencies
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let renamed = value.get("package").and_then(Value::as_str);
            renamed.unwrap_or(name).to_owned()
        })
        .collect()
}
