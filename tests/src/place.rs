//! A folder with graph files and a state directory, and commands that run in it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{program, with_all_features, without_settings};
use crate::processes::Process;
use crate::running::Running;

/// A fresh folder. The state directory is the default one in it, `.distributor`.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Done {
    /// What was called, for messages.
    pub command: String,
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
}

impl Place {
    /// Makes one.
    #[expect(clippy::new_without_default, reason = "making a folder is no default")]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Place { folder }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The default state directory.
    pub fn state(&self) -> PathBuf {
        self.join(".distributor")
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("a folder");
        }
        fs::write(&path, text).expect("a file");
        path
    }

    /// The text of a file; empty if there is none.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.join(name)).unwrap_or_default()
    }

    /// Copies a folder of the repository, `examples/c-build` for example, into this one.
    pub fn copy(&self, repository_path: &str, name: &str) {
        let from = repository().join(repository_path);
        let status = Command::new("cp")
            .args(["-R"])
            .arg(&from)
            .arg(self.join(name))
            .status()
            .expect("cp starts");
        assert!(status.success(), "{} was not copied", from.display());
    }

    /// The command, in this folder and without the environment's own settings.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = program();
        command.args(arguments).current_dir(self.path());
        command
    }

    /// The same, of the program with all features.
    pub fn command_with_all_features<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = without_settings(with_all_features());
        command.args(arguments).current_dir(self.path());
        command
    }

    /// Runs it to its end.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Done {
        Done::of(self.command(arguments))
    }

    /// Runs it with a variable in its environment.
    pub fn run_with<A: AsRef<OsStr>>(
        &self,
        variable: (&str, &str),
        arguments: impl IntoIterator<Item = A>,
    ) -> Done {
        let mut command = self.command(arguments);
        command.env(variable.0, variable.1);
        Done::of(command)
    }

    /// What works in this folder now.
    pub fn processes(&self) -> Vec<Process> {
        Process::all_in(self.path())
    }

    /// Starts it.
    pub fn start<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Running {
        Running::start(self.command(arguments))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A test that failed may leave jobs that wait for it.
        for process in self.processes() {
            process.kill();
        }
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            kept(self.path());
        }
    }
}

impl Done {
    /// Runs `command` to its end.
    pub fn of(mut command: Command) -> Self {
        let called = format!("{command:?}");
        let output = command.output().expect("the program starts");
        Done {
            command: called,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Checks the exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("no JSON: {error}\n{self}"),
        }
    }

    /// The job of this name in the output of `run --json`.
    #[track_caller]
    pub fn job(&self, name: &str) -> Value {
        let output = self.json();
        let mut jobs = output["jobs"].as_array().into_iter().flatten();
        match jobs.find(|job| job["name"] == name) {
            Some(job) => job.clone(),
            None => panic!("no job {name}\n{self}"),
        }
    }

    /// Standard output has this in it.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text), "stdout lacks {text:?}\n{self}");
        self
    }

    /// Standard error has this in it.
    #[track_caller]
    pub fn complains(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "stderr lacks {text:?}\n{self}");
        self
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}\nexit code: {:?}\n--- stdout\n{}--- stderr\n{}---",
            self.command, self.code, self.stdout, self.stderr
        )
    }
}

#[expect(clippy::print_stderr, reason = "a failed test says where to look")]
fn kept(folder: &Path) {
    eprintln!("the folder of the test is kept: {}", folder.display());
}

/// The repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
