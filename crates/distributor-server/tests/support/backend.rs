//! A backend whose tasks never start, for the configuration `known`.

use std::sync::Arc;

use async_trait::async_trait;
use distributor_core::{
    ConfigSnapshot, Distributor, DistributorSource, Error, ErrorKind, Notification, QueueTask,
    RunRequest, Started, TaskResult, TaskState, Token,
};
use distributor_proto::dm;

/// The name of the one configuration.
pub(crate) const KNOWN: &str = "known";

/// Nothing but [`KNOWN`].
#[derive(Debug)]
pub(crate) struct Configurations;

impl DistributorSource for Configurations {
    fn snapshot(&self, name: &str) -> Result<Arc<ConfigSnapshot>, Error> {
        if name != KNOWN {
            return Err(Error::new(ErrorKind::NotFound, format!("no `{name}`")));
        }
        Ok(Arc::new(ConfigSnapshot {
            name: name.to_owned(),
            version: "1".to_owned(),
            config_type: "test.Config".to_owned(),
            content: Vec::new(),
            dm_host: String::new(),
        }))
    }

    fn distributor(&self, _: &Arc<ConfigSnapshot>) -> Result<Arc<dyn Distributor>, Error> {
        Ok(Arc::new(NeverStarts))
    }
}

struct NeverStarts;

#[async_trait]
impl Distributor for NeverStarts {
    async fn run(&self, _: RunRequest) -> Result<Started, Error> {
        std::future::pending().await
    }

    async fn cancel(&self, _: &dm::quest::Desc, _: &Token) -> Result<(), Error> {
        Ok(())
    }

    async fn get_status(&self, _: &dm::quest::Desc, _: &Token) -> Result<TaskState, Error> {
        Ok(TaskState::Pending)
    }

    fn info_url(&self, _: &Token) -> String {
        String::new()
    }

    async fn handle_notification(
        &self,
        _: &dm::quest::Desc,
        _: &Token,
        _: &Notification,
    ) -> Result<Option<TaskResult>, Error> {
        Ok(None)
    }

    async fn handle_task_queue_task(&self, _: QueueTask) -> Result<Vec<Notification>, Error> {
        Ok(Vec::new())
    }

    fn validate(&self, _: &str) -> Result<(), Error> {
        Ok(())
    }
}
