//! One pool of running tasks: starts them, learns of their ends, tells the host.
//!
//! Tasks are tokio tasks of the service and die with it. What outlives it is the log, which is opened
//! when the pool is used first; then everything unfinished is executed again. It refuses to hold its
//! lock over an `await`.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;

use distributor_client::{Client, ConnectOptions};
use distributor_core::{
    Config, Error, ErrorKind, ExecutionId, Host, Notification, Result, TaskState,
};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use super::outcome::Outcome;
use super::table::{Table, key};
use crate::config::Settings;
use crate::service::Service;
use crate::task::{self, End, Order, Surroundings};

/// One pool of tasks.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) settings: Settings,
    host: Arc<dyn Host>,
    dm_host: String,
    /// `None` where the host keeps nothing on disk: then nothing outlives it, and nothing needs to.
    log: Option<PathBuf>,
    surroundings: OnceLock<Arc<Surroundings>>,
    table: Mutex<Table>,
    is_open: AtomicBool,
    opening: tokio::sync::Mutex<()>,
    /// No more is recorded: what still runs belongs to the next life.
    is_closed: AtomicBool,
}

impl Pool {
    /// Touches nothing before the first use.
    pub(super) fn new(config: &Config, settings: Settings) -> Result<Self> {
        let host = Arc::clone(config.host());
        let log = match host.state_directory(config.snapshot()) {
            Ok(folder) => Some(folder.join(log_name(config.dm_host()))),
            Err(error) if error.kind() == ErrorKind::Unsupported => None,
            Err(error) => return Err(error),
        };
        Ok(Pool {
            settings,
            host,
            dm_host: config.dm_host().to_owned(),
            log,
            surroundings: OnceLock::new(),
            table: Mutex::default(),
            is_open: AtomicBool::new(false),
            opening: tokio::sync::Mutex::new(()),
            is_closed: AtomicBool::new(false),
        })
    }

    /// Puts something else in the place of the API at `dm_host`.
    pub(super) fn use_service(&self, service: Arc<dyn Service>) {
        self.surroundings.get_or_init(|| self.surround(service));
    }

    fn surround(&self, service: Arc<dyn Service>) -> Arc<Surroundings> {
        Arc::new(Surroundings {
            service,
            clock: self.host.clock(),
            room: Semaphore::new(task::REQUEST_KIB),
        })
    }

    /// One connection for all tasks.
    fn surroundings(&self) -> Result<Arc<Surroundings>> {
        if let Some(surroundings) = self.surroundings.get() {
            return Ok(Arc::clone(surroundings));
        }
        if self.dm_host.is_empty() {
            let message = "a jobsim job calls the API, and this host has none: start `distributor \
                           serve` and submit the job there";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let client = Client::new(&self.dm_host, &ConnectOptions::default())
            .map_err(|error| Error::new(ErrorKind::Config, "dm_host").because(error))?;
        let surroundings = self
            .surroundings
            .get_or_init(|| self.surround(Arc::new(client)));
        Ok(Arc::clone(surroundings))
    }

    /// The lock is never held over an `await`.
    fn table(&self) -> MutexGuard<'_, Table> {
        // A panic elsewhere cannot leave the table half changed: each change is one call.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up what a former life has left. Quick after the first time.
    ///
    /// # Errors
    /// Transient and not applied: the log cannot be used. Permanent: there is no API.
    pub(super) async fn open(self: &Arc<Self>) -> Result<()> {
        if self.is_open.load(Ordering::Acquire) {
            return Ok(());
        }
        let _one_at_a_time = self.opening.lock().await;
        let pool = Arc::clone(self);
        // Not dropped half done, whoever waits for it.
        let opened = tokio::task::spawn_blocking(move || pool.open_now()).await;
        opened.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Internal, "opening was interrupted")
                .because(error)
                .transient()
                .not_applied())
        })
    }

    fn open_now(self: &Arc<Self>) -> Result<()> {
        let surroundings = self.surroundings()?;
        let mut table = self.table();
        if self.is_open.load(Ordering::Acquire) || self.is_closed.load(Ordering::Acquire) {
            return Ok(());
        }
        if let Some(path) = &self.log {
            let start = |order: &Arc<Order>| self.spawn(&surroundings, order, true);
            *table = Table::open(path, start).map_err(|error| unusable(path, error))?;
        }
        self.is_open.store(true, Ordering::Release);
        Ok(())
    }

    /// Starts the order, unless it is started already; says how its task stands.
    ///
    /// # Errors
    /// Transient and not applied: the log cannot be written.
    pub(super) fn start(self: &Arc<Self>, order: Order) -> Result<TaskState> {
        let surroundings = self.surroundings()?;
        let mut table = self.table();
        if let Some(outcome) = table.find(order.execution, &key(&order.activation_token)) {
            return Ok(state(outcome));
        }
        let started = table.start(Arc::new(order), |order| {
            self.spawn(&surroundings, order, false)
        });
        let path = self.log.clone().unwrap_or_default();
        started.map_err(|error| unusable(&path, error))?;
        Ok(TaskState::Running)
    }

    /// True if this very task is known already.
    pub(super) fn is_known(&self, order: &Order) -> bool {
        let key = key(&order.activation_token);
        self.table().find(order.execution, &key).is_some()
    }

    fn spawn(
        self: &Arc<Self>,
        surroundings: &Arc<Surroundings>,
        order: &Arc<Order>,
        again: bool,
    ) -> AbortHandle {
        let (pool, surroundings) = (Arc::clone(self), Arc::clone(surroundings));
        let order = Arc::clone(order);
        let task = async move {
            let end = caught(task::execute(&surroundings, &order, again)).await;
            pool.ended(order.execution, &key(&order.activation_token), end);
        };
        Handle::current().spawn(task).abort_handle()
    }

    fn ended(&self, id: ExecutionId, key: &str, end: End) {
        let is_stranger = matches!(end, End::Stranger(_));
        let outcome = Outcome::of(end);
        let mut table = self.table();
        let is_news = !self.is_closed.load(Ordering::Acquire) && table.end(id, key, &outcome);
        drop(table);
        // If somebody else has activated the execution, it is not for this task to end it.
        if is_news && !is_stranger {
            self.notify(id, &outcome);
        }
    }

    fn notify(&self, id: ExecutionId, outcome: &Outcome) {
        if !self.settings.do_pollback {
            self.host.notify(Notification::new(id, outcome.to_json()));
        }
    }

    /// Ends a task that runs; anything else is left as it is.
    pub(super) fn cancel(&self, id: ExecutionId) {
        let outcome = Outcome::cancelled();
        let is_news = self.table().end_any(id, &outcome);
        if is_news {
            self.notify(id, &outcome);
        }
    }

    /// How a task stands, if there is one.
    pub(super) fn status(&self, id: ExecutionId) -> Option<TaskState> {
        self.table().get(id).map(state)
    }

    /// Forgets a task.
    pub(super) fn release(&self, id: ExecutionId) {
        self.table().release(id);
    }

    /// The tasks that are over; none if the pool has not been used.
    pub(super) fn ended_tasks(&self) -> Vec<ExecutionId> {
        self.table().ended()
    }

    /// Stops everything; the next life goes on with it.
    pub(super) fn close(&self) {
        let mut table = self.table();
        self.is_closed.store(true, Ordering::Release);
        table.abort_all();
    }
}

/// A task that panics has ended, too.
async fn caught(task: impl Future<Output = End>) -> End {
    let mut task = pin!(task);
    poll_fn(|context| {
        // It is not polled again after a panic, so nobody sees what that has left half done.
        let polled = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context)));
        polled.unwrap_or_else(|_| {
            let reason = "the simulated job panicked: this is a bug in jobsim";
            Poll::Ready(End::Failed(reason.to_owned()))
        })
    })
    .await
}

fn state(outcome: Option<&Outcome>) -> TaskState {
    match outcome.and_then(Outcome::result) {
        Some(result) => TaskState::Finished(result),
        None => TaskState::Running,
    }
}

fn unusable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the log of tasks cannot be used")
        .with("file", path.display().to_string())
        .because(error)
        .transient()
        .not_applied()
}

/// A log for each address of the API: a configuration that is used under two has two instances.
fn log_name(dm_host: &str) -> String {
    let digest = Sha256::digest(dm_host);
    let short = digest.iter().take(6).map(|byte| format!("{byte:02x}"));
    format!("tasks-{}.log", short.collect::<String>())
}
