//! Quests on a (fake) Swarming farm: told of the end by notifications, and by asking where none comes.

use distributor_tests::{
    Connection, Farm, PUSH_PATH, Place, Service, TOPIC, ask_all, farm_quest, post,
};
use serde_json::{Value, json};

use crate::serving::{wait_until_over, walk};

/// A service that a farm pushes to, and the farm. `fields` are for the backend's configuration.
pub(crate) fn service_and_farm(place: &Place, fields: &str, farm: &[&str]) -> (Service, Farm) {
    place.configure_farm("http://127.0.0.1:1", fields);
    let service = place.serve(&SERVE);
    let push = format!("{TOPIC}={}", service.push_url());
    let mut arguments = vec!["--push", &push];
    arguments.extend(farm);
    let farm = place.farm(&arguments);
    // The service had to be there first, because the farm must know where to push.
    let address = service.address().to_owned();
    service.stop().expect(0);
    place.configure_farm(&farm.url, fields);
    (place.serve_at(&address, &SERVE), farm)
}

/// How the services of these tests are started.
pub(crate) const SERVE: [&str; 4] = ["--config-dir", "config", "--project", "test"];
/// Longer than any test.
const NEVER: &str = "poll_timeout { seconds: 40000 }";

fn simple() -> Value {
    json!({"simple": {}})
}

#[test]
fn dc_05_dc_36_a_published_message_finishes_the_execution_before_the_poll_timer() {
    let place = Place::new();
    let (service, farm) = service_and_farm(&place, NEVER, &[]);
    let mut connection = Connection::to(service.address());
    let quests = [
        farm_quest(1, &["work"], &json!({}), &simple()),
        farm_quest(2, &["work"], &json!({"FAKE_EXIT_CODE": "3"}), &simple()),
        farm_quest(3, &["work"], &json!({"FAKE_STATE": "KILLED"}), &simple()),
    ];
    let ids = ask_all(&mut connection, &quests);
    let first = wait_until_over(&service, &ids[0], 1);
    assert!(!first["data"]["finished"].is_null(), "{first}");
    let second = wait_until_over(&service, &ids[1], 1);
    assert_eq!(
        second["data"]["abnormalFinish"]["status"], "FAILED",
        "{second}"
    );
    let third = wait_until_over(&service, &ids[2], 1);
    assert_eq!(
        third["data"]["abnormalFinish"]["status"], "CANCELLED",
        "{third}"
    );
    assert_eq!(farm.tasks().len(), 3);
    let told = place.run(["notifications", "--json", "--server", &service.url]);
    let told = told.expect(0).json();
    assert!(told["recorded"].as_u64() >= Some(3), "{told}");
}

#[test]
fn dc_35_a_lost_notification_is_made_up_for_by_polling() {
    let place = Place::new();
    place.write("drop.toml", "seed = 1\n[notifications]\ndrop = 1.0\n");
    let poll = "poll_timeout { seconds: 1 }";
    let (service, _farm) = service_and_farm(&place, poll, &["--faults", "drop.toml"]);
    let mut connection = Connection::to(service.address());
    let ids = ask_all(
        &mut connection,
        &[farm_quest(1, &["work"], &json!({}), &simple())],
    );
    let end = wait_until_over(&service, &ids[0], 1);
    assert!(!end["data"]["finished"].is_null(), "{end}");
}

#[test]
fn dc_05_a_host_that_nobody_can_reach_pulls_its_messages() {
    const SUBSCRIPTION: &str = "projects/test/subscriptions/pulled";
    let place = Place::new();
    let farm = place.farm(&["--subscription", &format!("{SUBSCRIPTION}={TOPIC}")]);
    place.configure_farm(&farm.url, NEVER);
    let listen = ["serve", "--listen", "127.0.0.1:0", "--pull", SUBSCRIPTION];
    let mut command = place.command_with_all_features(listen.iter().chain(&SERVE));
    command.env("PUBSUB_EMULATOR_HOST", farm.address());
    let service = Service::start(command);
    let mut connection = Connection::to(service.address());
    let quests: Vec<Value> = (0..10)
        .map(|number| farm_quest(number, &["work"], &json!({}), &simple()))
        .collect();
    for quest in ask_all(&mut connection, &quests) {
        let end = wait_until_over(&service, &quest, 1);
        assert!(!end["data"]["finished"].is_null(), "{end}");
    }
    service.stop().expect(0);
}

#[test]
fn forged_and_empty_pushes_are_acknowledged_and_counted() {
    let place = Place::new();
    let service = place.serve(&[]);
    let json = ("Content-Type", "application/json");
    for body in [
        "",
        "{}",
        r#"{"subscription":"projects/p/subscriptions/s","message":{"attributes":{"auth_token":"AX"}}}"#,
        r#"{"subscription":"projects/p/subscriptions/s","message":{"data":"e30="}}"#,
    ] {
        for path in [PUSH_PATH, "/_ah/push-handlers/dm-distributor-notify"] {
            let reply = post(service.address(), path, &[json], body.as_bytes());
            assert_eq!(reply.expect("an answer").status, 204, "{body}");
        }
    }
    let told = place
        .run(["notifications", "--server", &service.url])
        .expect(0);
    told.says("bad_token");
    let told = place.run(["notifications", "--json", "--server", &service.url]);
    let told = told.expect(0).json();
    assert_eq!(
        (&told["bad_token"], &told["malformed"]),
        (&json!(4), &json!(4)),
        "{told}"
    );
}

#[test]
fn the_task_queue_is_shown_of_a_state_and_of_a_service() {
    let place = Place::new();
    place
        .run(["queue", "list"])
        .expect(2)
        .complains("nothing was run");
    let service = place.serve(&[]);
    place.run(["queue", "list", "--dead"]).expect(0);
    let remote = ["--server", &service.url];
    let list = ["queue", "list", "--json"].iter().chain(&remote);
    let list = place.run(list).expect(0).json();
    assert_eq!(list["tasks"], json!([]), "{list}");
    place
        .run(["queue", "replay", "1"].iter().chain(&remote))
        .expect(2);
    place
        .run(["queue", "discard", "1"])
        .expect(4)
        .complains("--server");
}

#[test]
fn dc_37_dc_38_a_cancelled_attempt_kills_its_task() {
    let place = Place::new();
    let (service, farm) = service_and_farm(&place, NEVER, &[]);
    let mut connection = Connection::to(service.address());
    let long = json!({"FAKE_SECONDS": "100000"});
    let ids = ask_all(
        &mut connection,
        &[farm_quest(1, &["work"], &long, &simple())],
    );
    service.wait_for(|| {
        (walk(&service, &ids[0], 1)["data"]["executing"] != Value::Null).then_some(())
    });
    let attempt = format!("{}|1", ids[0]);
    place
        .run(["cancel", &attempt, "--server", &service.url])
        .expect(0);
    let end = wait_until_over(&service, &ids[0], 1);
    assert_eq!(
        end["data"]["abnormalFinish"]["status"], "CANCELLED",
        "{end}"
    );
    let tasks = farm.tasks();
    let [task] = tasks.as_slice() else {
        panic!("{tasks:?}");
    };
    let state = task["state"].as_str().unwrap_or_default();
    assert!(["KILLED", "CANCELED"].contains(&state), "{task}");
}

#[test]
fn the_examples_run_on_a_farm_that_runs_commands() {
    let place = Place::new();
    place.copy("examples/swarming.toml", "swarming.toml");
    let farm = place.farm(&["--run-commands"]);
    place.write(
        "swarming.cfg",
        &include_str!("../../examples/swarming.cfg").replace("http://127.0.0.1:8660", &farm.url),
    );
    let done = place.run(["run", "swarming.toml", "--json"]).expect(0);
    for job in done.json()["jobs"].as_array().into_iter().flatten() {
        assert_eq!(job["state"], "FINISHED", "{job}");
    }
    let again = place.run(["run", "swarming.toml", "--json"]).expect(0);
    for job in again.json()["jobs"].as_array().into_iter().flatten() {
        assert_eq!(job["reused"], true, "{job}");
    }
}
