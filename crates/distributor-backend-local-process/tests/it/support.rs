//! A host for one backend, and short ways to say what a test wants.

use std::ffi::OsString;
use std::fs;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use distributor_backend_local_process::LocalProcess;
use distributor_core::dm::quest::desc::Meta;
use distributor_core::dm::quest::desc::meta::Simple;
use distributor_core::{
    Abandoned, Clock, Config, ConfigSnapshot, Distributor, Error, ErrorKind, ExecutionId,
    HelperCommand, Host, NeedResult, Notification, QueueTask, Result, RunRequest, Secret, Started,
    SystemClock, TaskResult, TaskState, Token, Topic, dm,
};
use prost::Message;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Only a broken backend takes as long as this.
const HANG: Duration = Duration::from_secs(120);

/// Fails a test that would hang.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANG, future).await.expect("hangs")
}

/// Where jobs are told to call.
pub(crate) const DM_HOST: &str = "dm.example.com:8000";

#[derive(Debug)]
struct TestHost {
    state: PathBuf,
    helper_options: Vec<OsString>,
    notifications: mpsc::UnboundedSender<ExecutionId>,
}

#[async_trait]
impl Host for TestHost {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    fn notify(&self, notification: Notification) {
        let _over = self.notifications.send(notification.id);
    }

    async fn prepare_topic(&self, _config: &ConfigSnapshot, _id: ExecutionId) -> Result<Topic> {
        Err(Error::new(ErrorKind::Unsupported, "no topics"))
    }

    async fn enqueue_task(&self, _config: &ConfigSnapshot, _task: QueueTask) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "no queue"))
    }

    fn state_directory(&self, _config: &ConfigSnapshot) -> Result<PathBuf> {
        Ok(self.state.clone())
    }

    fn helper(&self, name: &str) -> Result<HelperCommand> {
        assert_eq!(name, "local-process-supervisor");
        Ok(HelperCommand {
            program: PathBuf::from(env!("CARGO_BIN_EXE_local-process-supervisor")),
            arguments: self.helper_options.clone(),
        })
    }
}

/// The configuration message as this test writes it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ConfigMessage {
    #[prost(uint32, tag = "1")]
    pub(crate) slots: u32,
    #[prost(message, optional, tag = "2")]
    pub(crate) grace: Option<prost_types::Duration>,
    #[prost(uint32, tag = "3")]
    pub(crate) tail_bytes: u32,
    #[prost(string, repeated, tag = "4")]
    pub(crate) pass_environment: Vec<String>,
}

/// Two slots, a grace of 50 ms.
pub(crate) fn config() -> ConfigMessage {
    ConfigMessage {
        slots: 2,
        grace: Some(prost_types::Duration {
            seconds: 0,
            nanos: 50_000_000,
        }),
        ..ConfigMessage::default()
    }
}

/// One life of a service.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) backend: LocalProcess,
    notifications: mpsc::UnboundedReceiver<ExecutionId>,
}

impl Service {
    pub(crate) fn new(state: &Path, config: &ConfigMessage) -> Self {
        Self::with_helper_options(state, config, &[])
    }

    pub(crate) fn with_helper_options(
        state: &Path,
        config: &ConfigMessage,
        options: &[&str],
    ) -> Self {
        let (sender, notifications) = mpsc::unbounded_channel();
        let snapshot = ConfigSnapshot {
            name: "here".to_owned(),
            version: "1".to_owned(),
            config_type: "distributor.backend.local_process.Config".to_owned(),
            content: config.encode_to_vec(),
            dm_host: DM_HOST.to_owned(),
        };
        let host = TestHost {
            state: state.to_owned(),
            helper_options: options.iter().map(OsString::from).collect(),
            notifications: sender,
        };
        let config = Config::new(Arc::new(snapshot), Arc::new(host));
        Service {
            backend: LocalProcess::new(&config).expect("a good configuration"),
            notifications,
        }
    }

    /// Starts a job.
    pub(crate) async fn run(&self, number: u32, parameters: Value) -> Result<Started> {
        in_time(self.backend.run(request(number, parameters))).await
    }

    /// Starts a job that must start.
    pub(crate) async fn start(&self, number: u32, parameters: Value) -> Token {
        self.run(number, parameters).await.expect("a start").token
    }

    pub(crate) async fn status(&self, token: &Token) -> TaskState {
        let quest = dm::quest::Desc::default();
        self.backend
            .get_status(&quest, token)
            .await
            .expect("a state")
    }

    pub(crate) async fn cancel(&self, token: &Token) {
        let quest = dm::quest::Desc::default();
        in_time(self.backend.cancel(&quest, token))
            .await
            .expect("a cancelled task");
    }

    /// Waits for the end of a task, by notifications alone.
    pub(crate) async fn finished(&mut self, token: &Token) -> TaskResult {
        loop {
            if let TaskState::Finished(result) = self.status(token).await {
                return result;
            }
            in_time(self.notifications.recv())
                .await
                .expect("a notification");
        }
    }

    /// Runs a job to its end.
    pub(crate) async fn end(&mut self, number: u32, parameters: Value) -> TaskResult {
        let token = self.start(number, parameters).await;
        self.finished(&token).await
    }
}

/// Execution `number` of some quest.
pub(crate) fn execution(number: u32) -> ExecutionId {
    format!("{}|{number}|1", "A".repeat(43))
        .parse()
        .expect("an id")
}

/// A `run` of it as a simple quest with these `distributor_parameters`.
pub(crate) fn request(number: u32, parameters: Value) -> RunRequest {
    RunRequest {
        execution: execution(number),
        quest: Arc::new(dm::quest::Desc {
            parameters: "{}".to_owned(),
            distributor_parameters: parameters.to_string(),
            meta: Some(Meta {
                simple: Some(Simple::default()),
                ..Meta::default()
            }),
            ..dm::quest::Desc::default()
        }),
        activation_token: Secret::new(*b"token"),
        previous_result: None,
        needs: Vec::new(),
        abandoned: Abandoned::never(),
    }
}

/// The same request of a quest whose job calls the API, with this activation token.
pub(crate) fn calling(mut request: RunRequest, token: &[u8]) -> RunRequest {
    Arc::make_mut(&mut request.quest).meta = Some(Meta::default());
    request.activation_token = Secret::new(token);
    request
}

/// The same request with a directory.
pub(crate) fn in_directory(mut request: RunRequest, directory: &Path) -> RunRequest {
    let quest = Arc::make_mut(&mut request.quest);
    quest.meta = Some(Meta {
        simple: Some(Simple {
            directory: directory.display().to_string(),
            ..Simple::default()
        }),
        ..Meta::default()
    });
    request
}

/// The same request with results of what it needs.
pub(crate) fn with_needs(mut request: RunRequest, needs: &[(&str, TaskResult)]) -> RunRequest {
    request.needs = needs
        .iter()
        .map(|(name, result)| NeedResult {
            name: (*name).to_owned(),
            attempt: format!("{}|1", "B".repeat(42) + "A")
                .parse()
                .expect("an id"),
            result: result.clone(),
        })
        .collect();
    request
}

/// A shell command line as parameters.
pub(crate) fn shell(line: impl Into<String>) -> Value {
    json!({ "shell": line.into() })
}

/// A named pipe. A task that opens it for reading stands still until the test opens it for writing.
pub(crate) fn fifo(path: &Path) -> String {
    rustix::fs::mknodat(
        rustix::fs::CWD,
        path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .expect("a named pipe");
    path.display().to_string()
}

/// Lets the task go that reads this pipe, as soon as it does.
pub(crate) fn release(pipe: &str) {
    fs::write(pipe, "go\n").expect("a reader");
}

/// The JSON object of a normal end.
pub(crate) fn data(result: TaskResult) -> Value {
    match result {
        TaskResult::Data(data) => serde_json::from_str(&data.object).expect("a JSON object"),
        TaskResult::Abnormal(finish) => panic!("ended abnormally: {}", finish.reason),
    }
}

/// Status and reason of an abnormal end.
pub(crate) fn abnormal(result: TaskResult) -> (dm::abnormal_finish::Status, String) {
    match result {
        TaskResult::Data(data) => panic!("ended normally: {}", data.object),
        TaskResult::Abnormal(finish) => (finish.status(), finish.reason),
    }
}

/// The log segments that exist.
pub(crate) fn segments(state: &Path) -> Vec<PathBuf> {
    let mut segments: Vec<PathBuf> = fs::read_dir(state.join("log"))
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    segments.sort();
    segments
}

/// The pids in the headers of the log segments.
pub(crate) fn supervisors(state: &Path) -> Vec<i32> {
    segments(state)
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).expect("a segment");
            let header: Value =
                serde_json::from_str(text.lines().next().expect("a header")).expect("a JSON line");
            let pid = header["header"]["pid"].as_i64().expect("a pid");
            i32::try_from(pid).expect("a small number")
        })
        .collect()
}

/// `kill -9`, and waits until the process is gone and has let go of its locks.
pub(crate) async fn kill(pid: i32) {
    let raw = rustix::process::Pid::from_raw(pid).expect("a pid");
    rustix::process::kill_process(raw, rustix::process::Signal::KILL).expect("a process");
    // A zombie keeps its files open as long as one of its threads is left.
    let gone = || match fs::read_to_string(format!("/proc/{pid}/status")) {
        Ok(status) => status.contains("State:\tZ") && status.contains("Threads:\t1\n"),
        Err(_) => true,
    };
    in_time(async {
        while !gone() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Permission bits.
pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

/// Files go after the end is reported.
pub(crate) async fn wait_until_empty(folder: &Path) {
    in_time(async {
        while fs::read_dir(folder).expect("a folder").next().is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
