//! The difference between what a folder should contain and what it contains.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// One file that is not as it should be.
#[derive(Debug)]
pub(super) struct Difference {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Should exist with this content, and does not exist.
    Missing(Vec<u8>),
    /// Should have this content, and has another one.
    Stale(Vec<u8>),
    /// Should not exist.
    Extra,
}

/// Compares the files directly in `folder` with `wanted`. A folder that does not
/// exist is empty.
pub(super) fn compare(folder: &Path, wanted: BTreeMap<String, Vec<u8>>) -> Result<Vec<Difference>> {
    let mut present = present_files(folder)?;
    let mut differences = Vec::new();
    for (name, content) in wanted {
        let path = folder.join(&name);
        let kind = match present.remove(&path) {
            None => Kind::Missing(content),
            Some(found) if found != content => Kind::Stale(content),
            Some(_) => continue,
        };
        differences.push(Difference { path, kind });
    }
    differences.extend(present.into_keys().map(|path| Difference {
        path,
        kind: Kind::Extra,
    }));
    Ok(differences)
}

fn present_files(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        other => other.with_context(|| format!("reading {}", folder.display()))?,
    };
    let mut files = BTreeMap::new();
    for entry in entries {
        let path = entry?.path();
        let content = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        files.insert(path, content);
    }
    Ok(files)
}

impl Difference {
    /// Makes the file as it should be.
    pub(super) fn repair(&self) -> Result<()> {
        let path = &self.path;
        match &self.kind {
            Kind::Missing(content) | Kind::Stale(content) => {
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder)
                        .with_context(|| format!("creating {}", folder.display()))?;
                }
                fs::write(path, content).with_context(|| format!("writing {}", path.display()))
            }
            Kind::Extra => {
                fs::remove_file(path).with_context(|| format!("removing {}", path.display()))
            }
        }
    }

    /// One line: what is wrong with which file, named relative to `root`.
    pub(super) fn describe(&self, root: &Path) -> String {
        let kind = match self.kind {
            Kind::Missing(_) => "missing",
            Kind::Stale(_) => "stale",
            Kind::Extra => "extra",
        };
        let path = self.path.strip_prefix(root).unwrap_or(&self.path);
        format!("{kind}: {}", path.display())
    }
}
