//! The bytes of a configuration, all read in one go. It refuses to know what they mean.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Location;
use crate::cli::findings::Finding;

/// Longest file that is read, in bytes.
const LONGEST: u64 = 64 * 1024 * 1024;
/// Most projects that may have templates.
const MOST_PROJECTS: usize = 10_000;

/// A file's name for messages, and its content.
pub(crate) type Content = (PathBuf, Vec<u8>);

/// All files of one version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Files {
    pub(super) distributors: Option<Content>,
    pub(super) acls: Option<Content>,
    /// By project.
    pub(super) templates: BTreeMap<String, Content>,
    pub(super) revision: Option<Content>,
}

impl Files {
    /// Reads what is there. What is not there is no error; what cannot be read is.
    pub(crate) fn read(location: &Location) -> Result<Self, Box<Finding>> {
        match location {
            Location::BuiltIn => Ok(Files::default()),
            Location::File(path) => match read(path.clone())? {
                Some(content) => Ok(Files {
                    distributors: Some(content),
                    ..Files::default()
                }),
                None => Err(unreadable(path, "there is no such file")),
            },
            Location::Directory(folder) => {
                if !folder.is_dir() {
                    return Err(unreadable(folder, "there is no such folder"));
                }
                Ok(Files {
                    distributors: read(folder.join("distributors.cfg"))?,
                    acls: read(folder.join("acls.cfg"))?,
                    templates: read_projects(&folder.join("projects"))?,
                    revision: read(folder.join("revision"))?,
                })
            }
        }
    }

    /// Is there a file that says who may do what?
    pub(crate) fn has_acls(&self) -> bool {
        self.acls.is_some()
    }

    /// Names this content: 16 hexadecimal digits.
    pub(super) fn digest(&self) -> String {
        let mut digest = Sha256::new();
        let mut add = |name: &str, content: &[u8]| {
            for part in [name.as_bytes(), content] {
                digest.update((part.len() as u64).to_le_bytes());
                digest.update(part);
            }
        };
        let single = [("distributors", &self.distributors), ("acls", &self.acls)];
        for (name, content) in single {
            if let Some((_, bytes)) = content {
                add(name, bytes);
            }
        }
        for (project, (_, bytes)) in &self.templates {
            add(&format!("templates/{project}"), bytes);
        }
        let digest = digest.finalize();
        digest[..8].iter().map(|it| format!("{it:02x}")).collect()
    }
}

fn read_projects(folder: &Path) -> Result<BTreeMap<String, Content>, Box<Finding>> {
    let mut projects = BTreeMap::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(projects),
        Err(error) => return Err(unreadable(folder, error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, error))?;
        let Ok(project) = entry.file_name().into_string() else {
            return Err(unreadable(&entry.path(), "a project's name must be UTF-8"));
        };
        let path = entry.path().join("dm").join("quest_templates.cfg");
        if let Some(content) = read(path)? {
            projects.insert(project, content);
        }
        if projects.len() > MOST_PROJECTS {
            let reason = format!("more than {MOST_PROJECTS} projects have templates");
            return Err(unreadable(folder, reason));
        }
    }
    Ok(projects)
}

fn read(path: PathBuf) -> Result<Option<Content>, Box<Finding>> {
    let file = match File::open(&path) {
        Ok(file) => file,
        // A folder where the file would be below a file is as good as none.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(&path, error)),
    };
    let is_file = file.metadata().is_ok_and(|it| it.is_file());
    if !is_file {
        return Err(unreadable(&path, "it is not a file"));
    }
    let mut bytes = Vec::new();
    // One more than allowed, to see that there is more; the size may change while it is read.
    let read = file.take(LONGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(&path, error))?;
    if bytes.len() as u64 > LONGEST {
        let reason = format!("it is longer than {LONGEST} bytes");
        return Err(unreadable(&path, reason));
    }
    Ok(Some((path, bytes)))
}

fn unreadable(path: &Path, reason: impl std::fmt::Display) -> Box<Finding> {
    Box::new(Finding {
        file: path.display().to_string(),
        line: None,
        column: None,
        path: String::new(),
        message: format!("cannot be read: {reason}"),
        help: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: PathBuf, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_folder_is_read_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Directory(folder.path().to_owned());
        assert_eq!(Files::read(&location).unwrap(), Files::default());
        write(folder.path().join("distributors.cfg"), "a");
        write(folder.path().join("projects/p/dm/quest_templates.cfg"), "b");
        write(folder.path().join("projects/README"), "not a project");
        let files = Files::read(&location).unwrap();
        assert_eq!(files.distributors.as_ref().unwrap().1, b"a");
        assert_eq!(files.templates["p"].1, b"b");
        assert!(!files.has_acls());
    }

    #[test]
    fn every_file_but_the_revision_is_part_of_the_digest() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Directory(folder.path().to_owned());
        let mut digests = std::collections::BTreeSet::new();
        let digest = || Files::read(&location).unwrap().digest();
        digests.insert(digest());
        for file in [
            "distributors.cfg",
            "acls.cfg",
            "projects/p/dm/quest_templates.cfg",
        ] {
            write(folder.path().join(file), "");
            assert!(digests.insert(digest()), "{file}");
            write(folder.path().join(file), "x");
            assert!(digests.insert(digest()), "{file}");
        }
        write(folder.path().join("revision"), "17");
        assert!(!digests.insert(digest()));
    }

    #[test]
    fn what_is_named_and_missing_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no");
        for location in [
            Location::Directory(missing.clone()),
            Location::File(missing),
        ] {
            let finding = Files::read(&location).unwrap_err();
            assert!(finding.message.contains("no such"), "{finding}");
        }
        let folder = Location::File(folder.path().to_owned());
        let finding = Files::read(&folder).unwrap_err();
        assert!(finding.message.contains("not a file"), "{finding}");
    }
}
