//! A backend with topics, whose answers the test decides.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use distributor_core::{
    Config, Distributor, Error, ErrorKind, ExecutionId, Host, Notification, QueueTask, Result,
    RunRequest, Started, TaskResult, TaskState, TestingRegistry, Token, dm,
};
use tokio::sync::{Notify, watch};

/// The configuration whose tasks run at once.
pub(crate) const CONFIG: &str = "pushing";
/// The one whose `run` does not answer before [`Backend::answer_run`].
pub(crate) const SLOW: &str = "slow";
/// Further ones, of names that have to be escaped in a path.
pub(crate) const NAMES: [&str; 6] = ["a/b", "a b+c", "100%", "what?x=1#y", "ünï/💥", "."];

/// What `handle_notification` saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) config: String,
    pub(crate) task: Token,
    pub(crate) notification: Notification,
}

#[derive(Debug, Default)]
pub(crate) struct Backend {
    auth_tokens: Mutex<HashMap<ExecutionId, String>>,
    ends: Mutex<HashMap<ExecutionId, TaskResult>>,
    seen: watch::Sender<Vec<Seen>>,
    /// The tokens that `get_status` was asked about.
    asked: Mutex<Vec<Token>>,
    failure: Mutex<Option<ErrorKind>>,
    tasks: watch::Sender<Vec<(String, QueueTask)>>,
    answer: Mutex<Vec<Notification>>,
    runs: Notify,
    run_answers: Notify,
}

impl Backend {
    pub(crate) fn registry(backend: &Arc<Backend>, host: Arc<dyn Host>) -> TestingRegistry {
        let names = NAMES.into_iter().chain([CONFIG, SLOW]);
        names.fold(TestingRegistry::new(host), |registry, name| {
            let backend = backend.clone();
            registry.with(name, move |config| {
                let backend = backend.clone();
                Arc::new(Instance { backend, config }) as _
            })
        })
    }

    /// What `prepare_topic` gave to `run`.
    pub(crate) fn auth_token(&self, execution: ExecutionId) -> String {
        self.auth_tokens.lock().expect("tokens")[&execution].clone()
    }

    /// The task has ended like this; the host must still be told.
    pub(crate) fn end(&self, execution: ExecutionId, object: &str) {
        let mut ends = self.ends.lock().expect("ends");
        ends.insert(execution, TaskResult::data(object));
    }

    /// From now on notifications and queue tasks fail like this.
    pub(crate) fn fail(&self, kind: ErrorKind) {
        *self.failure.lock().expect("failure") = Some(kind);
    }

    /// Queue tasks answer with these.
    pub(crate) fn answer_tasks(&self, notifications: Vec<Notification>) {
        *self.answer.lock().expect("answer") = notifications;
    }

    /// Returns once `run` of a [`SLOW`] task was called.
    pub(crate) async fn run_called(&self) {
        self.runs.notified().await;
    }

    pub(crate) fn answer_run(&self) {
        self.run_answers.notify_one();
    }

    /// What `handle_notification` has seen, once it is so many.
    pub(crate) async fn seen(&self, count: usize) -> Vec<Seen> {
        let mut seen = self.seen.subscribe();
        let seen = seen.wait_for(|seen| seen.len() >= count).await;
        seen.expect("it lives").clone()
    }

    pub(crate) fn seen_so_far(&self) -> usize {
        self.seen.borrow().len()
    }

    pub(crate) fn asked(&self) -> Vec<Token> {
        self.asked.lock().expect("asked").clone()
    }

    /// The tasks that came from a queue, with the names of their configurations.
    pub(crate) fn tasks(&self) -> Vec<(String, QueueTask)> {
        self.tasks.borrow().clone()
    }

    fn failure(&self) -> Result<()> {
        match *self.failure.lock().expect("failure") {
            Some(kind) => Err(Error::new(kind, "as the test wants it")),
            None => Ok(()),
        }
    }

    fn end_of(&self, token: &Token) -> Option<TaskResult> {
        let ends = self.ends.lock().expect("ends");
        let mut ends = ends.iter().filter(|(id, _)| task(**id) == *token);
        ends.next().map(|(_, end)| end.clone())
    }
}

struct Instance {
    backend: Arc<Backend>,
    config: Config,
}

/// The token of an execution's task.
pub(crate) fn task(execution: ExecutionId) -> Token {
    Token(format!("task of {execution}"))
}

#[async_trait]
impl Distributor for Instance {
    async fn run(&self, request: RunRequest) -> Result<Started> {
        let topic = self.config.prepare_topic(request.execution).await?;
        assert_eq!(
            topic.name,
            "projects/a-project/topics/dm-distributor-notify"
        );
        let token = String::from_utf8(topic.auth_token.expose().to_vec()).expect("text");
        {
            let mut tokens = self.backend.auth_tokens.lock().expect("tokens");
            tokens.insert(request.execution, token);
        }
        if self.config.name() == SLOW {
            self.backend.runs.notify_one();
            self.backend.run_answers.notified().await;
        }
        Ok(Started {
            token: task(request.execution),
            poll_timeout: Duration::from_secs(12 * 60 * 60),
            state: TaskState::Running,
        })
    }

    async fn cancel(&self, _: &dm::quest::Desc, _: &Token) -> Result<()> {
        Ok(())
    }

    async fn get_status(&self, _: &dm::quest::Desc, token: &Token) -> Result<TaskState> {
        self.backend
            .asked
            .lock()
            .expect("asked")
            .push(token.clone());
        Ok(match self.backend.end_of(token) {
            Some(end) => TaskState::Finished(end),
            None => TaskState::Running,
        })
    }

    fn info_url(&self, token: &Token) -> String {
        format!("fake://{token}")
    }

    async fn handle_notification(
        &self,
        _: &dm::quest::Desc,
        token: &Token,
        notification: &Notification,
    ) -> Result<Option<TaskResult>> {
        let seen = Seen {
            config: self.config.name().to_owned(),
            task: token.clone(),
            notification: notification.clone(),
        };
        self.backend.seen.send_modify(|all| all.push(seen));
        self.backend.failure()?;
        Ok(self.backend.end_of(token))
    }

    async fn handle_task_queue_task(&self, task: QueueTask) -> Result<Vec<Notification>> {
        let name = self.config.name().to_owned();
        self.backend.tasks.send_modify(|all| all.push((name, task)));
        self.backend.failure()?;
        Ok(self.backend.answer.lock().expect("answer").clone())
    }

    fn validate(&self, _: &str) -> Result<()> {
        Ok(())
    }
}
