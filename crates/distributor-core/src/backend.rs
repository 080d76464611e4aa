//! The trait every backend implements: the seed's seven methods and a few provided ones.
//!
//! This module holds promises only. It refuses to hold anything that a host or one particular
//! backend needs for itself.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use distributor_proto::{AttemptId, ExecutionId, dm};
use tokio::sync::watch;

use crate::error::{Error, ErrorKind, Result};
use crate::host::{Notification, QueueTask};
use crate::secret::Secret;

/// Opaque name of a task, made by its backend; unique to one execution (DC-72).
///
/// The host never parses it. Any string goes, also an empty one; at most 4,096 bytes are stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Token(pub String);

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskResult {
    /// Normally, with the execution's data: one JSON object, normalized by the host (DC-59).
    Data(dm::JsonResult),
    /// Abnormally. Status `INVALID` is not legal and becomes `RESULT_MALFORMED`.
    Abnormal(dm::AbnormalFinish),
}

impl TaskResult {
    /// A normal end with `object`, a JSON object text.
    pub fn data(object: impl Into<String>) -> Self {
        TaskResult::Data(dm::JsonResult {
            object: object.into(),
            ..Default::default()
        })
    }

    /// An abnormal end.
    pub fn abnormal(status: dm::abnormal_finish::Status, reason: impl Into<String>) -> Self {
        TaskResult::Abnormal(dm::AbnormalFinish {
            status: status.into(),
            reason: reason.into(),
        })
    }
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskState {
    /// Accepted, not started yet.
    Pending,
    /// Started, no result yet: the seed's `(nil, nil)` (DC-39).
    Running,
    /// Over.
    Finished(TaskResult),
}

/// How something that a simple quest needs has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct NeedResult {
    /// The name under which the quest's description lists it.
    pub name: String,
    /// The attempt that was waited for.
    pub attempt: AttemptId,
    /// How it ended. The object of a result that was too large to pass on is empty.
    pub result: TaskResult,
}

/// Everything `run` is given.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// The execution to start: the key under which a repetition is recognized (DC-26).
    pub execution: ExecutionId,
    /// The quest's stored description.
    pub quest: Arc<dm::quest::Desc>,
    /// With `execution` the seed's `Execution.Auth`. The same for every repetition (A4).
    pub activation_token: Secret,
    /// Data of this attempt's last successful execution (DC-25).
    pub previous_result: Option<dm::JsonResult>,
    /// Results of what a simple quest needs, in the order of its description.
    pub needs: Vec<NeedResult>,
    /// Fires when the execution ended before `run` has answered.
    pub abandoned: Abandoned,
}

/// What `run` answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// Names the task from now on.
    pub token: Token,
    /// How long to wait without news before asking `get_status`; zero leaves it to the quest's
    /// `stop` timeout (DC-31, DC-34, DC-35). For a simple quest it is also the polling interval
    /// while the task runs.
    pub poll_timeout: Duration,
    /// Where the task stands already: a backend may finish at once.
    pub state: TaskState,
}

/// Tells a waiting `run` that nobody wants the task any more.
#[derive(Debug, Clone)]
pub struct Abandoned(Option<watch::Receiver<bool>>);

/// The sending half of [`Abandoned`].
#[derive(Debug)]
pub struct AbandonSignal(watch::Sender<bool>);

impl Abandoned {
    /// Never fires.
    pub fn never() -> Self {
        Abandoned(None)
    }

    /// A signal and its receiver.
    pub fn channel() -> (AbandonSignal, Self) {
        let (sender, receiver) = watch::channel(false);
        (AbandonSignal(sender), Abandoned(Some(receiver)))
    }

    /// Returns once the execution was abandoned.
    pub async fn wait(&mut self) {
        let fired = match &mut self.0 {
            Some(receiver) => receiver.wait_for(|abandoned| *abandoned).await.is_ok(),
            None => false,
        };
        if !fired {
            std::future::pending().await
        }
    }
}

impl AbandonSignal {
    /// Fires.
    pub fn abandon(&self) {
        self.0.send_replace(true);
    }
}

/// Which of a task's output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A piece of a task's output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogChunk {
    /// The bytes from the offset that was asked for; empty if there are none yet.
    pub data: Vec<u8>,
    /// True if the task is over and nothing follows these bytes.
    pub complete: bool,
}

/// What [`Distributor::sweep`] removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Number of files, or whatever else it keeps.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
}

/// What a backend can do beyond the required methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Two `run` of one execution id give one task (DC-26). Without it the loser of two tasks
    /// fails to activate (DC-27).
    pub idempotent_run: bool,
    /// It tells the host of changes on its own (DC-05, DC-36).
    pub notifications: bool,
    /// `cancel` really ends a running task.
    pub cancel: bool,
    /// `read_log` works.
    pub logs: bool,
}

/// A distributor: one configured backend.
///
/// # Rules for all methods
/// * A transient error makes the host call again, with growing delays, up to a limit (DC-23).
/// * After success or a permanent error the host tries not to call again and does not promise
///   it: every method must bear repetition (DC-24).
/// * No method is called while a store transaction is open (DC-57).
#[async_trait]
pub trait Distributor: Send + Sync + 'static {
    /// Starts a task.
    ///
    /// # Behaviour
    /// * Running one execution id again, also at the same time, gives the first token and starts
    ///   nothing (DC-26), if [`Capabilities::idempotent_run`] says so.
    /// * A run that answers `Finished` needs no later notification.
    /// * Once the execution is abandoned nothing is started any more: a run that waits, or that
    ///   comes later, answers with the token of what was started before, or fails with kind
    ///   [`ErrorKind::Cancelled`] if nothing was.
    ///
    /// # Errors
    /// A permanent error ends the execution as `REJECTED` with the error text as reason (DC-28);
    /// a transient one leaves the attempt in `SCHEDULING` (DC-29).
    ///
    /// # Cancellation
    /// Dropping the future leaks nothing; the next `run` of the same id finds what was started.
    async fn run(&self, request: RunRequest) -> Result<Started>;

    /// Asks for the end of a task.
    ///
    /// # Behaviour
    /// * Cancelling a task that is cancelled or over succeeds (DC-38).
    /// * Success means that the wish was taken; the end arrives like any other.
    ///
    /// # Errors
    /// None of them changes what the host has recorded (DC-37).
    async fn cancel(&self, quest: &dm::quest::Desc, token: &Token) -> Result<()>;

    /// Where a task stands now.
    ///
    /// # Behaviour
    /// * `Pending` or `Running` until the end, then the same `Finished` for ever (DC-39).
    ///
    /// # Errors
    /// A permanent error more than 30 s after `run` marks the execution `MISSING` (DC-40); within
    /// 30 s it counts as transient (DC-41).
    async fn get_status(&self, quest: &dm::quest::Desc, token: &Token) -> Result<TaskState>;

    /// Where a person can look at the task (DC-42).
    ///
    /// # Behaviour
    /// * Computed from the token and the configuration alone; a bogus token gives a URL too (DC-43).
    fn info_url(&self, token: &Token) -> String;

    /// Reads a notification: what does it say of its execution, whose task is `token`?
    ///
    /// # Behaviour
    /// * One that is about another task than `token` is ignored: whoever may publish could send it.
    /// * `None` means that it is to be ignored (DC-46).
    /// * A repeated or reordered notification does no harm (DC-49).
    ///
    /// # Errors
    /// After a permanent error the notification is dropped, and polling finds the result (DC-61).
    async fn handle_notification(
        &self,
        quest: &dm::quest::Desc,
        token: &Token,
        notification: &Notification,
    ) -> Result<Option<TaskResult>>;

    /// Does work that this backend queued with [`Config::enqueue_task`](crate::Config::enqueue_task)
    /// (DC-50).
    ///
    /// # Behaviour
    /// * The returned notifications may be about any execution (DC-51) and are handled later (DC-52).
    /// * Called at least once: again after a transient error, a panic, a timeout, or a crash of the host.
    ///
    /// # Errors
    /// A permanent error, or the last of several transient ones (DC-23), makes the task a dead letter,
    /// which a person may replay or discard. A task from an external queue fails there.
    async fn handle_task_queue_task(&self, task: QueueTask) -> Result<Vec<Notification>>;

    /// Checks a quest's `distributor_parameters`, always one well-formed JSON object (DC-53, DC-54).
    ///
    /// # Errors
    /// `InvalidArgument` with a message that names the field.
    fn validate(&self, parameters: &str) -> Result<()>;

    /// How many executions may be unfinished at this backend at once. The host keeps the others in
    /// its store and starts them as room is made; `None` means no limit.
    fn capacity(&self) -> Option<usize> {
        None
    }

    /// [`get_status`](Distributor::get_status) of many tasks: one answer each, in the same order.
    async fn get_statuses(
        &self,
        tasks: &[(Arc<dm::quest::Desc>, Token)],
    ) -> Vec<Result<TaskState>> {
        let mut states = Vec::with_capacity(tasks.len());
        for (quest, token) in tasks {
            states.push(self.get_status(quest, token).await);
        }
        states
    }

    /// Says that the host has durably recorded the end of this task and asks no more: what the
    /// backend keeps in order to answer may go. A hint: it may be missing after a crash.
    fn release(&self, token: &Token) {
        let _nothing_is_kept = token;
    }

    /// Removes what the backend keeps for people (outputs, say) of executions that the host no longer
    /// knows. `known` tells which of some executions it knows, in the same order; it may read a disk.
    /// Called by a clean-up that somebody asked for, never in the course of work.
    ///
    /// # Errors
    /// What could not be removed; the rest is removed.
    fn sweep(&self, known: &dyn Fn(&[ExecutionId]) -> Result<Vec<bool>>) -> Result<Swept> {
        let _nothing_is_kept = known;
        Ok(Swept::default())
    }

    /// Reads a task's output from byte `offset` on, at most `limit` bytes.
    ///
    /// # Errors
    /// `Unsupported` unless [`Capabilities::logs`].
    async fn read_log(
        &self,
        token: &Token,
        stream: LogStream,
        offset: u64,
        limit: usize,
    ) -> Result<LogChunk> {
        let _unused = (token, stream, offset, limit);
        Err(Error::new(
            ErrorKind::Unsupported,
            "this backend keeps no logs; look at the info url",
        ))
    }
}
