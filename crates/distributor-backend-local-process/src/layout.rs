//! Where things are: file names under the state directory, and tokens.
//!
//! It refuses to touch any file, so it can serve `info_url` (DC-43).

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use distributor_core::{ExecutionId, LogStream, Token};

/// The results of what a simple quest needs.
pub(crate) const RESULTS: &str = "results.json";
/// The quest's parameters.
pub(crate) const PARAMETERS: &str = "parameters.json";
/// The standard input.
pub(crate) const STDIN: &str = "stdin";
/// A folder: what a job that calls the API needs for that.
pub(crate) const JOB: &str = "job";

const WORK_NAMES: [&str; 4] = [RESULTS, PARAMETERS, STDIN, JOB];

/// The private folder of one configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Everything is under `root`.
    pub(crate) fn new(root: PathBuf) -> Self {
        Layout { root }
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Folder of the log segments.
    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// Folder of the tasks' outputs.
    pub(crate) fn outputs(&self) -> PathBuf {
        self.root.join("output")
    }

    /// Folder of files that tasks read, each there until its task is over.
    pub(crate) fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// What supervisors say when something is wrong with themselves.
    pub(crate) fn supervisor_stderr(&self) -> PathBuf {
        self.root.join("supervisor.stderr")
    }

    /// The output of a task. In 64 folders: few enough that tasks rarely have to make one, which
    /// costs as much as both files, and enough to keep each small.
    pub(crate) fn output(&self, id: &str, stream: LogStream) -> PathBuf {
        let extension = match stream {
            LogStream::Stdout => "stdout",
            LogStream::Stderr => "stderr",
        };
        let shard = id.get(..1).unwrap_or(id);
        self.outputs()
            .join(shard)
            .join(format!("{}.{extension}", stem(id)))
    }

    /// What a task reads under this name, one of [`WORK_NAMES`].
    pub(crate) fn work_file(&self, id: &str, name: &str) -> PathBuf {
        self.work().join(format!("{}.{name}", stem(id)))
    }

    /// All that a task can have had to read.
    pub(crate) fn work_files(&self, id: &str) -> [PathBuf; WORK_NAMES.len()] {
        WORK_NAMES.map(|name| self.work_file(id, name))
    }

    /// A `file:` URL of a task's standard output; of the folder of outputs for a bogus token.
    pub(crate) fn info_url(&self, token: &Token) -> String {
        let path = match TaskName::parse(token) {
            Some(name) => self.output(&name.id, LogStream::Stdout),
            None => self.outputs(),
        };
        let mut url = "file://".to_owned();
        for byte in path.as_os_str().as_bytes() {
            match byte {
                b'/' | b'-' | b'_' | b'.' | b'~' => url.push(char::from(*byte)),
                byte if byte.is_ascii_alphanumeric() => url.push(char::from(*byte)),
                byte => {
                    // Writing to a string cannot fail.
                    let _infallible = write!(url, "%{byte:02X}");
                }
            }
        }
        url
    }
}

/// `QUEST|N|E` as a part of a file name.
fn stem(id: &str) -> String {
    id.replace('|', ".")
}

/// The execution whose file this work file is.
pub(crate) fn execution_of_work_file(name: &str) -> Option<String> {
    let mut parts = name.splitn(4, '.');
    let (quest, attempt, execution) = (parts.next()?, parts.next()?, parts.next()?);
    Some(format!("{quest}|{attempt}|{execution}"))
}

/// What a token says: `BOOT/QUEST|N|E`.
///
/// The boot is a part of it so that after a restart of the machine it is known, even without any
/// record, that the task is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskName {
    /// The first eight characters of the kernel's boot id.
    pub(crate) boot: String,
    /// The execution.
    pub(crate) id: String,
}

impl TaskName {
    /// The token that names the task.
    pub(crate) fn token(boot: &str, id: &str) -> Token {
        Token(format!("{boot}/{id}"))
    }

    /// Reads a token; `None` if this backend did not make it.
    pub(crate) fn parse(token: &Token) -> Option<Self> {
        let (boot, id) = token.0.split_once('/')?;
        if boot.is_empty() || id.parse::<ExecutionId>().is_err() {
            return None;
        }
        Some(TaskName {
            boot: boot.to_owned(),
            id: id.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dc_43_any_token_gives_a_url() {
        let layout = Layout::new(PathBuf::from("/state dir/ü"));
        for token in ["", "nonsense", "a/b", "a/../../etc|1|1", "\0"] {
            let url = layout.info_url(&Token(token.to_owned()));
            assert_eq!(url, "file:///state%20dir/%C3%BC/output", "{token:?}");
        }
    }

    #[test]
    fn a_work_file_tells_whose_it_is() {
        let layout = Layout::new(PathBuf::from("/s"));
        let path = layout.work_file("abc-_|3|14", "results.json");
        assert_eq!(path, layout.work().join("abc-_.3.14.results.json"));
        assert_eq!(
            execution_of_work_file("abc-_.3.14.results.json").as_deref(),
            Some("abc-_|3|14")
        );
        assert_eq!(execution_of_work_file("x"), None);
    }
}
