//! The backends of a service, as far as people look at them: where a task is shown, and its logs.

use std::sync::Arc;

use async_trait::async_trait;
use distributor_core::{
    ConfigSnapshot, Distributor, DistributorSource, Error, ErrorKind, LogChunk, LogStream,
    Notification, QueueTask, Result, RunRequest, Started, TaskResult, TaskState, Token, dm,
};
use distributor_proto::control;

use super::Remote;

impl DistributorSource for Remote {
    fn snapshot(&self, name: &str) -> Result<Arc<ConfigSnapshot>> {
        let message = format!("the configuration `{name}` is the service's own");
        Err(Error::new(ErrorKind::Unsupported, message))
    }

    fn distributor(&self, _snapshot: &Arc<ConfigSnapshot>) -> Result<Arc<dyn Distributor>> {
        Ok(Arc::new(self.clone()))
    }
}

/// Only the looking part: whatever changes something is the service's own business.
#[async_trait]
impl Distributor for Remote {
    async fn run(&self, _request: RunRequest) -> Result<Started> {
        Err(not_ours())
    }

    async fn cancel(&self, _quest: &dm::quest::Desc, _token: &Token) -> Result<()> {
        Err(not_ours())
    }

    async fn get_status(&self, _quest: &dm::quest::Desc, _token: &Token) -> Result<TaskState> {
        Err(not_ours())
    }

    fn info_url(&self, token: &Token) -> String {
        let tasks = self.shared.tasks.lock();
        let known = tasks.ok().and_then(|tasks| tasks.peek(token).cloned());
        known.map(|(_, url)| url).unwrap_or_default()
    }

    async fn handle_notification(
        &self,
        _quest: &dm::quest::Desc,
        _token: &Token,
        _notification: &Notification,
    ) -> Result<Option<TaskResult>> {
        Err(not_ours())
    }

    async fn handle_task_queue_task(&self, _task: QueueTask) -> Result<Vec<Notification>> {
        Err(not_ours())
    }

    fn validate(&self, _parameters: &str) -> Result<()> {
        Err(not_ours())
    }

    async fn read_log(
        &self,
        token: &Token,
        stream: LogStream,
        offset: u64,
        limit: usize,
    ) -> Result<LogChunk> {
        use control::read_log_request::Stream;
        let known = {
            let tasks = self.shared.tasks.lock();
            tasks.ok().and_then(|tasks| tasks.peek(token).cloned())
        };
        let Some((execution, _)) = known else {
            return Err(Error::new(
                ErrorKind::NotFound,
                "no execution has this task",
            ));
        };
        let stream = match stream {
            LogStream::Stdout => Stream::Stdout,
            LogStream::Stderr => Stream::Stderr,
        };
        let request = control::ReadLogRequest {
            execution: Some(execution.into()),
            stream: stream.into(),
            offset,
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
        };
        let read = self.call(|client| async move { client.read_log(request).await });
        match read.await {
            Ok(chunk) => Ok(LogChunk {
                data: chunk.data,
                complete: chunk.complete,
            }),
            Err(error) => Err(Error::new(kind(&error), error.to_string())),
        }
    }
}

fn kind(error: &distributor_client::ClientError) -> ErrorKind {
    use distributor_client::Code;
    match error.code() {
        Code::Unimplemented => ErrorKind::Unsupported,
        Code::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Unavailable,
    }
}

fn not_ours() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "only the service itself can do that",
    )
}
