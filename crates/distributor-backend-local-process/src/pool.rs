//! One configuration's tasks and everything that keeps them: shared state and its entry points.
//!
//! Who calls: `run`, `cancel`, `get_status` and `release` from the backend; the pipe reader
//! ([`crate::connection`]) and the watcher ([`crate::adoption`]) with news. It refuses to hold the
//! lock across an await, and to start anything before the first `run`.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use distributor_core::{
    Error, ErrorKind, ExecutionId, Host, Notification, Result, TaskState, Token,
};
use rustix::process::Signal;
use tokio::sync::oneshot;

use crate::config::Settings;
use crate::connection::Connection;
use crate::layout::{Layout, TaskName};
use crate::process::{self, Process};
use crate::result;
use crate::segments::Segments;
use crate::supervisor::protocol::{Header, Note, Record, Start};
use crate::supervisor::signal_group;
use crate::tasks::{Answer, End, Failure, Joined, News, Phase, Tasks};
use crate::work;

/// How many starts wait in the supervisor at most, so that a free slot never waits for the service.
const MOST_AHEAD: usize = 8;

/// Pools by state directory: configurations of one host that differ in their version only have one
/// folder, and must share the slots and the supervisor as well.
static POOLS: Mutex<BTreeMap<PathBuf, Weak<Pool>>> = Mutex::new(BTreeMap::new());

/// One configuration's tasks.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) layout: Layout,
    pub(crate) settings: Settings,
    pub(crate) host: Arc<dyn Host>,
    inner: Mutex<Inner>,
}

/// What the lock protects.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) tasks: Tasks,
    pub(crate) segments: Segments,
    pub(crate) connection: Option<Connection>,
    pub(crate) adoption: Adoption,
    /// The watcher thread exists.
    pub(crate) watching: bool,
    /// KILLs for tasks of other supervisors.
    pub(crate) kills: Vec<(Instant, String, Process)>,
    /// Supervisors that died, with the tasks that had no end then, until their logs are read.
    pub(crate) bereaved: Vec<(Header, Vec<String>)>,
    pub(crate) boot: Option<Boot>,
}

/// This boot of the machine.
#[derive(Debug, Clone)]
pub(crate) struct Boot {
    pub(crate) id: String,
}

impl Boot {
    /// What tokens hold of it.
    pub(crate) fn short(&self) -> &str {
        short_boot(&self.id)
    }
}

/// The first eight characters of a boot id.
pub(crate) fn short_boot(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// Whether this service knows what its predecessors left running.
#[derive(Debug)]
pub(crate) enum Adoption {
    /// Nothing was run yet.
    NotBegun,
    /// A predecessor's supervisor may still start tasks: these callers of `run` wait.
    Pending(Instant, Vec<oneshot::Sender<Answer>>),
    /// It does.
    Done,
}

/// What [`Pool::run`] found or made.
#[derive(Debug)]
pub(crate) enum Entry {
    /// Known, and past its start.
    Known,
    /// To be waited for.
    Wait(Waiting),
    /// To be prepared, then submitted or withdrawn, then waited for.
    Prepare(Waiting),
}

/// A `run` that waits for its task to be started. Dropping it takes the task back, if that is
/// still possible and nobody else waits for it.
#[derive(Debug)]
pub(crate) struct Waiting {
    pool: Arc<Pool>,
    id: String,
    key: u64,
    /// Says how it went.
    pub(crate) answer: oneshot::Receiver<Answer>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let files = self.pool.lock().tasks.leave(&self.id, self.key);
        work::remove_all(&files);
    }
}

impl Pool {
    /// The pool of a folder: that of another instance in this process, or a new one.
    pub(crate) fn of(layout: Layout, settings: Settings, host: Arc<dyn Host>) -> Arc<Pool> {
        let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|_, pool| pool.strong_count() > 0);
        if let Some(pool) = pools.get(layout.root()).and_then(Weak::upgrade)
            && Arc::ptr_eq(&pool.host, &host)
        {
            return pool;
        }
        let inner = Inner {
            tasks: Tasks::new(settings.slots, settings.slots.min(MOST_AHEAD)),
            segments: Segments::new(layout.log()),
            connection: None,
            adoption: Adoption::NotBegun,
            watching: false,
            kills: Vec::new(),
            bereaved: Vec::new(),
            boot: None,
        };
        let root = layout.root().to_owned();
        let pool = Arc::new(Pool {
            layout,
            settings,
            host,
            inner: Mutex::new(inner),
        });
        pools.insert(root, Arc::downgrade(&pool));
        pool
    }

    /// The lock. A panic elsewhere leaves bookkeeping that is still worth having.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a `run`. [`Pool::adopt`] must have succeeded.
    pub(crate) fn enter(self: &Arc<Self>, id: &str) -> Entry {
        let waiting = |key, answer| Waiting {
            pool: Arc::clone(self),
            id: id.to_owned(),
            key,
            answer,
        };
        let joined = self.lock().tasks.join(id);
        match joined {
            Joined::Known => Entry::Known,
            Joined::Wait(key, answer) => Entry::Wait(waiting(key, answer)),
            Joined::Prepare(key, answer) => Entry::Prepare(waiting(key, answer)),
        }
    }

    /// Queues a prepared task and starts what can be started.
    pub(crate) fn submit(self: &Arc<Self>, start: Start) {
        let mut inner = self.lock();
        inner.tasks.submit(start);
        self.start_tasks(&mut inner);
    }

    /// Takes a task back that cannot be prepared or is not wanted any more. False if it is too
    /// late for that.
    pub(crate) fn withdraw(&self, id: &str, failure: Failure) -> bool {
        let mut inner = self.lock();
        if !inner.tasks.is_waiting(id) {
            return false;
        }
        let files = inner.tasks.fail(id, failure);
        drop(inner);
        work::remove_all(&files);
        true
    }

    /// Nobody wants the task any more: it is taken back if that is still possible.
    pub(crate) fn call_off(&self, id: &str) {
        if self.withdraw(id, Failure::cancelled()) {
            return;
        }
        let mut inner = self.lock();
        let starting = inner
            .tasks
            .get(id)
            .is_some_and(|task| matches!(task.phase, Phase::Starting(Some(_))));
        if starting {
            inner.tasks.call_off(id);
            inner.send_cancel(id, self.settings.grace);
        }
    }

    /// Returns when the task is over, at the latest after `longest`.
    pub(crate) async fn wait_for_the_end(&self, id: &str, longest: Duration) {
        let ended = self.lock().tasks.await_end(id);
        if let Some(ended) = ended {
            // Either way the table tells where it stands: an end is entered there before it is sent.
            let _over_or_not = tokio::time::timeout(longest, ended).await;
        }
    }

    /// The token of a task that is started now.
    pub(crate) fn token(&self, id: &str) -> Result<Token> {
        let boot = self.lock().this_boot().map_err(log_unreadable)?;
        Ok(TaskName::token(boot.short(), id))
    }

    /// The token of a task that was started, and where it stands.
    pub(crate) fn started(&self, id: &str) -> Option<(Token, TaskState)> {
        let inner = self.lock();
        let task = inner.tasks.get(id)?;
        let boot = match task
            .segment
            .as_ref()
            .and_then(|name| inner.segments.get(name))
        {
            Some(segment) => short_boot(&segment.header.boot_id),
            None => inner.boot.as_ref()?.short(),
        };
        let token = TaskName::token(boot, id);
        Some((token, self.state_of(inner, id)?))
    }

    /// Where a task stands.
    ///
    /// # Errors
    /// Permanent `NotFound` for a token that names nothing; transient if the log cannot be read.
    pub(crate) fn status(self: &Arc<Self>, token: &Token) -> Result<TaskState> {
        let name = TaskName::parse(token).ok_or_else(|| not_found(token))?;
        let mut inner = self.lock();
        let boot = inner.this_boot().map_err(log_unreadable)?;
        let live = match inner.tasks.get(&name.id) {
            Some(task) => match (&task.phase, &task.segment) {
                (Phase::Ended(_), _) | (_, None) => false,
                (_, Some(segment)) => !inner.segments.is_own(segment),
            },
            None => !matches!(inner.adoption, Adoption::Done),
        };
        if live {
            let ended = self.refresh(&mut inner).map_err(log_unreadable)?;
            // The caller is told right now.
            drop(ended);
            let running = inner
                .tasks
                .get(&name.id)
                .is_some_and(|task| !matches!(task.phase, Phase::Ended(_)));
            if running {
                self.watch(&mut inner);
            }
        }
        if let Some(state) = self.state_of(inner, &name.id) {
            return Ok(state);
        }
        if name.boot == boot.short() {
            return Err(not_found(token));
        }
        Ok(TaskState::Finished(result::restarted()))
    }

    /// Drops the lock before it reads the task's output.
    fn state_of(&self, inner: MutexGuard<'_, Inner>, id: &str) -> Option<TaskState> {
        let task = inner.tasks.get(id)?;
        let (end, cancelled) = match &task.phase {
            Phase::Preparing | Phase::Waiting(_) => return Some(TaskState::Pending),
            // Nothing is recorded yet: it may still wait for a slot, in the supervisor.
            Phase::Starting(Some(_)) if task.segment.is_none() => return Some(TaskState::Pending),
            Phase::Starting(_) | Phase::Running(_) => return Some(TaskState::Running),
            Phase::Ended(end) => (end.clone(), task.cancelled),
        };
        drop(inner);
        let tail_bytes = self.settings.tail_bytes;
        let result = result::task_result(&self.layout, tail_bytes, id, &end, cancelled);
        Some(TaskState::Finished(result))
    }

    /// Sends TERM to the task's group and arranges for KILL after the grace.
    pub(crate) async fn cancel(self: &Arc<Self>, token: &Token) -> Result<()> {
        let name = TaskName::parse(token).ok_or_else(|| not_found(token))?;
        loop {
            let confirmed = match self.begin_cancel(&name.id)? {
                Some(confirmed) => confirmed,
                None => return Ok(()),
            };
            // An error means that the supervisor died first: then look again.
            if confirmed.await.is_ok() {
                return Ok(());
            }
        }
    }

    /// `None` if nothing is left to wait for.
    fn begin_cancel(self: &Arc<Self>, id: &str) -> Result<Option<oneshot::Receiver<()>>> {
        if self.withdraw(id, Failure::cancelled()) {
            return Ok(None);
        }
        let mut inner = self.lock();
        if !matches!(inner.adoption, Adoption::Done) {
            self.refresh(&mut inner).map_err(log_unreadable)?;
        }
        let Some(task) = inner.tasks.get(id) else {
            return Ok(None);
        };
        let segment = task.segment.clone();
        let own = segment
            .as_deref()
            .is_none_or(|segment| inner.segments.is_own(segment));
        match &task.phase {
            Phase::Ended(_) | Phase::Preparing | Phase::Waiting(_) => Ok(None),
            // What is being started is told as soon as it exists, unless it still waits there.
            Phase::Starting(_) if own => {
                let confirmed = inner.tasks.await_cancel(id);
                inner.tasks.call_off(id);
                inner.send_cancel(id, self.settings.grace);
                Ok(confirmed)
            }
            Phase::Running(_) if own => {
                let confirmed = inner.tasks.await_cancel(id);
                inner.send_cancel(id, self.settings.grace);
                Ok(confirmed)
            }
            Phase::Starting(_) => Err(Error::new(
                ErrorKind::Unavailable,
                "the process is being made by the supervisor of a former service",
            )
            .transient()
            .not_applied()),
            Phase::Running(process) => {
                let process = *process;
                inner.tasks.cancelling(id);
                let already = inner.kills.iter().any(|(_, killed, _)| killed == id);
                if !already && process.is_alive() {
                    if let Some(segment) = segment {
                        // Without the note a later instance would call it a crash.
                        let _best_effort = inner
                            .segments
                            .note(&segment, &Note::Cancelling(id.to_owned()));
                    }
                    signal_group(process.pid, Signal::TERM);
                    if let Some(deadline) = Instant::now().checked_add(self.settings.grace) {
                        inner.kills.push((deadline, id.to_owned(), process));
                    }
                }
                self.watch(&mut inner);
                Ok(None)
            }
        }
    }

    /// The task's end is recorded by the host: forget it, and its log segment with the last one.
    pub(crate) fn release(&self, token: &Token) {
        let Some(name) = TaskName::parse(token) else {
            return;
        };
        let mut inner = self.lock();
        let known = inner.tasks.get(&name.id).is_some();
        let released = inner.tasks.release(&name.id);
        if let Some(task) = &released
            && let Some(segment) = &task.segment
        {
            // A release that cannot be noted is repeated by the clean-up of old segments.
            let _best_effort = inner.segments.released(segment, &name.id, true);
        }
        drop(inner);
        // A supervisor removes what its tasks read, unless it was killed before it could.
        if released.map_or(!known, |task| task.foreign) {
            work::remove_all(&self.layout.work_files(&name.id));
        }
    }

    /// Tells the host that these tasks are over. Without data: the host comes back through
    /// `handle_notification`, and then the table has the answer.
    pub(crate) fn notify(&self, ended: Vec<String>) {
        for id in ended {
            if let Ok(id) = id.parse::<ExecutionId>() {
                self.host.notify(Notification::new(id, Vec::new()));
            }
        }
    }
}

impl Inner {
    /// This boot's id, read once.
    pub(crate) fn this_boot(&mut self) -> io::Result<Boot> {
        if let Some(boot) = &self.boot {
            return Ok(boot.clone());
        }
        let boot = Boot {
            id: process::boot_id()?,
        };
        Ok(self.boot.insert(boot).clone())
    }

    /// Takes in one record. Gives the task's id if it says that the task is over, and that is news.
    pub(crate) fn apply(&mut self, segment: &Arc<str>, record: Record) -> Applied {
        match record {
            Record::Header(_) | Record::Detached => {}
            Record::Starting { id } => self.recorded(segment, &id),
            Record::Started {
                id,
                pid,
                start_time,
            } => {
                self.recorded(segment, &id);
                if self.tasks.started(&id, Process { pid, start_time }) {
                    return Applied::CancelNow(id);
                }
            }
            Record::Refused {
                id,
                reason,
                temporary,
            } => {
                let recorded = self
                    .tasks
                    .get(&id)
                    .is_some_and(|task| task.segment.is_some());
                if recorded {
                    let _never_notes = self.segments.released(segment, &id, false);
                }
                let kind = match temporary {
                    true => ErrorKind::Unavailable,
                    false if self.tasks.is_called_off(&id) => ErrorKind::Cancelled,
                    false => ErrorKind::InvalidArgument,
                };
                // The supervisor has removed the files.
                let _files = self.tasks.fail(
                    &id,
                    Failure {
                        kind,
                        message: reason,
                        temporary,
                    },
                );
            }
            Record::Cancelling { id } => self.tasks.cancelling(&id),
            Record::Exited(exit) => {
                let id = exit.id.clone();
                self.recorded(segment, &id);
                return self.end(&id, End::Exited(exit));
            }
        }
        Applied::Nothing
    }

    /// The task is over.
    pub(crate) fn end(&mut self, id: &str, end: End) -> Applied {
        let news = self.tasks.ended(id, end);
        if news == News::Old {
            return Applied::Nothing;
        }
        if let Some(segment) = self.tasks.get(id).and_then(|task| task.segment.clone()) {
            self.segments.ended(&segment, id);
        }
        match news {
            News::New => Applied::Ended(id.to_owned()),
            News::Old | News::Answered => Applied::Nothing,
        }
    }

    fn recorded(&mut self, segment: &Arc<str>, id: &str) {
        if self.tasks.recorded(id, segment) {
            self.segments.began(segment, id);
        }
    }
}

/// What follows from a record.
#[derive(Debug)]
pub(crate) enum Applied {
    /// Nothing.
    Nothing,
    /// This task is over.
    Ended(String),
    /// This task runs, and its end was asked for before.
    CancelNow(String),
}

fn not_found(token: &Token) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format!("there is no task {:?}", token.0),
    )
}

fn log_unreadable(error: io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "failed to read the log of tasks")
        .because(error)
        .transient()
        .not_applied()
}
