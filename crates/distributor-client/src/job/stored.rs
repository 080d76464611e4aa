//! The execution token as a file, so that several processes are one task.
//!
//! It is beside the context file and named after it, mode 0600. Whoever comes first decides; it refuses
//! to replace a token that is there.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use distributor_proto::{dm, text};

use super::context::{ContextError, read_text};

/// What is appended to the name of the context file.
const SUFFIX: &str = ".execution";

/// The token that this task has stored, if it has.
pub(super) fn find(
    context: &Path,
    id: &dm::execution::Id,
) -> Result<Option<Vec<u8>>, ContextError> {
    let path = beside(context, SUFFIX);
    let text = match read_text(&path) {
        Ok(text) => text,
        Err(ContextError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    match text::from_json::<dm::execution::Auth>(&text) {
        Ok(auth) if auth.id.as_ref() == Some(id) => Ok(Some(auth.token)),
        Ok(_) => Err(ContextError::Malformed {
            path,
            problem: "belongs to another execution; remove it if that is over",
        }),
        Err(_) => Err(ContextError::Malformed {
            path,
            problem: "is not a dm.Execution.Auth in JSON",
        }),
    }
}

/// The stored token; stores `token` if there is none.
pub(super) fn find_or_store(
    context: &Path,
    id: &dm::execution::Id,
    token: &[u8],
) -> Result<Vec<u8>, ContextError> {
    if let Some(stored) = find(context, id)? {
        return Ok(stored);
    }
    let path = beside(context, SUFFIX);
    store(context, &path, id, token).map_err(|source| ContextError::File {
        path: path.clone(),
        source,
    })?;
    // Another process may have been first.
    find(context, id)?.ok_or_else(|| ContextError::File {
        path,
        source: io::ErrorKind::NotFound.into(),
    })
}

/// Leaves a whole file of this or of another process.
fn store(context: &Path, path: &Path, id: &dm::execution::Id, token: &[u8]) -> io::Result<()> {
    let auth = dm::execution::Auth {
        id: Some(id.clone()),
        token: token.to_vec(),
    };
    // The reason could quote the token.
    let json = text::to_json(&auth).map_err(|_| io::ErrorKind::InvalidData)?;
    let draft = beside(context, &format!("{SUFFIX}.{}", std::process::id()));
    // Of a process that was killed, with the same number.
    let _mostly_absent = fs::remove_file(&draft);
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(json.as_bytes()))
        .and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        written => written.and(removed),
    }
}

fn beside(context: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(context);
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn id(number: u32) -> dm::execution::Id {
        dm::execution::Id {
            quest: "q".to_owned(),
            attempt: 1,
            id: number,
        }
    }

    #[test]
    fn the_first_token_stays() {
        let folder = tempfile::tempdir().unwrap();
        let context = folder.path().join("context.json");
        assert_eq!(find(&context, &id(1)).unwrap(), None);
        assert_eq!(find_or_store(&context, &id(1), b"one").unwrap(), b"one");
        assert_eq!(find_or_store(&context, &id(1), b"two").unwrap(), b"one");
        assert_eq!(find(&context, &id(1)).unwrap().unwrap(), b"one");
        let files: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .collect();
        assert_eq!(files.len(), 1, "no draft is left");
        let mode = files[0].metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn many_at_once_agree() {
        let folder = tempfile::tempdir().unwrap();
        let context = folder.path().join("context.json");
        // One process has one draft, so the others are played by what they leave.
        fs::write(beside(&context, &format!("{SUFFIX}.1")), "{").unwrap();
        let own = beside(&context, &format!("{SUFFIX}.{}", std::process::id()));
        fs::write(own, "{").unwrap();
        let mine = find_or_store(&context, &id(1), b"mine").unwrap();
        store(&context, &beside(&context, SUFFIX), &id(1), b"late").unwrap();
        assert_eq!(find(&context, &id(1)).unwrap().unwrap(), mine);
    }

    #[test]
    fn a_token_of_another_execution_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let context = folder.path().join("context.json");
        find_or_store(&context, &id(1), b"canary").unwrap();
        let error = find_or_store(&context, &id(2), b"mine").unwrap_err();
        assert!(error.to_string().contains("another execution"), "{error}");
        fs::write(beside(&context, SUFFIX), r#"{"token":"canary="}"#).unwrap();
        let error = find(&context, &id(1)).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}
