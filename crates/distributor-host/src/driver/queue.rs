//! The task queue: work that backends send to themselves (DC-17).

use distributor_core::{Error, QueueTask};

use super::engine::Engine;
use super::message::CallError;

/// Why a task from an external queue was not delivered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliverError {
    /// The name is not configured, or its backend cannot be built.
    #[error("bad distributor: {0}")]
    BadDistributor(Error),
    /// The backend failed.
    #[error("{0}")]
    Backend(Error),
    /// The notifications that it returned could not be stored.
    #[error(transparent)]
    Journal(#[from] CallError),
}

impl Engine {
    /// Hands a task to `handle_task_queue_task` of the backend that is configured as `config_name` now,
    /// and returns once the notifications that it answers with are durable (DC-51, DC-52).
    ///
    /// # Errors
    /// See [`DeliverError`]; nothing was recorded, and the queue decides whether to send it again.
    pub async fn deliver(&self, config_name: &str, task: QueueTask) -> Result<(), DeliverError> {
        let _not_built = (config_name, task);
        Err(CallError::Unavailable("not built".to_owned()).into())
    }
}
