//! Removes what tasks read: files, and folders with everything in them.
//!
//! It refuses to make any, and to fail because something is gone already.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Removes a file or a folder. For a file it is one system call.
///
/// # Errors
/// If something is there and stays.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => fs::remove_dir_all(path),
        removed => removed,
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes all of these as far as that is possible. What stays is removed by the next service.
pub(crate) fn remove_all(paths: &[PathBuf]) {
    for path in paths {
        let _next_time = remove(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_and_folders_with_what_is_in_them_and_links_do_not_lead_out() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("kept"), "").unwrap();
        fs::write(at("file"), "").unwrap();
        fs::create_dir_all(at("job/deep")).unwrap();
        fs::write(at("job/deep/file"), "").unwrap();
        std::os::unix::fs::symlink(folder.path(), at("job/out")).unwrap();
        std::os::unix::fs::symlink(folder.path(), at("link")).unwrap();
        for name in ["file", "job", "link", "absent"] {
            remove(&at(name)).unwrap();
        }
        let left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["kept"]);
    }
}
