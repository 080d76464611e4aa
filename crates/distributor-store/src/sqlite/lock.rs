//! The lock that keeps a second writer out of a state directory.
//!
//! An advisory lock of the operating system: it goes when its process goes, so there is nothing to
//! clean up after a crash. The content only tells people who has it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use crate::{Result, StoreError};

/// Held as long as it lives.
pub(super) struct DirectoryLock(#[expect(dead_code, reason = "closing it unlocks")] File);

impl DirectoryLock {
    /// Takes the lock, without waiting.
    pub(super) fn take(directory: &Path) -> Result<Self> {
        let path = directory.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| super::open::cannot("open", &path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse {
                    directory: directory.display().to_string(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => {
                return Err(super::open::cannot("lock", &path, error));
            }
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| super::open::cannot("write", &path, error))?;
        Ok(DirectoryLock(file))
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    // Whoever cannot be read is unknown, which the message can bear.
    let _read = file.take(32).read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(process) => process.to_string(),
        Err(_) => "unknown".to_owned(),
    }
}
