//! Backends that do what a test tells them, and where the host finds them.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{
    ConfigSnapshot, Distributor, DistributorSource, Error, ErrorKind, ExecutionId, LogChunk,
    LogStream, Notification, QueueTask, Result, RunRequest, Started, Swept, TaskResult, TaskState,
    Token, dm,
};

/// A backend; all instances of a configuration name are the same.
#[derive(Debug)]
pub(crate) struct Backend {
    /// What `run` answers.
    pub(crate) starts: Mutex<Result<TaskState>>,
    pub(crate) capacity: Option<usize>,
    /// Standard output of every task; `None`: it keeps no logs.
    pub(crate) output: Option<Vec<u8>>,
    /// Gives all of it, whatever the limit.
    ignores_limits: bool,
    /// Executions whose files it keeps.
    pub(crate) kept: Mutex<HashSet<ExecutionId>>,
    cannot_sweep: bool,
    cancelled: Mutex<HashSet<Token>>,
    activation_tokens: Mutex<BTreeMap<ExecutionId, Vec<u8>>>,
}

impl Backend {
    fn new(starts: Result<TaskState>) -> Self {
        Backend {
            starts: Mutex::new(starts),
            capacity: None,
            output: None,
            ignores_limits: false,
            kept: Mutex::default(),
            cannot_sweep: false,
            cancelled: Mutex::default(),
            activation_tokens: Mutex::default(),
        }
    }

    /// Its tasks run until they are cancelled.
    pub(crate) fn running() -> Self {
        Backend::new(Ok(TaskState::Running))
    }

    /// Its tasks are over at once.
    pub(crate) fn instant() -> Self {
        Backend::new(Ok(TaskState::Finished(TaskResult::data("{}"))))
    }

    /// Its tasks fail at once.
    pub(crate) fn failing() -> Self {
        let result = TaskResult::abnormal(Status::Failed, "exit code 1");
        Backend::new(Ok(TaskState::Finished(result)))
    }

    /// It cannot be reached.
    pub(crate) fn unreachable() -> Self {
        let error = Error::new(ErrorKind::Unavailable, "no route to the farm").transient();
        Backend::new(Err(error))
    }

    pub(crate) fn with_capacity(self, capacity: usize) -> Self {
        Backend {
            capacity: Some(capacity),
            ..self
        }
    }

    pub(crate) fn with_output(self, output: &[u8]) -> Self {
        Backend {
            output: Some(output.to_vec()),
            ..self
        }
    }

    pub(crate) fn that_ignores_limits(self) -> Self {
        Backend {
            ignores_limits: true,
            ..self
        }
    }

    pub(crate) fn that_cannot_sweep(self) -> Self {
        Backend {
            cannot_sweep: true,
            ..self
        }
    }

    pub(crate) fn activation_token(&self, id: ExecutionId) -> Vec<u8> {
        let tokens = self.activation_tokens.lock().expect("tokens");
        tokens.get(&id).expect("run was called").clone()
    }

    fn copy(result: &Result<TaskState>) -> Result<TaskState> {
        match result {
            Ok(state) => Ok(state.clone()),
            Err(error) => Err(Error::new(error.kind(), error.message()).transient()),
        }
    }
}

struct Instance(Arc<Backend>);

#[async_trait]
impl Distributor for Instance {
    async fn run(&self, request: RunRequest) -> Result<Started> {
        let id = request.execution;
        let token = request.activation_token.expose().to_vec();
        let mut tokens = self.0.activation_tokens.lock().expect("tokens");
        tokens.insert(id, token);
        let state = Backend::copy(&self.0.starts.lock().expect("starts"))?;
        self.0.kept.lock().expect("kept").insert(id);
        Ok(Started {
            token: Token(format!("task of {id}")),
            poll_timeout: std::time::Duration::ZERO,
            state,
        })
    }

    async fn cancel(&self, _quest: &dm::quest::Desc, token: &Token) -> Result<()> {
        let mut cancelled = self.0.cancelled.lock().expect("cancelled");
        cancelled.insert(token.clone());
        Ok(())
    }

    async fn get_status(&self, _quest: &dm::quest::Desc, token: &Token) -> Result<TaskState> {
        if self.0.cancelled.lock().expect("cancelled").contains(token) {
            let result = TaskResult::abnormal(Status::Cancelled, "as you wish");
            return Ok(TaskState::Finished(result));
        }
        Backend::copy(&self.0.starts.lock().expect("starts"))
    }

    fn info_url(&self, token: &Token) -> String {
        format!("https://farm.example.com/{token}")
    }

    async fn handle_notification(
        &self,
        _quest: &dm::quest::Desc,
        _token: &Token,
        notification: &Notification,
    ) -> Result<Option<TaskResult>> {
        let over = notification.data == b"over";
        Ok(over.then(|| TaskResult::data("{}")))
    }

    async fn handle_task_queue_task(&self, _task: QueueTask) -> Result<Vec<Notification>> {
        Ok(Vec::new())
    }

    fn validate(&self, _parameters: &str) -> Result<()> {
        Ok(())
    }

    fn capacity(&self) -> Option<usize> {
        self.0.capacity
    }

    fn sweep(&self, known: &dyn Fn(&[ExecutionId]) -> Result<Vec<bool>>) -> Result<Swept> {
        if self.0.cannot_sweep {
            return Err(Error::new(ErrorKind::Internal, "the broom is broken"));
        }
        let mut kept = self.0.kept.lock().expect("kept");
        let ids: Vec<ExecutionId> = kept.iter().copied().collect();
        let mut swept = Swept::default();
        for (id, known) in ids.iter().zip(known(&ids)?) {
            if !known {
                kept.remove(id);
                swept.files += 1;
                swept.bytes += 10;
            }
        }
        Ok(swept)
    }

    async fn read_log(
        &self,
        _token: &Token,
        stream: LogStream,
        offset: u64,
        limit: usize,
    ) -> Result<LogChunk> {
        let output = match (&self.0.output, stream) {
            (Some(output), LogStream::Stdout) => output.as_slice(),
            (Some(_), LogStream::Stderr) => &[],
            (None, _) => {
                let message = "this backend keeps no logs; look at the info url";
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        };
        let offset = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(output.len());
        let limit = match self.0.ignores_limits {
            true => usize::MAX,
            false => limit,
        };
        let data: Vec<u8> = output[offset..].iter().copied().take(limit).collect();
        let complete = offset + data.len() == output.len();
        Ok(LogChunk { data, complete })
    }
}

/// Backends by configuration name.
#[derive(Debug, Default)]
pub(crate) struct Backends {
    by_name: Mutex<BTreeMap<String, Arc<Backend>>>,
    unreadable: Mutex<bool>,
}

impl Backends {
    pub(crate) fn put(&self, name: &str, backend: Backend) -> Arc<Backend> {
        let backend = Arc::new(backend);
        let mut by_name = self.by_name.lock().expect("backends");
        by_name.insert(name.to_owned(), backend.clone());
        backend
    }

    pub(crate) fn remove(&self, name: &str) {
        self.by_name.lock().expect("backends").remove(name);
    }

    pub(crate) fn set_unreadable(&self, unreadable: bool) {
        *self.unreadable.lock().expect("backends") = unreadable;
    }
}

impl DistributorSource for Backends {
    fn snapshot(&self, name: &str) -> Result<Arc<ConfigSnapshot>> {
        if *self.unreadable.lock().expect("backends") {
            let message = "the configuration cannot be read";
            return Err(Error::new(ErrorKind::Unavailable, message).transient());
        }
        if !self.by_name.lock().expect("backends").contains_key(name) {
            let message = format!("unknown distributor configuration `{name}`");
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        Ok(Arc::new(ConfigSnapshot {
            name: name.to_owned(),
            version: "v1".to_owned(),
            config_type: "test.Config".to_owned(),
            content: Vec::new(),
            dm_host: String::new(),
        }))
    }

    fn distributor(&self, snapshot: &Arc<ConfigSnapshot>) -> Result<Arc<dyn Distributor>> {
        let by_name = self.by_name.lock().expect("backends");
        match by_name.get(&snapshot.name) {
            Some(backend) => Ok(Arc::new(Instance(backend.clone()))),
            None => {
                let message = format!("no backend `{}`", snapshot.name);
                Err(Error::new(ErrorKind::Config, message))
            }
        }
    }
}
