//! Tokens that let an external queue deliver tasks to one configuration over HTTP.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use distributor_core::{Clock, Error, ErrorKind, Result, Secret};

use super::CONFIG_NAME;
use super::format::{self, Fields, LONGEST_TEXT};
use super::refusal::TokenRefusal;
use super::secrets::Secrets;

/// How long a queue token is good unless it says otherwise: 30 days.
pub const DEFAULT_QUEUE_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Issues and verifies queue tokens, with the secrets of a state directory.
///
/// They have secrets of their own, so neither kind is ever taken for the other.
#[derive(Debug, Clone)]
pub struct QueueTokens(Secrets);

impl QueueTokens {
    /// Name of their secrets.
    pub const SECRET_NAME: &str = "task_queue_auth_token";

    /// With the secrets in `directory`, which is made on first use (mode 0700).
    pub fn new(directory: PathBuf, clock: Arc<dyn Clock>) -> Self {
        let lifetime = DEFAULT_QUEUE_LIFETIME;
        QueueTokens(Secrets::new(directory, Self::SECRET_NAME, clock, lifetime))
    }

    /// A token that lets its bearer deliver tasks to `config_name` for so long. May read and write
    /// files.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that is empty or too long, or a lifetime of more milliseconds than
    /// an `i64` holds. Transient if the secret cannot be read or made.
    pub fn issue(&self, config_name: &str, lifetime: Duration) -> Result<Secret> {
        let fields = Fields::from([(CONFIG_NAME.to_owned(), config_name.to_owned())]);
        if config_name.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "a queue token needs the name of a configuration",
            ));
        }
        super::no_longer_than(LONGEST_TEXT, self.0.issue(fields, Some(lifetime))?)
    }

    /// The name of the configuration that the bearer may deliver tasks to.
    ///
    /// # Errors
    /// See [`TokenRefusal`].
    pub fn verify(&self, token: &str) -> Result<String, TokenRefusal> {
        let fields = self.0.verify(token)?;
        format::field(&fields, CONFIG_NAME).map(str::to_owned)
    }

    /// The secrets, to be looked at and rotated.
    pub fn secrets(&self) -> &Secrets {
        &self.0
    }
}
