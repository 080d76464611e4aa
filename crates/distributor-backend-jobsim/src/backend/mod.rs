//! The backend: the contract's methods, each a few lines over the pool of tasks.
//!
//! It refuses to execute anything itself; [`crate::task`] does.

mod log;
mod name;
mod outcome;
mod pool;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use distributor_core::{
    Config, Distributor, Error, ErrorKind, ExecutionId, Notification, QueueTask, Result,
    RunRequest, Started, Swept, TaskResult, TaskState, Token, dm,
};
use serde::de::IgnoredAny;

use crate::config::Settings;
use crate::phrase;
use crate::proto;
use crate::service::Service;
use crate::task::Order;
use outcome::Outcome;
use pool::Pool;

/// How many executions may be unfinished at once.
const CAPACITY: usize = 4096;

/// With `do_pollback` the host learns of an end only by asking. A task ends at once after its last
/// call to the API, so it is asked soon (DC-34).
const POLLBACK: Duration = Duration::from_secs(1);

/// Simulates jobs that call the API.
#[derive(Debug)]
pub struct Jobsim {
    config: Config,
    pool: Arc<Pool>,
}

impl Jobsim {
    /// Makes a backend whose jobs call the API at the configuration's `dm_host`. Touches nothing
    /// before it is used.
    ///
    /// # Errors
    /// `Config`, naming the field.
    pub fn new(config: &Config) -> Result<Self> {
        let settings = Settings::new(config.content::<proto::Config>()?)?;
        Ok(Jobsim {
            config: config.clone(),
            pool: Arc::new(Pool::new(config, settings)?),
        })
    }

    /// The same, with jobs that call `service`.
    ///
    /// # Errors
    /// As for [`Jobsim::new`].
    pub fn with_service(config: &Config, service: Arc<dyn Service>) -> Result<Self> {
        let jobsim = Jobsim::new(config)?;
        jobsim.pool.use_service(service);
        Ok(jobsim)
    }

    /// The factory for [`register!`](distributor_core::register).
    pub(crate) fn factory(config: Config) -> Result<Arc<dyn Distributor>> {
        Ok(Arc::new(Jobsim::new(&config)?))
    }

    fn execution(&self, token: &Token) -> Result<ExecutionId> {
        name::execution(&self.pool.settings.pool, token)
    }
}

impl Drop for Jobsim {
    fn drop(&mut self) {
        self.pool.close();
    }
}

#[async_trait]
impl Distributor for Jobsim {
    async fn run(&self, mut request: RunRequest) -> Result<Started> {
        let quest = &request.quest;
        // Checked again, because nothing says that the host has called `validate`. An error here
        // ends the execution as REJECTED (DC-28).
        self.validate(&quest.distributor_parameters)?;
        phrase::read(&quest.parameters).map_err(|error| invalid(format!("parameters: {error}")))?;
        if quest
            .meta
            .as_ref()
            .is_some_and(|meta| meta.simple.is_some())
        {
            let message = "meta.simple: the job of a simple quest never calls the API, and a \
                           jobsim job does: leave it out";
            return Err(invalid(message));
        }
        let order = Order {
            execution: request.execution,
            activation_token: request.activation_token,
            config_name: quest.distributor_config_name.clone(),
            parameters: quest.parameters.clone(),
            previous: request.previous_result.map(|data| data.object),
        };
        self.pool.open().await?;
        let is_abandoned = tokio::select! {
            biased;
            () = request.abandoned.wait() => true,
            () = std::future::ready(()) => false,
        };
        if is_abandoned && !self.pool.is_known(&order) {
            let message = "called off before it was started";
            return Err(Error::new(ErrorKind::Cancelled, message));
        }
        let token = name::token(&self.pool.settings.pool, order.execution);
        let state = self.pool.start(order)?;
        Ok(Started {
            token,
            poll_timeout: match self.pool.settings.do_pollback {
                true => POLLBACK,
                // Insurance is the quest's own `stop` timeout; after a restart the host asks.
                false => Duration::ZERO,
            },
            state,
        })
    }

    async fn cancel(&self, _quest: &dm::quest::Desc, token: &Token) -> Result<()> {
        let execution = self.execution(token)?;
        self.pool.open().await?;
        self.pool.cancel(execution);
        Ok(())
    }

    async fn get_status(&self, _quest: &dm::quest::Desc, token: &Token) -> Result<TaskState> {
        let execution = self.execution(token)?;
        self.pool.open().await?;
        let state = self.pool.status(execution);
        state.ok_or_else(|| name::unknown(token))
    }

    fn info_url(&self, token: &Token) -> String {
        name::info_url(&self.config, token)
    }

    async fn handle_notification(
        &self,
        _quest: &dm::quest::Desc,
        _token: &Token,
        notification: &Notification,
    ) -> Result<Option<TaskResult>> {
        if self.pool.settings.do_pollback {
            return Ok(None);
        }
        let outcome = Outcome::read(&notification.data)
            .map_err(|error| invalid("the body of a notification").because(error))?;
        Ok(outcome.result())
    }

    async fn handle_task_queue_task(&self, _task: QueueTask) -> Result<Vec<Notification>> {
        let message = "jobsim queues no work for itself";
        Err(Error::new(ErrorKind::Unsupported, message))
    }

    fn validate(&self, parameters: &str) -> Result<()> {
        const ADVICE: &str = "distributor_parameters: must be {}, the job's phrase belongs into \
                              `parameters`";
        let fields: BTreeMap<String, IgnoredAny> =
            serde_json::from_str(parameters).map_err(|error| invalid(ADVICE).because(error))?;
        match fields.keys().next() {
            None => Ok(()),
            Some(name) => Err(invalid(ADVICE).with("field", name)),
        }
    }

    fn capacity(&self) -> Option<usize> {
        Some(CAPACITY)
    }

    fn release(&self, token: &Token) {
        if let Ok(execution) = self.execution(token) {
            self.pool.release(execution);
        }
    }

    /// Forgets tasks whose release was lost in a crash. A pool that nobody uses is left alone.
    fn sweep(&self, known: &dyn Fn(&[ExecutionId]) -> Result<Vec<bool>>) -> Result<Swept> {
        let ended = self.pool.ended_tasks();
        for (id, is_known) in ended.iter().zip(known(&ended)?) {
            if !is_known {
                self.pool.release(*id);
            }
        }
        // Records of tasks are no files that anyone could miss.
        Ok(Swept::default())
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}
