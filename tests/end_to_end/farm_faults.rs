//! Everything goes wrong at once: the farm misbehaves by script, and the service is killed again and again.
//! In the end both sides tell the same of every execution.

use std::collections::BTreeMap;

use distributor_tests::{Connection, Place, Random, Service, ask_all, farm_quest};
use serde_json::{Value, json};

use crate::farming::{SERVE, service_and_farm};
use crate::serving::walk;

const EXECUTIONS: usize = 2_000;
const QUESTS_PER_CALL: usize = 100;
/// Soon enough for a test, rarely enough for two thousand tasks.
const FIELDS: &str = "poll_timeout { seconds: 4 } request_timeout { seconds: 2 }";

/// How many attempts are over.
fn ended(service: &Service) -> usize {
    let list = service.call("distributor.control.Control/List", &json!({}));
    let counts = list.expect("a list")["counts"].clone();
    let count = |state: &str| {
        let text = counts[state].as_str().unwrap_or("0");
        text.parse::<usize>().unwrap_or(0)
    };
    count("finished") + count("abnormalFinished")
}

#[test]
fn under_every_fault_at_once_every_execution_ends_as_the_farm_says() {
    let place = Place::new();
    place.copy("examples/swarming-faults.toml", "faults.toml");
    let bots = ["--bots", "40", "--faults", "faults.toml"];
    let (mut service, farm) = service_and_farm(&place, FIELDS, &bots);
    let address = service.address().to_owned();
    let mut random = Random::new(11);
    let mut quests = Vec::new();
    let retries = json!({"simple": {}, "retry": {"crashed": 2, "expired": 2, "timedOut": 2}});
    let mut connection = Connection::to(&address);
    for first in (0..EXECUTIONS).step_by(QUESTS_PER_CALL) {
        let some: Vec<Value> = (first..first + QUESTS_PER_CALL)
            .map(|number| {
                let code = random.below(3).to_string();
                let env = json!({ "FAKE_EXIT_CODE": code });
                farm_quest(number, &["work"], &env, &retries)
            })
            .collect();
        quests.extend(ask_all(&mut connection, &some));
    }
    drop(connection);

    let mut over = 0;
    while over < EXECUTIONS {
        let enough = EXECUTIONS.min(over + 60 + random.below(120));
        over = service.wait_for(|| Some(ended(&service)).filter(|it| *it >= enough));
        if over < EXECUTIONS {
            service.kill();
            service = place.serve_at(&address, &SERVE);
        }
    }

    farm.misbehave(false);
    let tasks = by_execution(&farm.tasks());
    for quest in &quests {
        let attempt = walk(&service, quest, 1);
        check_attempt(quest, &attempt, &tasks);
    }
}

/// The farm's tasks, by the execution that they were started for.
fn by_execution(tasks: &[Value]) -> BTreeMap<String, Vec<Value>> {
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for task in tasks {
        let tags = task["tags"].as_array().into_iter().flatten();
        let execution = tags
            .filter_map(Value::as_str)
            .find_map(|tag| tag.strip_prefix("execution:"))
            .expect("a task of an execution");
        found
            .entry(execution.to_owned())
            .or_default()
            .push(task.clone());
    }
    found
}

/// Each execution that began has exactly one task, and both tell the same end of it.
fn check_attempt(quest: &str, attempt: &Value, tasks: &BTreeMap<String, Vec<Value>>) {
    let executions = attempt["executions"].as_object().expect("executions");
    assert!(!executions.is_empty(), "{quest}: {attempt}");
    for (number, execution) in executions {
        let id = format!("{quest}|1|{number}");
        let of_this = tasks.get(&id).map_or(&[][..], Vec::as_slice);
        let [task] = of_this else {
            panic!("{id} has the tasks {of_this:?}: {attempt}");
        };
        let data = &execution["data"];
        let state = task["state"].as_str().unwrap_or_default();
        let status = data["abnormalFinish"]["status"].as_str();
        let expected = match state {
            "COMPLETED" if exit_code(task) == 0 => None,
            "COMPLETED" => Some("FAILED"),
            "BOT_DIED" => Some("CRASHED"),
            "TIMED_OUT" => Some("TIMED_OUT"),
            "EXPIRED" | "NO_RESOURCE" => Some("EXPIRED"),
            "CANCELED" | "KILLED" => Some("CANCELLED"),
            "CLIENT_ERROR" => Some("REJECTED"),
            other => panic!("{id} is over, and its task is {other}"),
        };
        assert_eq!(status, expected, "{id}: {task} {execution}");
    }
}

fn exit_code(task: &Value) -> i64 {
    task["exit_code"].as_i64().expect("a number")
}
