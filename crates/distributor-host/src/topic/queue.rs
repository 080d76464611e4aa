//! Tokens that let an external queue deliver tasks to one configuration over HTTP.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use distributor_core::{Clock, Error, ErrorKind, Result, Secret};

use super::CONFIG_NAME;
use super::format::{self, Fields, LONGEST_TEXT};
use super::keyring::SecretSummary;
use super::refusal::TokenRefusal;
use super::secret_file::SecretError;
use super::signed::SignedTokens;

/// How long a queue token is good unless it says otherwise: 30 days.
pub const DEFAULT_QUEUE_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Issues and verifies queue tokens, with the secrets of a state directory.
///
/// They have secrets of their own, so neither kind is ever taken for the other.
#[derive(Debug, Clone)]
pub struct QueueTokens(SignedTokens);

impl QueueTokens {
    /// Name of their secrets.
    pub const SECRET_NAME: &str = "task_queue_auth_token";

    /// With the secrets in `directory`, which is made on first use (mode 0700).
    pub fn new(directory: PathBuf, clock: Arc<dyn Clock>) -> Self {
        let lifetime = DEFAULT_QUEUE_LIFETIME;
        QueueTokens(SignedTokens::new(
            directory,
            Self::SECRET_NAME,
            clock,
            lifetime,
        ))
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

    /// See [`TopicTokens::rotate`](super::TopicTokens::rotate).
    ///
    /// # Errors
    /// Then nothing has changed.
    pub fn rotate(&self, drop_previous: bool) -> Result<Option<SecretSummary>, SecretError> {
        self.0.rotate(drop_previous)
    }

    /// What may be told of the secrets; `None` if none was made yet.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn summary(&self) -> Result<Option<SecretSummary>, SecretError> {
        self.0.summary()
    }

    /// The file with the secrets.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
