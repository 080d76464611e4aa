//! Problems of graph and configuration files in one list: as lines for people, as JSON for programs.
//!
//! The readers of those files have a type each; a user should not have to care.

use std::fmt;
use std::path::Path;

use distributor_api::TemplateProblem;
use distributor_core::config_file;
use serde::Serialize;

use crate::graph_file::Problems;

/// One problem of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The file, as the user called it.
    pub(crate) file: String,
    /// Counted from 1; null if the whole file is meant.
    pub(crate) line: Option<usize>,
    /// Counted from 1 in characters; null if the whole file is meant.
    pub(crate) column: Option<usize>,
    /// The field; empty if the whole file is meant.
    pub(crate) path: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
}

/// All that was found.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Findings {
    /// File by file, each in its own order.
    pub(crate) problems: Vec<Finding>,
}

impl Findings {
    /// Adds those of a graph file.
    pub(crate) fn add_graph(&mut self, problems: &Problems) {
        let file = problems.file().display().to_string();
        for problem in problems.sorted() {
            let position = problem.position;
            self.problems.push(Finding {
                file: file.clone(),
                line: position.map(|at| at.line as usize),
                column: position.map(|at| at.column as usize),
                path: problem.path.clone(),
                message: problem.message.clone(),
                help: problem.help.clone(),
            });
        }
    }

    /// Adds those of a configuration file.
    pub(crate) fn add_config(&mut self, problems: &[config_file::Problem]) {
        for problem in problems {
            self.problems.push(Finding {
                file: problem.file.clone(),
                line: Some(problem.line).filter(|line| *line > 0),
                column: Some(problem.column).filter(|column| *column > 0),
                path: problem.path.clone(),
                message: problem.message.clone(),
                help: problem.help.clone(),
            });
        }
    }

    /// Adds those of a file with quest templates.
    pub(crate) fn add_templates(&mut self, file: &Path, problems: &[TemplateProblem]) {
        for problem in problems {
            self.problems.push(Finding {
                file: file.display().to_string(),
                line: Some(problem.line as usize).filter(|line| *line > 0),
                column: Some(problem.column as usize).filter(|column| *column > 0),
                path: problem.path.clone(),
                message: problem.message.clone(),
                help: None,
            });
        }
    }

    /// True if nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        f.write_str(":")?;
        if !self.path.is_empty() {
            write!(f, " {}:", one_line(&self.path))?;
        }
        write!(f, " {}", one_line(&self.message))?;
        match &self.help {
            Some(help) => write!(f, "\n    help: {}", one_line(help)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.problems {
            writeln!(f, "{finding}")?;
        }
        match self.problems.len() {
            1 => f.write_str("1 problem"),
            count => write!(f, "{count} problems"),
        }
    }
}

/// Text from files and jobs, made harmless to a terminal and kept on its line.
pub(crate) fn one_line(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() => clean.extend(c.escape_default()),
            c => clean.push(c),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph_file::{Position, Problem};

    #[test]
    fn both_kinds_of_files_are_shown_alike() {
        let mut graph = Problems::new("g.toml");
        graph.push(
            Problem::new(Position { line: 2, column: 3 }, "jobs.a", "bad\u{7}").with_help("do"),
        );
        let mut findings = Findings::default();
        findings.add_graph(&graph);
        findings.add_config(&[config_file::Problem {
            file: "c.cfg".to_owned(),
            line: 0,
            column: 0,
            path: String::new(),
            message: "too large".to_owned(),
            help: None,
        }]);
        assert_eq!(
            findings.to_string(),
            "g.toml:2:3: jobs.a: bad\\u{7}\n    help: do\nc.cfg: too large\n2 problems"
        );
        assert_eq!(
            serde_json::to_value(&findings).unwrap()["problems"][1],
            serde_json::json!({"file": "c.cfg", "line": null, "column": null, "path": "",
                "message": "too large", "help": null})
        );
    }
}
