//! A quest's `distributor_parameters` for this backend: which program, with what around it.
//!
//! It refuses unknown fields and everything that could not be passed to a process. It does not
//! look at the file system: whether a program exists is known when it is started.

use std::collections::BTreeMap;

use distributor_core::{Error, ErrorKind, Result};
use serde::Deserialize;

use crate::config::OUR_PREFIX;
use crate::job::SERVER_VARIABLE;

/// Largest standard input, in bytes.
const MOST_STDIN: usize = 1 << 20;

/// The checked parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameters {
    /// The argument vector, at least one element.
    pub(crate) argv: Vec<String>,
    /// Variables on top of those that are passed on.
    pub(crate) env: BTreeMap<String, String>,
    /// Text for standard input.
    pub(crate) stdin: Option<String>,
    /// Absolute working directory, unless the quest's description says one.
    pub(crate) directory: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    argv: Option<Vec<String>>,
    shell: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    stdin: Option<String>,
    directory: Option<String>,
}

impl Parameters {
    /// Reads and checks a JSON object.
    ///
    /// # Errors
    /// `InvalidArgument`, naming the field.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let raw: Raw = serde_json::from_str(text)
            .map_err(|error| wrong(format!("wrong local_process parameters: {error}")))?;
        let argv = match (raw.argv, raw.shell) {
            (Some(argv), None) => check_argv(argv)?,
            (None, Some(shell)) => {
                no_nul("shell", &shell)?;
                vec!["/bin/sh".to_owned(), "-c".to_owned(), shell]
            }
            (Some(_), Some(_)) => {
                return Err(wrong("argv, shell: only one of the two may be given"));
            }
            (None, None) => {
                return Err(wrong(
                    "argv or shell is missing: give argv = [program, argument, …], or shell = a \
                     command line for /bin/sh",
                ));
            }
        };
        for (name, value) in &raw.env {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(wrong(format!(
                    "env: {name:?} cannot be the name of a variable"
                )));
            }
            if name.starts_with(OUR_PREFIX) && name != SERVER_VARIABLE {
                return Err(wrong(format!(
                    "env.{name}: names that start with {OUR_PREFIX} are set by the service"
                )));
            }
            no_nul(&format!("env.{name}"), value)?;
        }
        if let Some(stdin) = &raw.stdin
            && stdin.len() > MOST_STDIN
        {
            return Err(wrong(format!(
                "stdin: {} bytes are more than {MOST_STDIN}; put them into a file",
                stdin.len()
            )));
        }
        if let Some(directory) = &raw.directory {
            no_nul("directory", directory)?;
            if !directory.starts_with('/') {
                return Err(wrong(format!(
                    "directory: {directory:?} is not an absolute path"
                )));
            }
        }
        Ok(Parameters {
            argv,
            env: raw.env,
            stdin: raw.stdin,
            directory: raw.directory,
        })
    }
}

fn check_argv(argv: Vec<String>) -> Result<Vec<String>> {
    match argv.first() {
        None => return Err(wrong("argv: empty; the first element is the program")),
        Some(program) if program.is_empty() => {
            return Err(wrong("argv[0]: empty; it is the program"));
        }
        Some(_) => {}
    }
    for (index, argument) in argv.iter().enumerate() {
        no_nul(&format!("argv[{index}]"), argument)?;
    }
    Ok(argv)
}

fn no_nul(path: &str, text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(wrong(format!(
            "{path}: contains a NUL character, which no process can be given"
        )));
    }
    Ok(())
}

fn wrong(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_command_line_is_an_argument_of_sh() {
        let parameters = Parameters::parse(r#"{"shell": "echo $X", "env": {"X": "1"}}"#).unwrap();
        assert_eq!(parameters.argv, ["/bin/sh", "-c", "echo $X"]);
        assert_eq!(parameters.env["X"], "1");
    }

    #[test]
    fn of_our_variables_a_job_may_set_where_the_api_is() {
        let text = r#"{"argv": ["a"], "env": {"DISTRIBUTOR_SERVER": "http://proxy"}}"#;
        let parameters = Parameters::parse(text).unwrap();
        assert_eq!(parameters.env["DISTRIBUTOR_SERVER"], "http://proxy");
    }

    #[test]
    fn dc_53_each_wrong_field_is_named() {
        let long = format!(
            r#"{{"argv": ["a"], "stdin": "{}"}}"#,
            "x".repeat(MOST_STDIN + 1)
        );
        let table = [
            (r#"{}"#, "argv or shell is missing"),
            (r#"{"argv": ["a"], "shell": "b"}"#, "argv, shell: only one"),
            (r#"{"argv": []}"#, "argv: empty"),
            (r#"{"argv": [""]}"#, "argv[0]: empty"),
            (r#"{"argv": ["a", "b\u0000"]}"#, "argv[1]: contains a NUL"),
            (r#"{"argv": "ls"}"#, "expected a sequence"),
            (r#"{"argv": ["a"], "arg": 1}"#, "unknown field `arg`"),
            (r#"{"shell": "\u0000"}"#, "shell: contains a NUL"),
            (r#"{"shell": "a", "env": {"": "1"}}"#, "env: \"\" cannot be"),
            (
                r#"{"shell": "a", "env": {"A=B": "1"}}"#,
                "env: \"A=B\" cannot be",
            ),
            (
                r#"{"shell": "a", "env": {"A": "\u0000"}}"#,
                "env.A: contains a NUL",
            ),
            (
                r#"{"shell": "a", "env": {"DISTRIBUTOR_X": "1"}}"#,
                "env.DISTRIBUTOR_X: names that start with DISTRIBUTOR_",
            ),
            (
                r#"{"shell": "a", "directory": "b"}"#,
                "directory: \"b\" is not an absolute",
            ),
            (&long, "stdin: 1048577 bytes are more than 1048576"),
        ];
        for (text, expected) in table {
            let error = Parameters::parse(text).unwrap_err();
            assert!(error.to_string().contains(expected), "{text}: {error}");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(!error.is_transient());
        }
    }
}
