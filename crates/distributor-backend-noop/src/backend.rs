//! The backend: seven methods over one idea, that a token tells when its task ends.
//!
//! It refuses to start threads, timers or anything else that would have to be found again after a
//! restart.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{
    Clock, Config, Distributor, Error, ErrorKind, ExecutionId, Notification, QueueTask, Result,
    RunRequest, Started, TaskResult, TaskState, Timestamp, Token, dm,
};

use crate::config::{Parameters, Settings};

/// A configured backend.
#[derive(Debug)]
pub struct Noop {
    name: String,
    settings: Settings,
    clock: Arc<dyn Clock>,
    /// Tasks with a delay, until the host releases them: as many as the host has unfinished.
    unreleased: Mutex<HashMap<ExecutionId, Task>>,
}

/// What of a task is not in its token.
#[derive(Debug)]
struct Task {
    end: Timestamp,
    cancelled: bool,
}

impl Noop {
    /// Checks the configuration; has no effect yet (DC-56).
    ///
    /// # Errors
    /// `Config`, naming the wrong field.
    pub fn new(config: &Config) -> Result<Self> {
        Ok(Noop {
            name: config.name().to_owned(),
            settings: Settings::new(config.content()?)?,
            clock: config.host().clock(),
            unreleased: Mutex::default(),
        })
    }

    /// The lock is never held over an `await`.
    fn unreleased(&self) -> MutexGuard<'_, HashMap<ExecutionId, Task>> {
        // A panic elsewhere cannot leave the table half changed: each change is one insertion.
        self.unreleased
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self, task: &Task, parameters: &Parameters, now: Timestamp) -> TaskState {
        if task.cancelled {
            let result = TaskResult::abnormal(Status::Cancelled, "cancelled before its end");
            return TaskState::Finished(result);
        }
        if now < task.end {
            return TaskState::Running;
        }
        let failure = self.settings.failure.clone();
        TaskState::Finished(failure.unwrap_or_else(|| TaskResult::data(parameters.result())))
    }
}

#[async_trait]
impl Distributor for Noop {
    async fn run(&self, request: RunRequest) -> Result<Started> {
        // Checked again, because nothing says that the host has called `validate` with this
        // revision of the configuration. An error here ends the execution as REJECTED (DC-28).
        let parameters = Parameters::parse(&request.quest.distributor_parameters)?;
        let now = self.clock.now();
        let started = |task: &Task| Started {
            token: token(request.execution, task.end),
            // The end is known, so one question at the right moment is enough.
            poll_timeout: task.end.since(now),
            state: self.state(task, &parameters, now),
        };
        if self.settings.delay.is_zero() {
            // Over already. The time in the token is long past and the same for each repetition,
            // so there is nothing to remember.
            return Ok(started(&Task {
                end: Timestamp::default(),
                cancelled: false,
            }));
        }
        let mut unreleased = self.unreleased();
        // The first call decides when the task ends; a repetition finds it (DC-26).
        let task = unreleased.entry(request.execution).or_insert_with(|| Task {
            end: now.after(self.settings.delay),
            cancelled: false,
        });
        Ok(started(task))
    }

    async fn cancel(&self, _quest: &dm::quest::Desc, token: &Token) -> Result<()> {
        let (execution, end) = read(token)?;
        // What is over stays as it ended (DC-38, DC-39).
        if self.clock.now() < end {
            let cancelled = true;
            self.unreleased().insert(execution, Task { end, cancelled });
        }
        Ok(())
    }

    async fn get_status(&self, quest: &dm::quest::Desc, token: &Token) -> Result<TaskState> {
        let (execution, end) = read(token)?;
        let parameters = Parameters::parse(&quest.distributor_parameters)?;
        let unreleased = self.unreleased();
        let cancelled = unreleased
            .get(&execution)
            .is_some_and(|task| task.cancelled);
        Ok(self.state(&Task { end, cancelled }, &parameters, self.clock.now()))
    }

    fn info_url(&self, token: &Token) -> String {
        format!("noop://{}/{token}", self.name)
    }

    async fn handle_notification(
        &self,
        _quest: &dm::quest::Desc,
        _token: &Token,
        _notification: &Notification,
    ) -> Result<Option<TaskResult>> {
        // None is expected, and one that comes all the same says nothing (DC-46).
        Ok(None)
    }

    async fn handle_task_queue_task(&self, _task: QueueTask) -> Result<Vec<Notification>> {
        let message = "the noop backend queues no work for itself";
        Err(Error::new(ErrorKind::Unsupported, message))
    }

    fn validate(&self, parameters: &str) -> Result<()> {
        Parameters::parse(parameters).map(drop)
    }

    fn release(&self, token: &Token) {
        if let Ok((execution, _)) = read(token) {
            self.unreleased().remove(&execution);
        }
    }
}

/// `QUEST|ATTEMPT|EXECUTION@MICROSECONDS`: unique to the execution (DC-72), and all that is needed
/// to answer for it.
fn token(execution: ExecutionId, end: Timestamp) -> Token {
    Token(format!("{execution}@{}", end.as_micros()))
}

/// The inverse of [`token`]. Another token is a permanent error: such a task does not exist (DC-40).
fn read(token: &Token) -> Result<(ExecutionId, Timestamp)> {
    let parts = token.0.rsplit_once('@').and_then(|(execution, end)| {
        let end = Timestamp::from_micros(end.parse().ok()?);
        Some((execution.parse().ok()?, end))
    });
    parts.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no task has token `{token}`")))
}
