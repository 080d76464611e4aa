//! What is on the disk, looked at once: the listing of each folder and the digest of each file.
//!
//! One value serves all jobs of one reading of a graph file. It remembers errors too, so a folder that
//! cannot be listed is not tried again. Files that change meanwhile are not noticed.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use sha2::{Digest, Sha256};

/// What a name in a folder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// A symbolic link, to whatever.
    Link,
    /// A socket, a pipe, a device.
    Other,
}

pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) kind: Kind,
}

/// The names in a folder, sorted by their bytes.
pub(super) type Listing = Rc<Result<Vec<Entry>, String>>;

#[derive(Default)]
pub(super) struct Tree {
    listings: HashMap<PathBuf, Listing>,
    folders: HashMap<PathBuf, Option<PathBuf>>,
    digests: HashMap<PathBuf, Result<[u8; 32], String>>,
    buffer: Vec<u8>,
    /// How many folders were listed, and how many files read: what the promise "at most once" counts.
    pub(super) listed: usize,
    pub(super) read: usize,
}

impl Tree {
    /// The real path of a folder: absolute, without symbolic links. `None` if there is no such folder.
    pub(super) fn folder(&mut self, path: &Path) -> Option<PathBuf> {
        if let Some(known) = self.folders.get(path) {
            return known.clone();
        }
        let real = fs::canonicalize(path).ok().filter(|real| real.is_dir());
        self.folders.insert(path.to_owned(), real.clone());
        real
    }

    /// What is in a folder, given by its real path.
    pub(super) fn list(&mut self, folder: &Path) -> Listing {
        if let Some(known) = self.listings.get(folder) {
            return Rc::clone(known);
        }
        self.listed += 1;
        let listing =
            list(folder).map_err(|error| format!("cannot list {}: {error}", folder.display()));
        let listing = Rc::new(listing);
        self.listings.insert(folder.to_owned(), Rc::clone(&listing));
        listing
    }

    /// The digest of a regular file, given by its path in a real folder.
    pub(super) fn digest(&mut self, path: &Path, is_link: bool) -> Result<[u8; 32], String> {
        let real = if is_link {
            fs::canonicalize(path)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))?
        } else {
            path.to_owned()
        };
        if let Some(known) = self.digests.get(&real) {
            return known.clone();
        }
        self.read += 1;
        self.buffer.resize(64 * 1024, 0);
        let digest = digest(&real, &mut self.buffer);
        let digest = digest.map_err(|error| format!("cannot read {}: {error}", path.display()));
        self.digests.insert(real, digest.clone());
        digest
    }
}

/// What is at a path, without following a link at its end; `None` if there is nothing.
pub(super) fn at(path: &Path) -> io::Result<Option<Kind>> {
    existing(fs::symlink_metadata(path))
}

/// What a path leads to, following links; `None` if there is nothing.
pub(super) fn target(path: &Path) -> io::Result<Option<Kind>> {
    existing(fs::metadata(path))
}

fn existing(metadata: io::Result<fs::Metadata>) -> io::Result<Option<Kind>> {
    match metadata {
        Ok(metadata) => Ok(Some(kind(metadata.file_type()))),
        // A file where a folder was expected leaves nothing of that name either.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The entries of a sorted listing whose names begin with `prefix`.
pub(super) fn beginning_with<'e>(entries: &'e [Entry], prefix: &str) -> &'e [Entry] {
    let start = entries.partition_point(|entry| entry.name.as_os_str() < OsStr::new(prefix));
    let rest = &entries[start..];
    let end = rest.partition_point(|entry| entry.name.as_bytes().starts_with(prefix.as_bytes()));
    &rest[..end]
}

fn list(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        entries.push(Entry {
            name: entry.file_name(),
            kind: kind(entry.file_type()?),
        });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

fn digest(path: &Path, buffer: &mut [u8]) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(hasher.finalize().into()),
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn kind(file_type: fs::FileType) -> Kind {
    if file_type.is_file() {
        Kind::File
    } else if file_type.is_dir() {
        Kind::Folder
    } else if file_type.is_symlink() {
        Kind::Link
    } else {
        Kind::Other
    }
}
