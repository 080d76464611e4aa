//! The backend: the contract's methods, each a few lines over the pool of tasks.
//!
//! It refuses to start a process itself; a supervisor does, which outlives this service.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use distributor_core::{
    Config, Distributor, Error, ErrorKind, LogChunk, LogStream, Notification, QueueTask, Result,
    RunRequest, Started, Swept, TaskResult, TaskState, Token, dm,
};

use crate::config::Settings;
use crate::generated::distributor::backend::local_process::Config as Message;
use crate::layout::{Layout, TaskName};
use crate::output;
use crate::parameters::Parameters;
use crate::pool::{Entry, Pool, Waiting};
use crate::prepare::{is_simple, prepare};
use crate::sweep;
use crate::tasks::Failure;

/// Insurance against a notification that was lost in a crash. Asking costs no more than a look
/// into a table.
const POLL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long `run` waits for the end of what it started.
const SHORT_TASK: Duration = Duration::from_millis(5);
/// How many executions beyond the slots may wait in this backend, so that a free slot never waits
/// for the host.
const LOOKAHEAD: usize = 32;

/// Runs jobs as processes of this machine.
#[derive(Debug)]
pub struct LocalProcess {
    pool: Arc<Pool>,
    dm_host: String,
}

impl LocalProcess {
    /// Makes a backend. Touches nothing before the first `run`.
    ///
    /// # Errors
    /// `Config` for a wrong configuration or a state directory whose name is not UTF-8.
    pub fn new(config: &Config) -> Result<Self> {
        let settings = Settings::new(config.content::<Message>()?)?;
        let root = config.host().state_directory(config.snapshot())?;
        if root.to_str().is_none() || !root.is_absolute() {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "the state directory must be an absolute path in UTF-8, not {}",
                    root.display()
                ),
            ));
        }
        let pool = Pool::of(Layout::new(root), settings, Arc::clone(config.host()));
        Ok(LocalProcess {
            pool,
            dm_host: config.dm_host().to_owned(),
        })
    }

    /// The factory for [`register!`](distributor_core::register).
    pub(crate) fn factory(config: Config) -> Result<Arc<dyn Distributor>> {
        Ok(Arc::new(LocalProcess::new(&config)?))
    }

    /// Prepares the task, if this caller is the first, and puts it into the queue.
    fn enter(&self, id: &str, request: &RunRequest) -> Option<Waiting> {
        match self.pool.enter(id) {
            Entry::Known => None,
            Entry::Wait(waiting) => Some(waiting),
            Entry::Prepare(waiting) => {
                let Pool {
                    layout, settings, ..
                } = &*self.pool;
                match prepare(layout, settings, &self.dm_host, request) {
                    Ok(start) => self.pool.submit(start),
                    Err(error) => {
                        self.pool.withdraw(id, Failure::from_error(&error));
                    }
                }
                Some(waiting)
            }
        }
    }
}

#[async_trait]
impl Distributor for LocalProcess {
    async fn run(&self, mut request: RunRequest) -> Result<Started> {
        self.pool.adopt().await?;
        let id = request.execution.to_string();
        if let Some(mut waiting) = self.enter(&id, &request) {
            let answer = tokio::select! {
                biased;
                answer = &mut waiting.answer => answer,
                () = request.abandoned.wait() => {
                    // Too late for that means that a process is being made: say which.
                    self.pool.call_off(&id);
                    (&mut waiting.answer).await
                }
            };
            answer
                .unwrap_or_else(|_| Err(Failure::temporary("the task was forgotten")))
                .map_err(Failure::into_error)?;
        }
        if is_simple(&request.quest) {
            // The end of a short task is told in the same answer, which saves the host a
            // transaction. A job that calls the API cannot do so before this answer.
            self.pool.wait_for_the_end(&id, SHORT_TASK).await;
        }
        // It may be over, reported and released before this future is polled again.
        let (token, state) = match self.pool.started(&id) {
            Some(started) => started,
            None => (self.pool.token(&id)?, TaskState::Running),
        };
        Ok(Started {
            token,
            poll_timeout: POLL_TIMEOUT,
            state,
        })
    }

    async fn cancel(&self, _quest: &dm::quest::Desc, token: &Token) -> Result<()> {
        self.pool.cancel(token).await
    }

    async fn get_status(&self, _quest: &dm::quest::Desc, token: &Token) -> Result<TaskState> {
        self.pool.status(token)
    }

    fn info_url(&self, token: &Token) -> String {
        self.pool.layout.info_url(token)
    }

    async fn handle_notification(
        &self,
        _quest: &dm::quest::Desc,
        _token: &Token,
        notification: &Notification,
    ) -> Result<Option<TaskResult>> {
        // Whatever it says, only the table knows; a task that was released has had its result.
        Ok(match self.pool.started(&notification.id.to_string()) {
            Some((_, TaskState::Finished(result))) => Some(result),
            _ => None,
        })
    }

    async fn handle_task_queue_task(&self, _task: QueueTask) -> Result<Vec<Notification>> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "local_process never queues a task",
        ))
    }

    fn validate(&self, parameters: &str) -> Result<()> {
        Parameters::parse(parameters).map(drop)
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.pool.settings.slots.saturating_add(LOOKAHEAD))
    }

    fn release(&self, token: &Token) {
        self.pool.release(token);
    }

    fn sweep(&self, known: sweep::Known<'_>) -> Result<Swept> {
        sweep::sweep(&self.pool.layout.outputs(), known)
    }

    async fn read_log(
        &self,
        token: &Token,
        stream: LogStream,
        offset: u64,
        limit: usize,
    ) -> Result<LogChunk> {
        // First whether it is over: so nothing can come after what is read.
        let state = self.pool.status(token);
        let name = TaskName::parse(token);
        let (Some(name), false) = (name, matches!(&state, Err(error) if error.is_transient()))
        else {
            return Err(state.err().unwrap_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    format!("there is no task {:?}", token.0),
                )
            }));
        };
        // The output of a task is kept longer than the record of its end.
        let over = !matches!(state, Ok(TaskState::Pending | TaskState::Running));
        let path = self.pool.layout.output(&name.id, stream);
        match output::chunk(&path, offset, limit) {
            Ok(data) => {
                let complete = over && data.len() < limit;
                Ok(LogChunk { data, complete })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && state.is_ok() => {
                Ok(LogChunk {
                    data: Vec::new(),
                    complete: over,
                })
            }
            Err(error) => Err(Error::new(ErrorKind::NotFound, "the output cannot be read")
                .with("file", path.display().to_string())
                .because(error)),
        }
    }
}
