//! Finds the program file that a job's first argument means.
//!
//! Done here and not by the C library so that the message can say where was looked, and so that a
//! job's own PATH and directory count. It refuses to start anything.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use distributor_core::{Error, ErrorKind, Result};
use rustix::fs::Access;

/// What the C library uses without a PATH.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// The file that `name` means for a job that runs in `directory` with the search path `path`.
///
/// A name with a slash is relative to the directory and is not checked further: the attempt to
/// start it gives the better message.
///
/// # Errors
/// `NotFound` or `PermissionDenied`, permanent, with all that was tried.
pub(crate) fn resolve(name: &str, directory: &Path, path: Option<&OsStr>) -> Result<PathBuf> {
    if name.contains('/') {
        return Ok(directory.join(name));
    }
    let default = OsString::from(DEFAULT_PATH);
    let path = path.unwrap_or(&default);
    let mut tried = Vec::new();
    let mut forbidden = None;
    for folder in path.as_bytes().split(|byte| *byte == b':') {
        // An empty element of PATH is the current directory.
        let candidate = directory.join(OsStr::from_bytes(folder)).join(name);
        if candidate.is_file() {
            if rustix::fs::access(&candidate, Access::EXEC_OK).is_ok() {
                return Ok(candidate);
            }
            forbidden.get_or_insert_with(|| candidate.clone());
        }
        tried.push(candidate.display().to_string());
    }
    if let Some(file) = forbidden {
        return Err(Error::new(
            ErrorKind::PermissionDenied,
            format!("program {name:?} is not executable: {}", file.display()),
        ));
    }
    Err(Error::new(
        ErrorKind::NotFound,
        format!("program {name:?} not found: tried {}", tried.join(", ")),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn file(path: &Path, mode: u32) {
        std::fs::write(path, "").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_first_executable_file_in_the_path_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::fs::create_dir_all(one.join("both")).unwrap();
        std::fs::create_dir(&two).unwrap();
        file(&two.join("both"), 0o755);
        let path = std::env::join_paths([&one, &two]).unwrap();
        let found = resolve("both", Path::new("/"), Some(&path)).unwrap();
        assert_eq!(found, two.join("both"));
    }

    #[test]
    fn relative_names_and_path_elements_belong_to_the_directory_of_the_job() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        file(&folder.path().join("bin/tool"), 0o755);
        let path = OsStr::new("/nonexistent:bin");
        let found = resolve("tool", folder.path(), Some(path)).unwrap();
        assert_eq!(found, folder.path().join("bin/tool"));
        let found = resolve("./x/y", folder.path(), None).unwrap();
        assert_eq!(found, folder.path().join("./x/y"));
    }

    #[test]
    fn the_message_says_where_was_looked() {
        let error = resolve("tool", Path::new("/job"), Some(OsStr::new("/no/a::b"))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "program \"tool\" not found: tried /no/a/tool, /job/tool, /job/b/tool"
        );
        assert!(!error.is_transient());
    }

    #[test]
    fn a_file_that_is_not_executable_is_named() {
        let folder = tempfile::tempdir().unwrap();
        file(&folder.path().join("tool"), 0o644);
        let error = resolve("tool", folder.path(), Some(OsStr::new(""))).unwrap_err();
        // Root may execute what has no execute bit? No: access(2) says no if no bit is set.
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("is not executable"));
    }
}
