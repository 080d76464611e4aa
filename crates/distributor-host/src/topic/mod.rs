//! Topics for notifications, and the tokens that bring them back to their execution (DC-18 … DC-22).
//!
//! It refuses to receive anything: see [`crate::Engine::receive`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use distributor_core::{Clock, ExecutionId, Result, Secret};

/// How long a topic token is good unless configured: 48 h.
pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(48 * 60 * 60);

/// What a verified topic token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicClaims {
    /// The execution that it is about.
    pub execution: ExecutionId,
    /// The resolved name of its configuration: a routing hint only (DC-07).
    pub config_name: String,
}

/// Why a topic token was refused. Never holds the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TokenRefusal(pub String);

/// Issues and verifies topic tokens, with the secrets of a state directory.
#[derive(Debug, Clone)]
pub struct TopicTokens {
    directory: PathBuf,
    clock: Arc<dyn Clock>,
    lifetime: Duration,
}

impl TopicTokens {
    /// With the secrets in `directory`, which is made on first use (mode 0700).
    pub fn new(directory: PathBuf, clock: Arc<dyn Clock>, lifetime: Duration) -> Self {
        TopicTokens {
            directory,
            clock,
            lifetime,
        }
    }

    /// A token for an execution under the resolved name `config_name`.
    ///
    /// # Errors
    /// Transient if the secret cannot be read or made.
    pub fn issue(&self, execution: ExecutionId, config_name: &str) -> Result<Secret> {
        let _not_built = (
            execution,
            config_name,
            &self.directory,
            &self.clock,
            self.lifetime,
        );
        Err(distributor_core::Error::new(
            distributor_core::ErrorKind::Unsupported,
            "not built",
        ))
    }

    /// What a token says, if it is genuine and in time.
    ///
    /// # Errors
    /// Permanent: the message it came with is to be acknowledged and dropped (DC-06).
    pub fn verify(&self, token: &str) -> Result<TopicClaims, TokenRefusal> {
        let _not_built = token;
        Err(TokenRefusal("not built".to_owned()))
    }
}
