//! A host that lends what a test says, and a backend in it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use distributor_backend_swarming_v1::{Swarming, proto};
use distributor_core::{
    Abandoned, Clock, Config, ConfigSnapshot, Distributor, Error, ErrorKind, ExecutionId,
    HelperCommand, Host, ManualClock, Notification, QueueTask, Result, RunRequest, Secret,
    TaskState, Timestamp, Token, Topic, dm,
};
use prost::Message;
use serde_json::{Value, json};

use crate::server::Server;

pub(crate) const DM_HOST: &str = "dm.example.com";
/// The id of a task.
pub(crate) const TASK: &str = "4f2a9c10";
/// 2026-01-01T00:00:00Z.
const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// What `prepare_topic` does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Topics {
    None,
    One,
    NotNow,
}

#[derive(Debug)]
pub(crate) struct TestHost {
    pub(crate) clock: Arc<ManualClock>,
    topics: Mutex<Topics>,
}

#[async_trait]
impl Host for TestHost {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as Arc<dyn Clock>
    }

    fn notify(&self, _: Notification) {}

    async fn prepare_topic(&self, _: &ConfigSnapshot, id: ExecutionId) -> Result<Topic> {
        match *self.topics.lock().expect("no panic") {
            Topics::None => Err(Error::new(ErrorKind::Unsupported, "no topics here")),
            Topics::NotNow => Err(Error::new(ErrorKind::Unavailable, "no topics now").transient()),
            Topics::One => Ok(Topic {
                name: "projects/p/topics/dm-distributor-notify".to_owned(),
                auth_token: Secret::new(format!("topic-token-of-{}", id.number)),
            }),
        }
    }

    async fn enqueue_task(&self, _: &ConfigSnapshot, _: QueueTask) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "not in this test"))
    }

    fn state_directory(&self, _: &ConfigSnapshot) -> Result<PathBuf> {
        Err(Error::new(ErrorKind::Unsupported, "not in this test"))
    }

    fn helper(&self, _: &str) -> Result<HelperCommand> {
        Err(Error::new(ErrorKind::Unsupported, "not in this test"))
    }
}

impl TestHost {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(TestHost {
            clock: Arc::new(ManualClock::new(NOW)),
            topics: Mutex::new(Topics::None),
        })
    }

    pub(crate) fn set_topics(&self, topics: Topics) {
        *self.topics.lock().expect("no panic") = topics;
    }
}

/// A backend in a host.
pub(crate) struct Bench {
    pub(crate) backend: Swarming,
    pub(crate) host: Arc<TestHost>,
}

impl Bench {
    /// Without credentials.
    pub(crate) fn new(server: &Server) -> Self {
        Bench::with(message(&server.url))
    }

    pub(crate) fn with(message: proto::Config) -> Self {
        let host = TestHost::new();
        let backend = Swarming::new(&config(&message, &host)).expect("a good configuration");
        Bench { backend, host }
    }

    pub(crate) async fn run(&self, number: u32) -> Result<distributor_core::Started> {
        self.backend.run(request(number)).await
    }

    pub(crate) async fn status(&self, id: &str) -> Result<TaskState> {
        self.backend.get_status(&quest(), &token(id)).await
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.host.clock.advance(Duration::from_secs(seconds));
    }
}

pub(crate) fn message(url: &str) -> proto::Config {
    proto::Config {
        swarming: Some(proto::config::Swarming {
            url: url.to_owned(),
        }),
        ..Default::default()
    }
}

pub(crate) fn config(message: &proto::Config, host: &Arc<TestHost>) -> Config {
    let snapshot = ConfigSnapshot {
        name: "farm".to_owned(),
        version: "rev-7".to_owned(),
        config_type: "swarmingV1.Config".to_owned(),
        content: message.encode_to_vec(),
        dm_host: DM_HOST.to_owned(),
    };
    Config::new(Arc::new(snapshot), Arc::clone(host) as Arc<dyn Host>)
}

pub(crate) fn parameters() -> Value {
    json!({
        "scheduling": {
            "dimensions": {"pool": "default", "os": "Linux"},
            "snapshot_dimensions": ["os"],
        },
        "job": {
            "inputs": {"cipd": {
                "server": "https://packages.example.com",
                "by_path": {"": {"pkg": [{"name": "a/b", "version": "latest"}]}},
            }},
            "command": ["bin/tool", "--dm=${DM.HOST}"],
            "env": {"LANG": "C"},
        },
    })
}

/// A quest whose job calls the API, without timeouts.
pub(crate) fn quest() -> dm::quest::Desc {
    dm::quest::Desc {
        distributor_config_name: "farm".to_owned(),
        parameters: "{}".to_owned(),
        distributor_parameters: parameters().to_string(),
        meta: None,
    }
}

pub(crate) fn execution(number: u32) -> ExecutionId {
    let quest = "A".repeat(43);
    format!("{quest}|1|{number}").parse().expect("an id")
}

pub(crate) fn request(number: u32) -> RunRequest {
    RunRequest {
        execution: execution(number),
        quest: Arc::new(quest()),
        activation_token: Secret::new(*b"activation-token-of-at-least-32-bytes"),
        previous_result: None,
        needs: Vec::new(),
        abandoned: Abandoned::never(),
    }
}

pub(crate) fn token(id: &str) -> Token {
    Token(id.to_owned())
}

/// The answer of `tasks/new`.
pub(crate) fn created(id: &str) -> Value {
    json!({"task_id": id, "request": {"name": "x"}})
}

/// The answer of `task/{id}/result`.
pub(crate) fn task(state: &str) -> Value {
    json!({"task_id": TASK, "state": state})
}

/// The error of an answer; a good answer fails the test.
#[track_caller]
pub(crate) fn failed<T: std::fmt::Debug>(answer: Result<T>) -> Error {
    answer.expect_err("a failure was ordered")
}
