//! The backend: the contract's methods, each a few lines over the client and the pure parts.
//!
//! It refuses to remember anything of a task: a restart loses nothing, and whoever asks is told what the
//! server says.

use std::sync::Arc;

use async_trait::async_trait;
use distributor_core::{
    Clock, Config, Distributor, Error, ErrorKind, ExecutionId, LogChunk, LogStream, Notification,
    QueueTask, Result, RunRequest, Started, TaskResult, TaskState, Token, Topic, dm,
};

use crate::client::Client;
use crate::config::Settings;
use crate::notification;
use crate::output;
use crate::parameters::Parameters;
use crate::proto;
use crate::request;
use crate::result::{self, Wanted};
use crate::state::State;
use crate::statuses;
use crate::token;
use crate::wire;

/// Runs tasks on one Swarming server.
#[derive(Debug)]
pub struct Swarming {
    config: Config,
    settings: Settings,
    client: Arc<Client>,
    clock: Arc<dyn Clock>,
}

impl Swarming {
    /// Checks the configuration. Touches neither the network nor a disk, and needs no runtime (DC-56).
    ///
    /// # Errors
    /// `Config`, naming the wrong field.
    pub fn new(config: &Config) -> Result<Self> {
        let settings = Settings::new(config.content::<proto::Config>()?)?;
        let clock = config.host().clock();
        Ok(Swarming {
            client: Arc::new(Client::new(&settings, Arc::clone(&clock))?),
            config: config.clone(),
            settings,
            clock,
        })
    }

    /// The factory for [`register!`](distributor_core::register).
    pub(crate) fn factory(config: Config) -> Result<Arc<dyn Distributor>> {
        Ok(Arc::new(Swarming::new(&config)?))
    }

    /// All that a new task needs and that may take time: where the server tells of changes, and an
    /// access token.
    async fn prepare(&self, execution: ExecutionId) -> Result<Option<Topic>> {
        self.client.ready().await?;
        if !self.settings.publish {
            return Ok(None);
        }
        match self.config.prepare_topic(execution).await {
            Ok(topic) => Ok(Some(topic)),
            // A host without a topic asks instead.
            Err(error) if error.kind() == ErrorKind::Unsupported && !error.is_transient() => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// What an abandoned run answers: an earlier one may have started a task and lost the answer.
    async fn started_before(
        &self,
        task: &wire::NewTaskRequest,
        quest: &dm::quest::Desc,
    ) -> Result<Started> {
        // Other services of one server may run the same quests, hence also the service's own tag.
        let service = format!("requestor:{}", self.config.dm_host());
        let is_ours = |tag: &&str| tag.starts_with("execution:") || *tag == service;
        let tags: Vec<&str> = task
            .tags
            .iter()
            .map(String::as_str)
            .filter(is_ours)
            .collect();
        let found = self.client.find(&tags).await?;
        let unfinished =
            |task: &&wire::TaskResult| State::parse(&task.state).unfinished().is_some();
        let found = found.iter().find(unfinished).or(found.first());
        let found = found
            .ok_or_else(|| Error::new(ErrorKind::Cancelled, "called off before it was started"))?;
        Ok(Started {
            token: Token(found.task_id.clone()),
            poll_timeout: self.settings.poll_timeout(quest, false),
            state: self.state(found, quest),
        })
    }

    fn state(&self, task: &wire::TaskResult, quest: &dm::quest::Desc) -> TaskState {
        if let Some(unfinished) = State::parse(&task.state).unfinished() {
            return unfinished;
        }
        let parameters = Parameters::parse(&quest.distributor_parameters);
        let snapshot_dimensions = match &parameters {
            Ok(parameters) => parameters.scheduling.snapshot_dimensions.as_slice(),
            Err(error) => {
                // The task was started with them, so its end counts whatever a later version thinks.
                tracing::warn!(task = task.task_id, %error, "parameters that are not understood any more");
                &[]
            }
        };
        let meta = quest.meta.as_ref();
        let wanted = Wanted {
            snapshot_dimensions,
            expiration: self.settings.result_expiration,
            is_simple: meta.is_some_and(|meta| meta.simple.is_some()),
        };
        result::finish(task, &wanted, self.clock.now())
            .map_or(TaskState::Running, TaskState::Finished)
    }
}

#[async_trait]
impl Distributor for Swarming {
    async fn run(&self, mut request: RunRequest) -> Result<Started> {
        let quest = Arc::clone(&request.quest);
        // Checked again, because nothing says that the host has called `validate` with this revision of
        // the configuration. An error here ends the execution as REJECTED (DC-28).
        let parameters = Parameters::parse(&quest.distributor_parameters)?;
        let build = |request: &RunRequest, topic: Option<&Topic>| {
            request::build(
                &self.settings,
                &parameters,
                request,
                self.config.dm_host(),
                topic,
            )
        };
        let topic = tokio::select! {
            biased;
            () = request.abandoned.wait() => None,
            topic = self.prepare(request.execution) => Some(topic?),
        };
        let Some(topic) = topic else {
            return self.started_before(&build(&request, None)?, &quest).await;
        };
        // From here on it is too late to be called off: the answer says which task to cancel.
        let created = self
            .client
            .new_task(&build(&request, topic.as_ref())?)
            .await?;
        let state = created
            .task_result
            .map_or(TaskState::Pending, |task| self.state(&task, &quest));
        Ok(Started {
            token: Token(created.task_id),
            poll_timeout: self.settings.poll_timeout(&quest, topic.is_some()),
            state,
        })
    }

    async fn cancel(&self, _quest: &dm::quest::Desc, token: &Token) -> Result<()> {
        self.client.cancel(&token.0).await
    }

    async fn get_status(&self, quest: &dm::quest::Desc, token: &Token) -> Result<TaskState> {
        let task = self.client.result(&token.0).await?;
        Ok(self.state(&task, quest))
    }

    fn info_url(&self, token: &Token) -> String {
        token::info_url(&self.settings, token)
    }

    async fn handle_notification(
        &self,
        quest: &dm::quest::Desc,
        token: &Token,
        notification: &Notification,
    ) -> Result<Option<TaskResult>> {
        let Some(task) = notification::task_id(&notification.data) else {
            tracing::warn!(execution = %notification.id, "ignored a notification that names no task");
            return Ok(None);
        };
        if !token::same_task(&task, &token.0) {
            tracing::warn!(
                execution = %notification.id,
                task = %token,
                "ignored a notification about another task"
            );
            return Ok(None);
        }
        Ok(match self.get_status(quest, token).await? {
            TaskState::Finished(result) => Some(result),
            // The server tells of the start, too.
            TaskState::Pending | TaskState::Running => None,
        })
    }

    async fn handle_task_queue_task(&self, _task: QueueTask) -> Result<Vec<Notification>> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "swarming_v1 queues no work for itself",
        ))
    }

    fn validate(&self, parameters: &str) -> Result<()> {
        Parameters::parse(parameters).map(drop)
    }

    async fn get_statuses(
        &self,
        tasks: &[(Arc<dm::quest::Desc>, Token)],
    ) -> Vec<Result<TaskState>> {
        let ids: Vec<&str> = tasks.iter().map(|(_, token)| token.0.as_str()).collect();
        let looks = statuses::look(&self.client, &ids).await;
        let states = looks.into_iter().zip(tasks).map(|(look, (quest, _))| {
            Ok(match look? {
                statuses::Look::Running => TaskState::Running,
                statuses::Look::Task(task) => self.state(&task, quest),
            })
        });
        states.collect()
    }

    async fn read_log(
        &self,
        token: &Token,
        stream: LogStream,
        offset: u64,
        limit: usize,
    ) -> Result<LogChunk> {
        output::read(&self.client, token, stream, offset, limit).await
    }
}
