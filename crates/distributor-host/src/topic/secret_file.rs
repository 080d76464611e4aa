//! One file with secrets, which every process on the same state shares.
//!
//! What was read is kept in memory for as long as the file is the same one, so a use costs one look at
//! its metadata, and a rotation by another process counts from the next use on. A change is written
//! aside and renamed, under a lock, so a reader sees the old file or the new one. It refuses to
//! overwrite a file that it does not understand, and to use one that others can read.

use std::fmt;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use distributor_core::Secret;

use super::keyring::{Keyring, SECRET_BYTES};

/// Longest file that is read, in bytes.
const LONGEST_FILE: u64 = 64 * 1024;

/// Why there are no secrets to use. Quotes nothing of the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The file is not one with secrets. It was left as it is.
    #[error(
        "the secrets in {} are damaged: {problem}; restore the file, or remove it: then new secrets are \
         made, and the tokens that the old ones signed are worthless",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Other users can read or write the file.
    #[error(
        "the secrets in {} are open to others (mode {mode:04o}): run `chmod 600` on the file, and rotate \
         them if somebody may have read them",
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// So many former secrets must still be honoured that there can be no further one.
    #[error(
        "the secrets in {} were rotated too often: {} former ones are still honoured, which is the most; \
         wait until some have expired, or drop all of them with `--drop-previous`",
        path.display(),
        super::keyring::MOST_PREVIOUS
    )]
    TooMany {
        /// The file.
        path: PathBuf,
    },
    /// The operating system has no randomness to give.
    #[error("no randomness for a secret: {0}")]
    Random(getrandom::Error),
    /// The operating system refused something.
    #[error("cannot {what} {}: {reason}", path.display())]
    System {
        /// What was to be done.
        what: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
}

/// The secrets `<directory>/<name>.json`.
pub(super) struct SecretFile {
    directory: PathBuf,
    name: &'static str,
    path: PathBuf,
    seen: Mutex<Option<Seen>>,
}

/// What was read, and from which file.
#[derive(Clone)]
struct Seen {
    stamp: Stamp,
    keyring: Arc<Keyring>,
}

/// Differs for another file of the same name: each is written anew under another inode, and should that
/// one be used again, at another time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    mode: u32,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl SecretFile {
    /// Makes nothing yet.
    pub(super) fn new(directory: PathBuf, name: &'static str) -> Self {
        let path = directory.join(format!("{name}.json"));
        SecretFile {
            directory,
            name,
            path,
            seen: Mutex::new(None),
        }
    }

    /// What is in memory, if the file is still the same. Costs one look at its metadata.
    pub(super) fn in_memory(&self) -> Option<Arc<Keyring>> {
        let metadata = fs::metadata(&self.path).ok()?;
        let stamp = Stamp::of(&metadata);
        let seen = self.seen();
        let same = seen.as_ref().filter(|seen| seen.stamp == stamp);
        same.map(|seen| seen.keyring.clone())
    }

    /// The secrets; `None` if none were made yet.
    pub(super) fn load(&self) -> Result<Option<Arc<Keyring>>, SecretError> {
        match self.in_memory() {
            Some(keyring) => Ok(Some(keyring)),
            None => self.read(),
        }
    }

    /// Replaces the secrets by what `change` makes of them, one process after the other. `None` leaves
    /// the file as it is. Durable once this returns.
    pub(super) fn update(
        &self,
        change: impl FnOnce(Option<&Keyring>) -> Result<Option<Keyring>, SecretError>,
    ) -> Result<Option<Arc<Keyring>>, SecretError> {
        self.make_directory()?;
        let _until_dropped = self.lock()?;
        let found = self.read()?;
        let Some(keyring) = change(found.as_deref())? else {
            return Ok(found);
        };
        self.replace(&keyring)?;
        self.read()
    }

    /// What the file is called.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The file, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        // It is replaced as a whole, so it is right also after a panic.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> Result<Option<Arc<Keyring>>, SecretError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            // A link that leads nowhere is no first use: what it should lead to may come back.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.path.is_symlink() => {
                *self.seen() = None;
                return Ok(None);
            }
            Err(error) => return Err(self.system("open")(error)),
        };
        // Of the file that was opened, whatever has that name meanwhile.
        let metadata = file.metadata().map_err(self.system("look at"))?;
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            let path = self.path.clone();
            return Err(SecretError::Exposed { path, mode });
        }
        let mut content = Vec::new();
        file.take(LONGEST_FILE + 1)
            .read_to_end(&mut content)
            .map_err(self.system("read"))?;
        let content = Secret::new(content);
        let keyring = match content.expose().len() as u64 > LONGEST_FILE {
            true => Err(format!("it is longer than {LONGEST_FILE} bytes")),
            false => Keyring::parse(content.expose()),
        };
        let keyring = Arc::new(keyring.map_err(self.damaged())?);
        *self.seen() = Some(Seen {
            stamp: Stamp::of(&metadata),
            keyring: keyring.clone(),
        });
        Ok(Some(keyring))
    }

    /// For this user's eyes only, also if somebody else made it.
    fn make_directory(&self) -> Result<(), SecretError> {
        let directory = &self.directory;
        let system = |what| system(what, directory);
        if !directory.exists() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)
                .map_err(system("make"))?;
            if let Some(parent) = directory.parent() {
                sync(parent)?;
            }
        }
        let metadata = fs::metadata(directory).map_err(system("look at"))?;
        if metadata.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
                .map_err(system("protect"))?;
        }
        Ok(())
    }

    /// Held until the file is dropped; also by the end of the process, however it ends.
    fn lock(&self) -> Result<File, SecretError> {
        let path = self.directory.join("lock");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(system("open", &path))?;
        lock.lock().map_err(system("lock", &path))?;
        Ok(lock)
    }

    fn replace(&self, keyring: &Keyring) -> Result<(), SecretError> {
        let content = keyring.to_bytes().map_err(self.damaged())?;
        if content.expose().len() as u64 > LONGEST_FILE {
            // Nobody could read it again.
            let problem = format!("rewritten it would be longer than {LONGEST_FILE} bytes");
            return Err(self.damaged()(problem));
        }
        let aside = self.directory.join(format!("{}.new", self.name));
        let written = write_aside(&aside, &content).map_err(system("write", &aside));
        let renamed =
            written.and_then(|()| fs::rename(&aside, &self.path).map_err(self.system("write")));
        if renamed.is_err() {
            // What is left behind is nobody's secret yet, and the next one who writes removes it.
            let _left_behind = fs::remove_file(&aside);
        }
        renamed?;
        sync(&self.directory)
    }

    fn damaged(&self) -> impl FnOnce(String) -> SecretError {
        let path = self.path.clone();
        move |problem| SecretError::Damaged { path, problem }
    }

    fn system(&self, what: &'static str) -> impl FnOnce(io::Error) -> SecretError {
        system(what, &self.path)
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.size(),
            mode: metadata.mode(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A new secret.
pub(super) fn random() -> Result<Secret, SecretError> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(SecretError::Random)?;
    Ok(Secret::new(bytes))
}

/// Writes a file that did not exist, so that its permissions are right from the first byte on.
fn write_aside(path: &Path, content: &Secret) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut new = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    new.write_all(content.expose())?;
    new.sync_all()
}

/// What is in a directory survives a power cut only once the directory is written too.
fn sync(directory: &Path) -> Result<(), SecretError> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(system("write", directory))
}

fn system(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SecretError {
    let path = path.to_owned();
    move |reason| SecretError::System { what, path, reason }
}
