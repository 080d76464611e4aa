//! A backend whose tasks run until the test ends them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use distributor_core::{
    Distributor, Error, ErrorKind, ExecutionId, Host, Notification, QueueTask, Result, RunRequest,
    Secret, Started, TaskResult, TaskState, TestingRegistry, Token, dm,
};

/// A configuration name that works.
pub(crate) const CONFIG: &str = "fakeDistributor";
/// Another one, of the same backend.
pub(crate) const OTHER_CONFIG: &str = "other";

#[derive(Default)]
pub(crate) struct Backend {
    invited: Mutex<HashMap<ExecutionId, Secret>>,
    ends: Mutex<HashMap<ExecutionId, TaskResult>>,
    validated: Mutex<Vec<String>>,
}

impl Backend {
    pub(crate) fn registry(backend: &Arc<Backend>, host: Arc<dyn Host>) -> TestingRegistry {
        let make = |backend: Arc<Backend>| move |_| Arc::new(Instance(backend.clone())) as _;
        TestingRegistry::new(host)
            .with(CONFIG, make(backend.clone()))
            .with(OTHER_CONFIG, make(backend.clone()))
    }

    /// The activation token that `run` was called with.
    pub(crate) fn activation_token(&self, execution: ExecutionId) -> Vec<u8> {
        let invited = self.invited.lock().expect("invited");
        invited[&execution].expose().to_vec()
    }

    /// The task has ended like this; the host must still be told.
    pub(crate) fn end(&self, execution: ExecutionId, result: TaskResult) {
        self.ends.lock().expect("ends").insert(execution, result);
    }

    /// Every text that it was asked to validate.
    pub(crate) fn validated(&self) -> Vec<String> {
        self.validated.lock().expect("validated").clone()
    }
}

struct Instance(Arc<Backend>);

#[async_trait]
impl Distributor for Instance {
    async fn run(&self, request: RunRequest) -> Result<Started> {
        let mut invited = self.0.invited.lock().expect("invited");
        invited.insert(request.execution, request.activation_token);
        Ok(Started {
            token: Token(request.execution.to_string()),
            poll_timeout: Duration::ZERO,
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
        format!("fake://{token}")
    }

    async fn handle_notification(
        &self,
        _quest: &dm::quest::Desc,
        _token: &Token,
        notification: &Notification,
    ) -> Result<Option<TaskResult>> {
        let ends = self.0.ends.lock().expect("ends");
        Ok(ends.get(&notification.id).cloned())
    }

    async fn handle_task_queue_task(&self, _task: QueueTask) -> Result<Vec<Notification>> {
        Ok(Vec::new())
    }

    /// Refuses everything with `bad` in it.
    fn validate(&self, parameters: &str) -> Result<()> {
        let mut validated = self.0.validated.lock().expect("validated");
        validated.push(parameters.to_owned());
        match parameters.contains("bad") {
            true => {
                let message = "distributor_parameters: `bad` is not for this backend";
                Err(Error::new(ErrorKind::InvalidArgument, message))
            }
            false => Ok(()),
        }
    }
}
