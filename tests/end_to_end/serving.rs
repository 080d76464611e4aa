//! `serve`: start, stop, restart, and who may use the port.

use distributor_tests::{Place, Service, post};
use serde_json::{Value, json};

/// Asks for attempt 1 of a simple quest at the configuration `name`, and gives the quest's id.
pub(crate) fn ask(service: &Service, name: &str, parameters: &Value) -> String {
    let request = json!({
        "quest": [{
            "distributorConfigName": name,
            "parameters": parameters.to_string(),
            "distributorParameters": "{}",
            "meta": {"simple": {}},
        }],
        "questAttempt": [{"nums": [1]}],
    });
    let answer = service
        .call("dm.Deps/EnsureGraphData", &request)
        .expect("the quest is accepted");
    assert_eq!(answer["accepted"], true, "{answer}");
    answer["questIds"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

/// All that can be seen of one attempt.
pub(crate) fn walk(service: &Service, quest: &str, attempt: u32) -> Value {
    let request = json!({
        "query": {"attemptList": {"to": {quest: {"nums": [attempt]}}}},
        "include": {
            "quest": {"data": true},
            "attempt": {"data": true, "result": true, "abnormal": true, "expired": true},
            "execution": {"data": true, "result": true, "abnormal": true, "expired": true},
            "numExecutions": 100,
            "fwdDeps": true,
            "backDeps": true,
        },
    });
    let graph = service
        .call("dm.Deps/WalkGraph", &request)
        .expect("the graph is shown");
    graph["quests"][quest]["attempts"][attempt.to_string()].clone()
}

/// Waits until the attempt is over.
pub(crate) fn wait_until_over(service: &Service, quest: &str, attempt: u32) -> Value {
    service.wait_for(|| {
        let seen = walk(service, quest, attempt);
        let data = &seen["data"];
        let over = !data["finished"].is_null() || !data["abnormalFinish"].is_null();
        over.then_some(seen)
    })
}

#[test]
fn a_quest_is_served_and_outlives_the_service() {
    let place = Place::new();
    let service = place.serve(&[]);
    let quest = ask(&service, "noop", &json!({"a": 1}));
    let end = wait_until_over(&service, &quest, 1);
    assert!(!end["data"]["finished"].is_null(), "{end}");
    service.stop().expect(0).complains("stopping");

    let service = place.serve(&[]);
    assert_eq!(wait_until_over(&service, &quest, 1), end);
    assert_eq!(ask(&service, "noop", &json!({"a": 1})), quest);
    assert_eq!(wait_until_over(&service, &quest, 1), end);
}

#[test]
fn a_state_that_is_served_is_in_use() {
    let place = Place::new();
    let _service = place.serve(&[]);
    place
        .run(["serve", "--listen", "127.0.0.1:0"])
        .expect(4)
        .complains("in use");
    place.run(["status"]).expect(0);
}

#[test]
fn a_port_that_is_taken_is_said_and_leaves_the_state_alone() {
    let place = Place::new();
    let service = place.serve(&[]);
    let other = Place::new();
    other
        .run(["serve", "--listen", service.address()])
        .expect(2)
        .complains(service.address());
    assert!(!other.state().exists());
}

#[test]
fn without_authentication_only_loopback_is_listened_on() {
    let place = Place::new();
    place
        .run([
            "serve",
            "--listen",
            "0.0.0.0:0",
            "--public-host",
            "example.com:1",
        ])
        .expect(2)
        .complains("acls.cfg");
    assert!(!place.state().exists());
}

#[test]
fn a_web_page_cannot_drive_a_service_through_the_browser_of_its_visitor() {
    let place = Place::new();
    let service = place.serve(&[]);
    let path = "/prpc/distributor.control.Control/List";
    let json = ("Content-Type", "application/json");
    let plain = post(service.address(), path, &[json], b"{}").expect("an answer");
    assert_eq!(plain.status, 200, "{}", plain.text());
    let origin = ("Origin", "http://example.com");
    let page = post(service.address(), path, &[json, origin], b"{}").expect("an answer");
    assert_eq!(page.status, 403, "{}", page.text());
}

#[test]
fn a_bad_configuration_is_told_before_anything_is_served() {
    let place = Place::new();
    place.write("bad.cfg", "distributor_configs {");
    place
        .run(["serve", "--config", "bad.cfg"])
        .expect(2)
        .complains("bad.cfg:1");
    place
        .run(["serve", "--config-dir", "nowhere"])
        .expect(2)
        .complains("nowhere");
    assert!(!place.state().exists());
}
