//! The way in for tasks of external queues (DC-17, DC-50, DC-71).
//!
//! It refuses whoever has no token for the very configuration that a task is for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use distributor_core::{Clock, QueueTask};
use distributor_host::topic::QueueTokens;
use distributor_host::{DeliverError, Engine};

use super::quiet::Quiet;

/// Hands tasks of external queues to backends.
pub struct TaskQueueReceiver {
    engine: Engine,
    tokens: QueueTokens,
    quiet: Quiet,
}

/// Why a task is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskRefusal {
    /// There is no token for this configuration with it.
    #[error("{0}")]
    Forbidden(String),
    /// Whether the token is good cannot be found out now.
    #[error("{0}")]
    Unavailable(String),
}

impl TaskQueueReceiver {
    /// Delivers what `tokens` finds genuine to backends of `engine`.
    pub fn new(engine: Engine, tokens: QueueTokens, clock: Arc<dyn Clock>) -> Self {
        TaskQueueReceiver {
            engine,
            tokens,
            quiet: Quiet::new(clock),
        }
    }

    /// Lets the bearer of `token` deliver a task to the configuration `name`.
    ///
    /// # Errors
    /// `Forbidden` or `Unavailable`.
    pub fn admit(&self, token: Option<&str>, name: &str) -> Result<Delivery, TaskRefusal> {
        let token =
            token.ok_or_else(|| self.forbidden(name, &"a queue token is missing or not a text"))?;
        match self.tokens.verify(token) {
            Ok(allowed) if allowed == name => Ok(Delivery {
                engine: self.engine.clone(),
                config_name: allowed,
            }),
            Ok(_) => Err(self.forbidden(name, &"the queue token is for another configuration")),
            Err(refusal) if refusal.is_transient() => {
                if let Some(left_out) = self.quiet.may_say() {
                    tracing::error!(left_out, "a task of an external queue: {refusal}");
                }
                Err(TaskRefusal::Unavailable(refusal.to_string()))
            }
            Err(refusal) => Err(self.forbidden(name, &refusal)),
        }
    }

    fn forbidden(&self, name: &str, reason: &dyn fmt::Display) -> TaskRefusal {
        if let Some(left_out) = self.quiet.may_say() {
            let end = name.floor_char_boundary(128);
            let name = name.get(..end).unwrap_or_default();
            tracing::warn!(
                name,
                left_out,
                "a task of an external queue was refused: {reason}"
            );
        }
        TaskRefusal::Forbidden(reason.to_string())
    }
}

/// A task that may be delivered.
pub struct Delivery {
    engine: Engine,
    config_name: String,
}

impl Delivery {
    /// Hands the task to the backend, and returns when the notifications that it answers with are
    /// durable (DC-52).
    ///
    /// # Errors
    /// See [`DeliverError`].
    pub async fn complete(
        self,
        headers: BTreeMap<String, String>,
        body: Vec<u8>,
    ) -> Result<(), DeliverError> {
        let task = QueueTask {
            headers,
            body,
            delay: Duration::ZERO,
        };
        let name = &self.config_name;
        let delivered = self.engine.deliver(name, task).await;
        delivered.inspect_err(|error| {
            tracing::warn!(name, "a task of an external queue was not done: {error}");
        })
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Delivery").field(&self.config_name).finish()
    }
}

impl fmt::Debug for TaskQueueReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskQueueReceiver").finish_non_exhaustive()
    }
}
