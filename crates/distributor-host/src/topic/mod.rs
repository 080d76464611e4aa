//! Topics for notifications, and the tokens that bring them back to their execution (DC-18 … DC-22).
//!
//! A token says which execution a message is about, and a secret of this state says that we issued it.
//! It keeps nothing secret: whoever holds it can read it. It refuses to receive anything: see
//! [`crate::Engine::receive`].

mod format;
mod keyring;
mod name;
mod queue;
mod refusal;
mod secret_file;
mod signed;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use distributor_core::{Clock, Error, ErrorKind, ExecutionId, QuestId, Result, Secret};

use format::Fields;
use signed::SignedTokens;

pub use keyring::SecretSummary;
pub use name::{TopicName, TopicNameError};
pub use queue::{DEFAULT_QUEUE_LIFETIME, QueueTokens};
pub use refusal::TokenRefusal;
pub use secret_file::SecretError;

/// How long a topic token is good unless configured: 48 h.
pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(48 * 60 * 60);

/// Longest topic token that is issued, in bytes: an attribute of a message carries no more.
const LONGEST_ATTRIBUTE: usize = 1024;

const QUEST: &str = "quest";
const ATTEMPT: &str = "attempt";
const EXECUTION: &str = "execution";
const CONFIG_NAME: &str = "cfgName";

/// A topic that backends may have their tasks' changes published to.
#[derive(Debug, Clone)]
pub struct TopicSettings {
    /// Its full name.
    pub name: TopicName,
    /// What makes its messages ours.
    pub tokens: Arc<TopicTokens>,
}

/// What a verified topic token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicClaims {
    /// The execution that it is about.
    pub execution: ExecutionId,
    /// The resolved name of its configuration: a routing hint only (DC-07).
    pub config_name: String,
}

/// Issues and verifies topic tokens, with the secrets of a state directory.
///
/// A change of the secrets by another process counts from the next use on.
#[derive(Debug, Clone)]
pub struct TopicTokens(SignedTokens);

impl TopicTokens {
    /// Name of their secrets.
    pub const SECRET_NAME: &str = "pubsub_auth_token";

    /// With the secrets in `directory`, which is made on first use (mode 0700). A token is good for
    /// `lifetime`, also one that was issued under another lifetime.
    pub fn new(directory: PathBuf, clock: Arc<dyn Clock>, lifetime: Duration) -> Self {
        TopicTokens(SignedTokens::new(
            directory,
            Self::SECRET_NAME,
            clock,
            lifetime,
        ))
    }

    /// A token for an execution under the resolved name `config_name`. May read and write files.
    ///
    /// # Errors
    /// `InvalidArgument` if the name is so long that no message could carry the token. Transient if the
    /// secret cannot be read or made.
    pub fn issue(&self, execution: ExecutionId, config_name: &str) -> Result<Secret> {
        let token = self.0.issue(fields(execution, config_name), None)?;
        no_longer_than(LONGEST_ATTRIBUTE, token)
    }

    /// Like [`TopicTokens::issue`], for a task of a runtime: it waits for no file but elsewhere.
    ///
    /// # Errors
    /// As [`TopicTokens::issue`].
    pub(crate) async fn issue_soon(
        &self,
        execution: ExecutionId,
        config_name: &str,
    ) -> Result<Secret> {
        let token = match self.0.issue_at_once(fields(execution, config_name)) {
            Ok(token) => token?,
            Err(fields) => {
                let tokens = self.0.clone();
                let issued = tokio::task::spawn_blocking(move || tokens.issue(fields, None)).await;
                issued.map_err(|error| {
                    Error::new(ErrorKind::Internal, "a topic token was not made")
                        .transient()
                        .not_applied()
                        .because(error)
                })??
            }
        };
        no_longer_than(LONGEST_ATTRIBUTE, token)
    }

    /// What a token says, if it is genuine and in time. Reads a file if the secrets have changed.
    ///
    /// # Errors
    /// Permanent, but for [`TokenRefusal::is_transient`]: the message it came with is to be
    /// acknowledged and dropped (DC-06).
    pub fn verify(&self, token: &str) -> Result<TopicClaims, TokenRefusal> {
        let fields = self.0.verify(token)?;
        let quest = format::field(&fields, QUEST)?;
        let attempt = format::number(&fields, ATTEMPT)?;
        let execution = format::number(&fields, EXECUTION)?;
        let config_name = format::field(&fields, CONFIG_NAME)?;
        let quest: QuestId = quest.parse().map_err(|_| TokenRefusal::Quest)?;
        Ok(TopicClaims {
            execution: quest.attempt(attempt).execution(execution),
            config_name: config_name.to_owned(),
        })
    }

    /// Signs with a new secret from now on. Former ones are honoured until the last token that they
    /// signed has expired; with `drop_previous`, for a secret that has leaked, not at all any more.
    /// `None`, and nothing is made, if no secret was made yet.
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

fn fields(execution: ExecutionId, config_name: &str) -> Fields {
    let attempt = execution.attempt;
    let fields = [
        (QUEST, attempt.quest.to_string()),
        (ATTEMPT, attempt.number.to_string()),
        (EXECUTION, execution.number.to_string()),
        (CONFIG_NAME, config_name.to_owned()),
    ];
    Fields::from(fields.map(|(key, value)| (key.to_owned(), value)))
}

fn no_longer_than(most: usize, token: Secret) -> Result<Secret> {
    let length = token.expose().len();
    if length > most {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "the name of the configuration is too long: its token would have {length} bytes, and \
                 at most {most} can be carried; use a shorter name"
            ),
        ));
    }
    Ok(token)
}
