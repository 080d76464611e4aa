//! A backend whose tasks end when a notification says so, and not before.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use distributor_core::{
    Distributor, Error, ErrorKind, Notification, QueueTask, Result, RunRequest, Started,
    TaskResult, TaskState, Token, dm,
};

/// The body that ends a task.
pub(crate) const END: &[u8] = b"end";

/// The backend. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    asked: Arc<Mutex<Option<Instant>>>,
}

impl Told {
    /// When it was last asked about a notification, since the last time that this was called.
    pub(crate) fn take_asked(&self) -> Option<Instant> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

#[async_trait]
impl Distributor for Told {
    async fn run(&self, request: RunRequest) -> Result<Started> {
        Ok(Started {
            token: Token(request.execution.to_string()),
            poll_timeout: Duration::from_secs(12 * 60 * 60),
            state: TaskState::Running,
        })
    }

    async fn cancel(&self, _quest: &dm::quest::Desc, _token: &Token) -> Result<()> {
        Ok(())
    }

    async fn get_status(&self, _quest: &dm::quest::Desc, _token: &Token) -> Result<TaskState> {
        Ok(TaskState::Running)
    }

    fn info_url(&self, token: &Token) -> String {
        token.to_string()
    }

    async fn handle_notification(
        &self,
        _quest: &dm::quest::Desc,
        _token: &Token,
        notification: &Notification,
    ) -> Result<Option<TaskResult>> {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Ok((notification.data == END).then(|| TaskResult::data("{}")))
    }

    async fn handle_task_queue_task(&self, _task: QueueTask) -> Result<Vec<Notification>> {
        Err(Error::new(ErrorKind::Unsupported, "it queues nothing"))
    }

    fn validate(&self, _parameters: &str) -> Result<()> {
        Ok(())
    }
}
