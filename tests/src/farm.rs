//! A fake Swarming farm beside a service.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::binary::with_all_features;
use crate::http::{Connection, get, post};
use crate::place::Place;
use crate::running::Running;
use crate::service::Service;

/// The topic that a service of the project `test` offers.
pub const TOPIC: &str = "projects/test/topics/dm-distributor-notify";
/// Where a service takes pushes.
pub const PUSH_PATH: &str = "/internal/pubsub";

/// A farm; killed if it is dropped.
#[derive(Debug)]
pub struct Farm {
    /// The process.
    pub running: Running,
    /// `http://IP:PORT`.
    pub url: String,
}

impl Place {
    /// Starts a farm on a free port of loopback, with its state in the folder `farm`.
    #[track_caller]
    pub fn farm(&self, arguments: &[&str]) -> Farm {
        self.farm_at("127.0.0.1:0", arguments)
    }

    /// Starts a farm that listens on `address`.
    #[track_caller]
    pub fn farm_at(&self, address: &str, arguments: &[&str]) -> Farm {
        let mut command = Command::new(with_all_features());
        command
            .args(["fake-swarming", "--listen", address, "--state", "farm"])
            .args(arguments)
            .current_dir(self.path())
            .stdin(std::process::Stdio::null());
        let mut running = Running::start(command);
        let line = running.wait_for("serves at ");
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http"))
            .expect("an address")
            .to_owned();
        Farm { running, url }
    }

    /// Writes the folder `config` for `serve --config-dir`: the farm under the name `farm`, with these
    /// further fields.
    pub fn configure_farm(&self, url: &str, fields: &str) -> PathBuf {
        let text = format!(
            "distributor_configs {{ key: \"farm\" value {{ swarming_v1 {{ swarming {{ url: \"{url}\" }} {fields} }} }} }}\n"
        );
        self.write("config/distributors.cfg", &text)
    }
}

impl Service {
    /// Where this service takes pushes.
    pub fn push_url(&self) -> String {
        format!("{}{PUSH_PATH}", self.url)
    }
}

impl Farm {
    /// `IP:PORT`.
    pub fn address(&self) -> &str {
        match self.url.split_once("://") {
            Some((_, address)) => address,
            None => &self.url,
        }
    }

    /// All tasks that the farm has.
    pub fn tasks(&self) -> Vec<Value> {
        let reply = get(self.address(), "/fake/tasks").expect("the farm answers");
        let answer: Value = serde_json::from_slice(&reply.body).expect("JSON");
        answer["tasks"].as_array().cloned().unwrap_or_default()
    }

    /// From now on nothing goes wrong by script, or everything does again.
    pub fn misbehave(&self, enabled: bool) {
        let body = json!({ "enabled": enabled }).to_string();
        let headers = [("Content-Type", "application/json")];
        let reply = post(self.address(), "/fake/faults", &headers, body.as_bytes());
        let reply = reply.expect("the farm answers");
        assert!((200..300).contains(&reply.status), "{}", reply.text());
    }

    /// Kills it.
    pub fn kill(self) {
        self.running.kill();
    }
}

/// A quest for the farm: its command, and the environment of its task.
pub fn farm_quest(number: usize, command: &[&str], env: &Value, meta: &Value) -> Value {
    json!({
        "distributorConfigName": "farm",
        "parameters": json!({ "number": number }).to_string(),
        "distributorParameters": json!({
            "scheduling": {"dimensions": {"pool": "default"}},
            "job": {
                "inputs": {"cipd": {"server": "https://cipd.example.com"}},
                "command": command,
                "env": env,
            },
        }).to_string(),
        "meta": meta,
    })
}

/// Asks for attempt 1 of each of these quests, and gives their ids.
#[track_caller]
pub fn ask_all(connection: &mut Connection, quests: &[Value]) -> Vec<String> {
    let numbers: Vec<Value> = quests.iter().map(|_| json!({"nums": [1]})).collect();
    let request = json!({ "quest": quests, "questAttempt": numbers }).to_string();
    let headers = [
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),
    ];
    let path = "/prpc/dm.Deps/EnsureGraphData";
    let reply = connection.post(path, &headers, request.as_bytes());
    let answer = reply.expect("an answer").understand();
    let answer = answer.expect("the quests are accepted");
    let ids = answer["questIds"].as_array().expect("ids").iter();
    ids.map(|id| id["id"].as_str().expect("an id").to_owned())
        .collect()
}
