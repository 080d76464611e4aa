//! Which crate owns which proto files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// A crate with a `[package.metadata.protos]` section.
#[derive(Debug)]
pub(super) struct Owner {
    /// The name of the package.
    pub(super) name: String,
    /// The folder with its `Cargo.toml`.
    pub(super) folder: PathBuf,
    /// What it says about protos.
    pub(super) protos: Protos,
}

/// The `[package.metadata.protos]` section.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Protos {
    /// The files the crate owns, relative to `protos/`.
    pub(super) files: Vec<String>,
    /// Rust paths of proto packages that other crates own.
    #[serde(default, rename = "extern")]
    pub(super) extern_paths: BTreeMap<String, String>,
    /// Maps become `BTreeMap`, so that equal messages have equal bytes.
    #[serde(default = "default_btree_map")]
    pub(super) btree_map: bool,
}

fn default_btree_map() -> bool {
    true
}

#[derive(Deserialize)]
struct Manifest {
    package: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    protos: Option<Protos>,
}

/// Reads the sections of all crates in `root/crates/`, sorted by folder name.
pub(super) fn read(root: &Path) -> Result<Vec<Owner>> {
    let mut folders = Vec::new();
    let crates = root.join("crates");
    for entry in fs::read_dir(&crates).with_context(|| format!("reading {}", crates.display()))? {
        let folder = entry?.path();
        if folder.join("Cargo.toml").is_file() {
            folders.push(folder);
        }
    }
    folders.sort();

    let mut owners = Vec::new();
    for folder in folders {
        let path = folder.join("Cargo.toml");
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let manifest: Manifest =
            toml::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
        let name = manifest.package.name;
        if let Some(protos) = manifest.package.metadata.and_then(|it| it.protos) {
            owners.push(Owner {
                name,
                folder,
                protos,
            });
        }
    }
    Ok(owners)
}

/// Fails unless the files in `protos` are exactly those the owners list, each
/// listed once: a file nobody owns would silently generate nothing.
pub(super) fn check_every_file_is_owned_once(protos: &Path, owners: &[Owner]) -> Result<()> {
    let mut owner_of: BTreeMap<&str, &str> = BTreeMap::new();
    for owner in owners {
        for file in &owner.protos.files {
            if let Some(other) = owner_of.insert(file, &owner.name) {
                bail!(
                    "protos/{file} is listed twice: by {other} and by {}",
                    owner.name
                );
            }
        }
    }

    let mut present = BTreeSet::new();
    collect_proto_files(protos, "", &mut present)?;
    for file in &present {
        if !owner_of.contains_key(file.as_str()) {
            bail!(
                "protos/{file} belongs to no crate: list it in [package.metadata.protos] of one Cargo.toml"
            );
        }
    }
    for (file, owner) in owner_of {
        if !present.contains(file) {
            bail!("{owner} lists protos/{file}, which does not exist");
        }
    }
    Ok(())
}

/// Adds the proto files under `folder`, named relative to where the search began.
fn collect_proto_files(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            bail!("{} is not UTF-8: rename it", entry.path().display());
        };
        if entry.file_type()?.is_dir() {
            collect_proto_files(&entry.path(), &format!("{prefix}{name}/"), found)?;
        } else if name.ends_with(".proto") {
            found.insert(format!("{prefix}{name}"));
        }
    }
    Ok(())
}
