//! Backends that only say where to look at a task.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use distributor_core::{
    ConfigSnapshot, Distributor, DistributorSource, Error, ErrorKind, Notification, QueueTask,
    Result, RunRequest, Started, TaskResult, TaskState, Token, dm,
};

use super::snapshot;

/// One kind of backend, configured as `backend`.
#[derive(Debug)]
pub(crate) struct Backends {
    version: Mutex<String>,
}

impl Default for Backends {
    fn default() -> Self {
        Backends {
            version: Mutex::new("v1".to_owned()),
        }
    }
}

impl Backends {
    /// A new version of the configuration.
    pub(crate) fn reload(&self, version: &str) {
        *self.version.lock().expect("the version") = version.to_owned();
    }
}

impl DistributorSource for Backends {
    fn snapshot(&self, name: &str) -> Result<Arc<ConfigSnapshot>> {
        Ok(snapshot(name, &self.version.lock().expect("the version")))
    }

    fn distributor(&self, snapshot: &Arc<ConfigSnapshot>) -> Result<Arc<dyn Distributor>> {
        match snapshot.name.as_str() {
            "gone" => Err(Error::new(ErrorKind::Config, "not in this build")),
            _ => Ok(Arc::new(Backend(snapshot.clone()))),
        }
    }
}

struct Backend(Arc<ConfigSnapshot>);

#[async_trait]
impl Distributor for Backend {
    async fn run(&self, _: RunRequest) -> Result<Started> {
        Err(Error::new(ErrorKind::Unsupported, "runs nothing"))
    }

    async fn cancel(&self, _: &dm::quest::Desc, _: &Token) -> Result<()> {
        Ok(())
    }

    async fn get_status(&self, _: &dm::quest::Desc, _: &Token) -> Result<TaskState> {
        Ok(TaskState::Running)
    }

    fn info_url(&self, token: &Token) -> String {
        format!("https://{}/{}/{token}", self.0.name, self.0.version)
    }

    async fn handle_notification(
        &self,
        _: &dm::quest::Desc,
        _: &Token,
        _: &Notification,
    ) -> Result<Option<TaskResult>> {
        Ok(None)
    }

    async fn handle_task_queue_task(&self, _: QueueTask) -> Result<Vec<Notification>> {
        Ok(Vec::new())
    }

    fn validate(&self, _: &str) -> Result<()> {
        Ok(())
    }
}
