//! What is wrong with a configuration file, and where. It only holds and renders.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong with a configuration file.
///
/// `Display` prints `FILE:LINE:COLUMN: PATH: message` and the advice on a second line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The file, as the caller named it.
    pub file: String,
    /// Line, counted from 1; 0 if the whole file is meant.
    pub line: usize,
    /// Column, counted from 1 in characters; 0 if the whole file is meant.
    pub column: usize,
    /// The field, for example `distributor_configs["sim"].noop.delay`; empty if the whole file is
    /// meant.
    pub path: String,
    /// What is wrong: a lowercase fragment without full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// The first line of `Display`, without the advice.
    pub(super) fn headline(&self) -> String {
        let mut line = self.file.clone();
        if self.line > 0 {
            line.push_str(&format!(":{}:{}", self.line, self.column));
        }
        line.push_str(": ");
        if !self.path.is_empty() {
            line.push_str(&self.path);
            line.push_str(": ");
        }
        line.push_str(&self.message);
        one_line(&line)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {}", one_line(help)),
            None => Ok(()),
        }
    }
}

/// Messages quote the file: a control character in it must not reach a terminal.
fn one_line(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> Problem {
        Problem {
            file: "a.cfg".to_owned(),
            line: 3,
            column: 7,
            path: "distributor_configs[\"x\"].noop".to_owned(),
            message: "unknown field `a\u{1b}[2J`".to_owned(),
            help: Some("write b".to_owned()),
        }
    }

    #[test]
    fn display_is_two_lines_without_control_characters() {
        assert_eq!(
            problem().to_string(),
            "a.cfg:3:7: distributor_configs[\"x\"].noop: unknown field `a\\u{1b}[2J`\n  help: write b"
        );
    }

    #[test]
    fn a_problem_of_the_whole_file_has_no_position() {
        let whole = Problem {
            line: 0,
            column: 0,
            path: String::new(),
            help: None,
            message: "it is too large".to_owned(),
            ..problem()
        };
        assert_eq!(whole.to_string(), "a.cfg: it is too large");
    }

    #[test]
    fn json_has_the_same_names() {
        let json = serde_json::to_value(problem()).unwrap();
        let names: Vec<_> = json
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(names, ["column", "file", "help", "line", "message", "path"]);
    }
}
