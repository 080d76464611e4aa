//! The lock that keeps a second writer out of a state directory.
//!
//! An advisory lock of the operating system: it goes when its process goes, so there is nothing to
//! clean up after a crash. The content only tells people who has it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use crate::{Result, StoreError};

/// Held as long as it lives.
pub(super) struct DirectoryLock(#[expect(dead_code, reason = "closing it unlocks")] File);

impl DirectoryLock {
    /// Takes the lock, without waiting for a holder that lives.
    pub(super) fn take(directory: &Path) -> Result<Self> {
        let path = directory.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| super::open::cannot("open", &path, error))?;
        let mut tries = 0;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    let holder = holder(&mut file);
                    if !has_ended(&holder) || tries >= TRIES {
                        return Err(StoreError::InUse {
                            directory: directory.display().to_string(),
                            holder,
                        });
                    }
                    tries += 1;
                    wait_a_moment();
                }
                Err(TryLockError::Error(error)) => {
                    return Err(super::open::cannot("lock", &path, error));
                }
            }
        }
        file.rewind()
            .and_then(|()| file.set_len(0))
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| super::open::cannot("write", &path, error))?;
        Ok(DirectoryLock(file))
    }
}

/// A process that is killed while it starts another leaves the lock to that one until it has its own
/// program, and a new holder has not written its number yet: both last for moments. Two seconds of them.
const TRIES: u32 = 1000;

#[expect(
    clippy::disallowed_methods,
    reason = "nobody tells when the last copy of a dead process's lock is closed"
)]
fn wait_a_moment() {
    std::thread::sleep(Duration::from_millis(2));
}

/// Has this process ended? Not if nothing is known of it. One that nobody has waited for has ended.
fn has_ended(holder: &str) -> bool {
    if holder.parse::<u32>().is_err() || !Path::new("/proc/self/stat").exists() {
        return false;
    }
    match std::fs::read_to_string(format!("/proc/{holder}/stat")) {
        // The state follows the name, which is in parentheses and may hold any character.
        Ok(stat) => stat
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with(['Z', 'X'])),
        Err(_) => true,
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let _from_the_beginning = file.rewind();
    // Whoever cannot be read is unknown, which the message can bear.
    let _read = file.take(32).read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(process) => process.to_string(),
        Err(_) => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_outlives_its_holder_for_a_moment_is_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let mut child = std::process::Command::new("true").spawn().expect("true");
        let dead = child.id();
        child.wait().expect("ended");
        let mut left_over = File::create(&path).expect("the lock");
        writeln!(left_over, "{dead}").expect("written");
        left_over.lock().expect("locked");
        let other = folder.path().to_owned();
        let waiter = std::thread::spawn(move || DirectoryLock::take(&other).map(drop));
        drop(left_over);
        waiter.join().expect("no panic").expect("taken");
    }

    #[test]
    fn a_living_holder_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = DirectoryLock::take(folder.path()).map_err(|error| error.to_string());
        let first = first.expect("free");
        let second = DirectoryLock::take(folder.path()).map(drop);
        let error = second.expect_err("held").to_string();
        assert!(error.contains(&std::process::id().to_string()), "{error}");
        drop(first);
    }
}
