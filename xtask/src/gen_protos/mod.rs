//! `cargo xtask gen-protos`: from `protos/` to committed Rust code.
//!
//! Pure Rust: no `protoc`, and no build scripts, so that building the product
//! needs none of this. Each file in `protos/` belongs to exactly one crate, which
//! says so in its `Cargo.toml`:
//!
//! ```toml
//! [package.metadata.protos]
//! files = ["distributor/config.proto"]      # relative to protos/
//! extern = { ".dm" = "::distributor_proto::dm" }  # packages of other crates
//! btree_map = true                          # the default: maps have an order
//! ```
//!
//! What a crate gets is in `src/generated/`; nothing else is ever written.

mod generate;
mod owners;
mod tree;

use std::path::Path;

use anyhow::{Result, bail};

use crate::report;

/// The command that brings generated files up to date.
const COMMAND: &str = "cargo xtask gen-protos";

/// Generate Rust code and descriptor sets from `protos/`.
///
/// Every crate with a `[package.metadata.protos]` section in its Cargo.toml gets
/// the code of the files it lists there, and the descriptors of these files and
/// of all they import, in `src/generated/`. Files that would not change are not
/// written; files in `src/generated/` that are not generated any more are removed.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Write nothing; fail and list the files that are not up to date.
    #[arg(long)]
    check: bool,
}

/// Generates, or with `--check` compares, the files of all crates under `root`.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    let protos = root.join("protos");
    let owners = owners::read(root)?;
    owners::check_every_file_is_owned_once(&protos, &owners)?;

    let mut differences = Vec::new();
    for owner in &owners {
        let files = generate::generate(&protos, owner)?;
        let folder = owner.folder.join("src").join("generated");
        differences.extend(tree::compare(&folder, files)?);
    }
    if arguments.check {
        return check(root, &differences);
    }
    for difference in &differences {
        difference.repair()?;
        report(&difference.describe(root));
    }
    Ok(())
}

/// Fails if there is any difference, listing all of them.
fn check(root: &Path, differences: &[tree::Difference]) -> Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = differences
        .iter()
        .map(|difference| format!("  {}", difference.describe(root)))
        .collect();
    bail!(
        "generated files are not up to date:\n{}\nrun: {COMMAND}",
        list.join("\n")
    );
}

#[cfg(test)]
mod tests;
