//! What is wrong with a graph file, and where.
//!
//! A problem never stops the search for the next one: all of a file are shown at once. This module only
//! holds and renders them; it does not decide what is wrong.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::ser::{Serialize, SerializeSeq, Serializer};

/// A place in a graph file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Position {
    /// Line, counted from 1.
    pub line: u32,
    /// Column, counted from 1 in characters (not bytes).
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One thing that is wrong with a graph file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// Where it is; absent if the whole file is meant.
    pub position: Option<Position>,
    /// The field, for example `jobs.compile.needs[1]`; empty if the whole file is meant.
    pub path: String,
    /// What is wrong: a lowercase fragment without full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// A problem at `position` in the field `path`.
    pub fn new(position: Position, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            position: Some(position),
            path: path.into(),
            message: message.into(),
            help: None,
        }
    }

    /// A problem of the file as a whole.
    pub fn of_file(message: impl Into<String>) -> Self {
        Self {
            position: None,
            path: String::new(),
            message: message.into(),
            help: None,
        }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// All problems of one graph file.
///
/// `Display` prints `FILE:LINE:COLUMN: FIELD: message` for each, ordered by position, with the advice on a
/// second line. Serializes as a list of objects in the same order, each with the name of the file.
#[derive(Clone, Debug)]
pub struct Problems {
    file: PathBuf,
    list: Vec<Problem>,
}

impl Problems {
    /// No problems yet; `file` is how the user called the graph file.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            list: Vec::new(),
        }
    }

    /// The graph file, as the user called it.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Adds one more.
    pub fn push(&mut self, problem: Problem) {
        self.list.push(problem);
    }

    /// Whether the file is free of problems.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// All of them, ordered by position; those of the whole file come first.
    pub fn sorted(&self) -> Vec<&Problem> {
        let mut sorted: Vec<&Problem> = self.list.iter().collect();
        sorted.sort_by(|a, b| (a.position, &a.path).cmp(&(b.position, &b.path)));
        sorted
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.sorted().into_iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{}:", self.file.display())?;
            if let Some(position) = problem.position {
                write!(f, "{position}:")?;
            }
            if !problem.path.is_empty() {
                write!(f, " {}:", one_line(&problem.path))?;
            }
            write!(f, " {}", one_line(&problem.message))?;
            if let Some(help) = &problem.help {
                write!(f, "\n    help: {}", one_line(help))?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl Serialize for Problems {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct InFile<'a> {
            file: Cow<'a, str>,
            #[serde(flatten)]
            problem: &'a Problem,
        }
        let mut list = serializer.serialize_seq(Some(self.list.len()))?;
        for problem in self.sorted() {
            list.serialize_element(&InFile {
                file: self.file.to_string_lossy(),
                problem,
            })?;
        }
        list.end()
    }
}

/// Texts of the file are quoted in messages: a control character in them must not reach a terminal, nor
/// break the rule of one line for each problem.
fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32) -> Position {
        Position { line, column }
    }

    #[test]
    fn problems_are_shown_in_the_order_of_the_file() {
        let mut problems = Problems::new("a.toml");
        problems.push(Problem::new(at(10, 1), "jobs.b", "second"));
        problems.push(Problem::new(at(9, 30), "jobs.a", "first").with_help("do this"));
        problems.push(Problem::of_file("whole"));
        assert_eq!(
            problems.to_string(),
            "a.toml: whole\na.toml:9:30: jobs.a: first\n    help: do this\na.toml:10:1: jobs.b: second"
        );
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let mut problems = Problems::new("a.toml");
        problems.push(Problem::new(at(1, 1), "x", "bad \u{1b}[2J\nname"));
        assert_eq!(problems.to_string(), r"a.toml:1:1: x: bad \u{1b}[2J\nname");
    }

    #[test]
    fn json_names_the_file_and_keeps_the_order() {
        let mut problems = Problems::new("a.toml");
        problems.push(Problem::new(at(2, 1), "y", "later"));
        problems.push(Problem::new(at(1, 4), "x", "sooner"));
        assert_eq!(
            serde_json::to_value(&problems).unwrap(),
            serde_json::json!([
                {"file": "a.toml", "position": {"line": 1, "column": 4}, "path": "x", "message": "sooner", "help": null},
                {"file": "a.toml", "position": {"line": 2, "column": 1}, "path": "y", "message": "later", "help": null},
            ])
        );
    }
}
