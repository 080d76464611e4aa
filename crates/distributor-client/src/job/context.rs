//! What a backend gives a task: the file named by `LUCI_CONTEXT`, and others named by variables.
//!
//! It refuses to quote these files in an error: they hold tokens.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use distributor_proto::{dm, text};
use serde::Deserialize;

/// Names the file with the authorization.
pub const CONTEXT_VARIABLE: &str = "LUCI_CONTEXT";
/// Names the file with the data of the attempt's last successful execution.
pub const PREVIOUS_VARIABLE: &str = "DISTRIBUTOR_PREVIOUS";
/// Says where the service is.
pub const SERVER_VARIABLE: &str = "DISTRIBUTOR_SERVER";

/// The task was not given what it needs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// The variable is not set: this is no task of a job that calls the API.
    #[error(
        "{name} is not set: this works in a task that a service has started for a quest without meta.simple"
    )]
    Variable {
        /// Its name.
        name: &'static str,
    },
    /// The file cannot be read, or not be written.
    #[error("{}: {source}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{}: {problem}", path.display())]
    Malformed {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The authorization names no execution.
    #[error("the authorization names no execution")]
    NoExecution,
    /// No process of the task has activated the execution.
    #[error("this task has not activated its execution: do that first")]
    NotActivated,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

/// Only what is of interest; there may be more in it.
#[derive(Deserialize)]
struct LuciContext {
    swarming: Option<Swarming>,
}

#[derive(Deserialize)]
struct Swarming {
    secret_bytes: Option<String>,
}

/// The path of the context file.
pub(super) fn path() -> Result<PathBuf, ContextError> {
    variable(CONTEXT_VARIABLE).ok_or(ContextError::Variable {
        name: CONTEXT_VARIABLE,
    })
}

/// The path of the previous data, if there is one.
pub(super) fn previous_path() -> Option<PathBuf> {
    variable(PREVIOUS_VARIABLE)
}

fn variable(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name)?;
    (!value.is_empty()).then(|| value.into())
}

/// The authorization in the context file.
pub(super) fn read(path: &Path) -> Result<dm::execution::Auth, ContextError> {
    let text = read_text(path)?;
    let malformed = |problem| ContextError::Malformed {
        path: path.to_owned(),
        problem,
    };
    let context: LuciContext =
        serde_json::from_str(&text).map_err(|_| malformed("is not a LUCI context in JSON"))?;
    let secret = context.swarming.and_then(|swarming| swarming.secret_bytes);
    let secret = secret.ok_or_else(|| malformed("has no swarming.secret_bytes"))?;
    let auth = STANDARD
        .decode(secret)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text::from_json::<dm::execution::Auth>(&text).ok());
    let auth = auth.filter(|auth| auth.id.is_some());
    auth.ok_or_else(|| {
        malformed("swarming.secret_bytes is not the base64 of a dm.Execution.Auth in JSON")
    })
}

/// The text of a file.
pub(super) fn read_text(path: &Path) -> Result<String, ContextError> {
    fs::read_to_string(path).map_err(|source| ContextError::File {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(secret: &str) -> String {
        format!(r#"{{"local_auth":{{"x":[1]}},"swarming":{{"secret_bytes":"{secret}","y":2}}}}"#)
    }

    #[test]
    fn the_authorization_is_found_among_other_things() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("context.json");
        let auth = r#"{"id":{"quest":"q","attempt":2,"id":3},"token":"AAEC"}"#;
        fs::write(&path, context(&STANDARD.encode(auth))).unwrap();
        let expected = dm::execution::Auth {
            id: Some(dm::execution::Id {
                quest: "q".to_owned(),
                attempt: 2,
                id: 3,
            }),
            token: vec![0, 1, 2],
        };
        assert_eq!(read(&path).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("context.json");
        let encode = |text: &str| context(&STANDARD.encode(text));
        let table = [
            ("canary".to_owned(), "is not a LUCI context"),
            (r#"{"canary":1}"#.to_owned(), "has no swarming.secret_bytes"),
            (
                r#"{"swarming":{"secret_bytes":null}}"#.to_owned(),
                "has no swarming.secret_bytes",
            ),
            (context("canary"), "is not the base64"),
            (encode("canary"), "is not the base64"),
            (encode(r#"{"token":"canary=="}"#), "is not the base64"),
            (encode(r#"{"canary":{}}"#), "is not the base64"),
            (encode("{}"), "is not the base64"),
        ];
        for (content, expected) in table {
            fs::write(&path, &content).unwrap();
            let error = read(&path).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(expected), "{content}: {shown}");
            assert!(!shown.contains("canary"), "{shown}");
        }
        let error = read(&folder.path().join("absent")).unwrap_err();
        assert!(matches!(error, ContextError::File { .. }));
    }
}
