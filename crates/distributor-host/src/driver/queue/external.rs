//! Tasks from a queue outside, which repeats what was not delivered.

use std::sync::Arc;

use distributor_core::{ConfigSnapshot, Distributor, Error, Notification, QueueTask};

use super::sending::{NewTask, collecting};
use crate::driver::calls::{CallContext, panicked, within};
use crate::driver::engine::Engine;
use crate::driver::message::{CallError, Message};

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
        let source = self.source();
        let named = source.snapshot(config_name);
        let built = named.and_then(|config: Arc<ConfigSnapshot>| source.distributor(&config));
        let distributor = built.map_err(DeliverError::BadDistributor)?;
        // A task of its own, because the backend may panic.
        let call = tokio::spawn(handle(self.context().clone(), distributor, task));
        let answer = call.await.unwrap_or_else(|_panic| Err(panicked()));
        let (notifications, tasks) = answer.map_err(DeliverError::Backend)?;
        if !notifications.is_empty() || !tasks.is_empty() {
            let stored = self.send(|reply| Message::Delivered {
                notifications,
                tasks,
                reply,
            });
            stored.await?;
        }
        Ok(())
    }
}

async fn handle(
    context: Arc<CallContext>,
    distributor: Arc<dyn Distributor>,
    task: QueueTask,
) -> Result<(Vec<Notification>, Vec<NewTask>), Error> {
    let handled = within(&context, distributor.handle_task_queue_task(task));
    let (answer, tasks) = collecting(handled).await;
    answer.map(|notifications| (notifications, tasks))
}
