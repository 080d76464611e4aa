//! What can go wrong, in types. No error holds a token.

use std::mem::Discriminant;
use std::path::PathBuf;
use std::time::Duration;

/// Why something cannot be set up as it was asked for. Nothing was called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// No name of a subscription.
    #[error("{0:?} names no subscription; write projects/PROJECT/subscriptions/NAME")]
    Subscription(String),
    /// No address of an emulator.
    #[error("{0:?} is no emulator's address; write HOST:PORT")]
    Emulator(String),
    /// No URL of a key set.
    #[error("{0:?} is no URL of a key set; write https://HOST/PATH")]
    KeySet(String),
    /// No client can be made.
    #[error("cannot make a client for https: {0}")]
    Client(String),
}

/// Why a call failed. Each may succeed later, if only after somebody has corrected a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The server was not reached, or the connection broke before all of the answer was there.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// The answer did not come in time.
    #[error("no answer within {} s", .0.as_secs())]
    Late(Duration),
    /// The answer is longer than what is read.
    #[error("the answer is longer than {limit} bytes")]
    TooLong {
        /// What is read at most, in bytes.
        limit: usize,
    },
    /// The answer says that it succeeded, but is not of the API's shape.
    #[error("the answer is not as the API has it: {0}")]
    Garbled(String),
    /// The server refused.
    #[error("HTTP {code}: {message}")]
    Refused {
        /// The HTTP status.
        code: u16,
        /// What the server says, or what the status means.
        message: String,
        /// For how long it does not want to be asked again.
        retry_after: Option<Duration>,
    },
    /// There is no token to show.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
}

impl CallError {
    /// For how long the server does not want to be asked again, if it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            CallError::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What kind of failure it is: two of the same kind are one state of things.
    pub(crate) fn kind(&self) -> (Discriminant<CallError>, u16) {
        let code = match self {
            CallError::Refused { code, .. } => *code,
            _ => 0,
        };
        (std::mem::discriminant(self), code)
    }

    /// True if the same call may succeed at once, or soon.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            CallError::NoAnswer(_) | CallError::Late(_) | CallError::Garbled(_) => true,
            CallError::Refused { code, .. } => *code == 429 || *code >= 500,
            CallError::TooLong { .. } | CallError::Credentials(_) => false,
        }
    }

    /// True if the token that was shown is not good, or not any more.
    pub(crate) fn is_about_the_token(&self) -> bool {
        matches!(self, CallError::Refused { code: 401, .. })
    }
}

/// Why there is no bearer token. Never holds what was read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The file cannot be read.
    #[error("credentials: {}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The command cannot be run, or failed.
    #[error("credentials: the command {0}")]
    Command(String),
    /// There is something, but it is no token.
    #[error(
        "credentials: {0}; write the token alone, or JSON with \"access_token\" and \"expires_in\""
    )]
    NoToken(&'static str),
}
