//! A backend whose tasks run until the test ends them, or end at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use distributor_core::{
    Distributor, Error, ErrorKind, ExecutionId, Host, LogChunk, LogStream, Notification, QueueTask,
    Result, RunRequest, Secret, Started, TaskResult, TaskState, TestingRegistry, Token, dm,
};
use dm::abnormal_finish::Status;
use dm::quest::desc::Meta;
use dm::quest::desc::meta::Simple;
use tokio::sync::Notify;

use super::request::desc;

/// The configuration whose tasks run until the test says how they end.
pub(crate) const CONFIG: &str = "fakeDistributor";
/// The one whose tasks end at once, with [`INSTANT_RESULT`].
const INSTANT: &str = "instant";
/// The one whose tasks run before the host is told that they do.
const SLOW: &str = "slow";
pub(crate) const INSTANT_RESULT: &str = r#"{"n":1}"#;
/// What each task writes to its standard output.
pub(crate) const OUTPUT: &[u8] = b"hello world";

/// A quest that is finished with [`INSTANT_RESULT`] as soon as it runs, without any job.
pub(crate) fn instant(name: &str) -> dm::quest::Desc {
    dm::quest::Desc {
        distributor_config_name: INSTANT.to_owned(),
        meta: Some(Meta {
            simple: Some(Simple::default()),
            ..Meta::default()
        }),
        ..desc(name)
    }
}

/// A quest whose job runs, and whose backend does not answer before [`Backend::answer`].
pub(crate) fn slow(name: &str) -> dm::quest::Desc {
    dm::quest::Desc {
        distributor_config_name: SLOW.to_owned(),
        ..desc(name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    UntilToldToEnd,
    Instant,
    Slow,
}

#[derive(Default)]
pub(crate) struct Backend {
    tasks: Mutex<HashMap<ExecutionId, Task>>,
    slow_started: Notify,
    slow_answers: Notify,
}

struct Task {
    activation_token: Secret,
    previous: Option<String>,
    end: Option<TaskResult>,
}

impl Backend {
    pub(crate) fn registry(backend: &Arc<Backend>, host: Arc<dyn Host>) -> TestingRegistry {
        let make = |manner| {
            let backend = backend.clone();
            move |_| {
                let backend = backend.clone();
                Arc::new(Instance { backend, manner }) as _
            }
        };
        TestingRegistry::new(host)
            .with(CONFIG, make(Manner::UntilToldToEnd))
            .with(INSTANT, make(Manner::Instant))
            .with(SLOW, make(Manner::Slow))
    }

    fn task<T>(&self, execution: ExecutionId, look: impl FnOnce(&mut Task) -> T) -> T {
        let mut tasks = self.tasks.lock().expect("tasks");
        look(tasks.get_mut(&execution).expect("run was called"))
    }

    /// The activation token that `run` was called with.
    pub(crate) fn activation_token(&self, execution: ExecutionId) -> Vec<u8> {
        self.task(execution, |task| task.activation_token.expose().to_vec())
    }

    /// What the execution before has left to this one.
    pub(crate) fn previous(&self, execution: ExecutionId) -> Option<String> {
        self.task(execution, |task| task.previous.clone())
    }

    /// Returns once a slow task runs.
    pub(crate) async fn slow_task_runs(&self) {
        self.slow_started.notified().await;
    }

    /// Says that the slow task runs.
    pub(crate) fn answer(&self) {
        self.slow_answers.notify_one();
    }

    /// How many tasks were ever started.
    pub(crate) fn started(&self) -> usize {
        self.tasks.lock().expect("tasks").len()
    }

    /// The task has ended like this; the host must still be told.
    pub(crate) fn end(&self, execution: ExecutionId, result: TaskResult) {
        self.task(execution, |task| task.end = Some(result));
    }
}

struct Instance {
    backend: Arc<Backend>,
    manner: Manner,
}

impl Instance {
    fn state(&self, token: &Token) -> TaskState {
        let tasks = self.backend.tasks.lock().expect("tasks");
        let mut ends = tasks.iter().filter(|(id, _)| id.to_string() == token.0);
        match ends.next().and_then(|(_, task)| task.end.clone()) {
            Some(end) => TaskState::Finished(end),
            None => TaskState::Running,
        }
    }
}

#[async_trait]
impl Distributor for Instance {
    async fn run(&self, request: RunRequest) -> Result<Started> {
        let end = (self.manner == Manner::Instant).then(|| TaskResult::data(INSTANT_RESULT));
        let task = Task {
            activation_token: request.activation_token,
            previous: request.previous_result.map(|it| it.object),
            end,
        };
        {
            let mut tasks = self.backend.tasks.lock().expect("tasks");
            tasks.entry(request.execution).or_insert(task);
        }
        if self.manner == Manner::Slow {
            self.backend.slow_started.notify_one();
            self.backend.slow_answers.notified().await;
        }
        let token = Token(request.execution.to_string());
        Ok(Started {
            poll_timeout: Duration::ZERO,
            state: self.state(&token),
            token,
        })
    }

    async fn cancel(&self, _quest: &dm::quest::Desc, token: &Token) -> Result<()> {
        let mut tasks = self.backend.tasks.lock().expect("tasks");
        for (_, task) in tasks.iter_mut().filter(|(id, _)| id.to_string() == token.0) {
            let cancelled = TaskResult::abnormal(Status::Cancelled, "as you wish");
            task.end.get_or_insert(cancelled);
        }
        Ok(())
    }

    async fn get_status(&self, _quest: &dm::quest::Desc, token: &Token) -> Result<TaskState> {
        Ok(self.state(token))
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
        Ok(self.backend.task(notification.id, |task| task.end.clone()))
    }

    async fn handle_task_queue_task(&self, _task: QueueTask) -> Result<Vec<Notification>> {
        Ok(Vec::new())
    }

    /// Refuses everything with `bad` in it.
    fn validate(&self, parameters: &str) -> Result<()> {
        match parameters.contains("bad") {
            true => {
                let message = "distributor_parameters: `bad` is not for this backend";
                Err(Error::new(ErrorKind::InvalidArgument, message))
            }
            false => Ok(()),
        }
    }

    async fn read_log(
        &self,
        _token: &Token,
        stream: LogStream,
        offset: u64,
        limit: usize,
    ) -> Result<LogChunk> {
        let output = match stream {
            LogStream::Stdout => OUTPUT,
            LogStream::Stderr => &[],
        };
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = output.get(offset..).unwrap_or_default();
        let data: Vec<u8> = rest.iter().copied().take(limit).collect();
        let complete = data.len() == rest.len();
        Ok(LogChunk { data, complete })
    }
}
