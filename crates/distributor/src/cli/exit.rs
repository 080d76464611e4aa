//! How the program ends: its exit codes, and the failures that lead to them.
//!
//! One table for all commands. Scripts rely on it, so a code never changes its meaning.

use std::process::ExitCode;

use distributor_store::StoreError;

use super::findings::Findings;

/// What an exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All went well; for `run`, every job finished.
    Finished,
    /// A job ended abnormally.
    JobFailed,
    /// Arguments, a graph or a configuration are wrong, and nothing was run.
    BadInput,
    /// The program or its store failed.
    Internal,
    /// Another process works on the state directory.
    InUse,
    /// Somebody interrupted the run.
    Interrupted,
}

/// The table for people, under every `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0    all went well; for `run`: every job finished
  1    a job ended abnormally
  2    bad input (arguments, graph file, configuration, unknown id); nothing was run
  3    internal error, or the state or the service could not be read or written
  4    the state directory is in use by another process
  130  interrupted by a signal; the next `run` goes on from there";

impl Exit {
    /// The number that the process ends with.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Exit::Finished => 0,
            Exit::JobFailed => 1,
            Exit::BadInput => 2,
            Exit::Internal => 3,
            Exit::InUse => 4,
            // As a shell reports a program that SIGINT ended.
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The user asked for something that cannot be.
    #[error("{0}")]
    Input(String),
    /// Files have problems, all of them found at once.
    #[error("{0}")]
    Findings(Findings),
    /// The store failed or is not there.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system refused something.
    #[error("cannot {what}: {source}")]
    System {
        /// What was to be done.
        what: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A service failed, or cannot be reached.
    #[error("{0}")]
    Service(String),
    /// A bug, or a part of the program that gave up.
    #[error("{0}")]
    Internal(String),
}

impl Failure {
    /// The exit code that belongs to it.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Input(_) | Failure::Findings(_) => Exit::BadInput,
            Failure::Store(StoreError::Absent { .. }) => Exit::BadInput,
            Failure::Store(StoreError::InUse { .. }) => Exit::InUse,
            Failure::Store(_)
            | Failure::System { .. }
            | Failure::Service(_)
            | Failure::Internal(_) => Exit::Internal,
        }
    }

    /// For `map_err`: what could not be done, in the words after "cannot".
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Failure::System { what, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Exit; 6] = [
        Exit::Finished,
        Exit::JobFailed,
        Exit::BadInput,
        Exit::Internal,
        Exit::InUse,
        Exit::Interrupted,
    ];

    #[test]
    fn codes_never_change() {
        assert_eq!(ALL.map(Exit::code), [0, 1, 2, 3, 4, 130]);
    }

    #[test]
    fn the_help_lists_every_code_once() {
        let listed: Vec<u8> = HELP
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(listed, ALL.map(Exit::code));
    }

    #[test]
    fn failures_have_the_codes_of_the_table() {
        let directory = || "x".to_owned();
        let absent = StoreError::Absent {
            directory: directory(),
        };
        let in_use = StoreError::InUse {
            directory: directory(),
            holder: "1".to_owned(),
        };
        let table = [
            (Failure::Input(String::new()), Exit::BadInput),
            (Failure::Findings(Findings::default()), Exit::BadInput),
            (Failure::Store(absent), Exit::BadInput),
            (Failure::Store(in_use), Exit::InUse),
            (Failure::Store(StoreError::ReadOnly), Exit::Internal),
            (Failure::Internal(String::new()), Exit::Internal),
            (
                Failure::system("x")(std::io::Error::other("y")),
                Exit::Internal,
            ),
        ];
        for (failure, exit) in table {
            assert_eq!(failure.exit(), exit, "{failure:?}");
        }
    }
}
