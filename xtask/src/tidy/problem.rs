//! A list of problems, in the order of the files they are in.

use std::collections::BTreeSet;
use std::fmt;

/// What is wrong, where, and what to do.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    path: String,
    /// From 1; 0 if it is about the whole file.
    line: usize,
    message: String,
}

/// All problems, sorted.
#[derive(Debug, Default)]
pub(super) struct Problems(BTreeSet<Problem>);

impl Problems {
    /// Adds a problem of a whole file or folder.
    pub(super) fn add(&mut self, path: &str, message: impl Into<String>) {
        self.add_at(path, 0, message);
    }

    /// Adds a problem of one line, counted from 1.
    pub(super) fn add_at(&mut self, path: &str, line: usize, message: impl Into<String>) {
        self.0.insert(Problem {
            path: path.to_owned(),
            line,
            message: message.into(),
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            match problem.line {
                0 => write!(f, "  {}: {}", problem.path, problem.message)?,
                line => write!(f, "  {}:{line}: {}", problem.path, problem.message)?,
            }
        }
        Ok(())
    }
}
