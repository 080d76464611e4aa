//! Simulated jobs that call the API of the service that runs them.

use std::process::Command;

use distributor_tests::{Done, Place, Random, Service};
use serde_json::{Value, json};

use crate::jobs::has_curl;
use crate::serving::{wait_until_over, walk};

const CONFIG: &str = "examples/j02/distributors.cfg";

fn place() -> Place {
    let place = Place::new();
    place.copy("examples", "examples");
    place
}

fn ask(service: &Service, request: &Value) -> String {
    let answer = service
        .call("dm.Deps/EnsureGraphData", request)
        .expect("the quest is accepted");
    answer["questIds"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

pub(crate) fn result(attempt: &Value) -> Value {
    let object = attempt["data"]["finished"]["data"]["object"].as_str();
    serde_json::from_str(object.unwrap_or("null")).expect("a JSON object")
}

/// Attempt and executions of all that `quest` depends on, and of itself.
pub(crate) fn whole_graph(service: &Service, quest: &str) -> Vec<Value> {
    let request = json!({
        "query": {"attemptList": {"to": {quest: {"nums": [1]}}}},
        "limit": {"maxDepth": "-1"},
        "include": {
            "quest": {"data": true},
            "attempt": {"data": true, "result": true, "abnormal": true},
        },
    });
    let graph = service
        .call("dm.Deps/WalkGraph", &request)
        .expect("the graph is shown");
    let quests = graph["quests"].as_object().expect("quests");
    quests.values().cloned().collect()
}

#[test]
fn j01_a_phrase_without_stages_ends_with_its_value() {
    let place = place();
    let service = place.serve(&["--config", CONFIG]);
    let phrase = json!({"name": "x", "returnStage": {"retval": "178"}});
    let request = json!({
        "quest": [{
            "distributorConfigName": "simulation",
            "parameters": phrase.to_string(),
            "distributorParameters": "{}",
        }],
        "questAttempt": [{"nums": [1]}],
    });
    let quest = ask(&service, &request);
    let end = wait_until_over(&service, &quest, 1);
    assert_eq!(
        result(&end),
        json!({"success": true, "value": "178"}),
        "{end}"
    );
}

#[test]
fn j02_fifty_quests_finish_with_the_right_values_in_the_fewest_executions() {
    let place = place();
    let service = place.serve(&["--config", CONFIG]);
    let request: Value =
        serde_json::from_str(&place.read("examples/j02/request.json")).expect("JSON");
    let quest = ask(&service, &request);
    let end = wait_until_over(&service, &quest, 1);
    assert_eq!(
        result(&end),
        json!({"success": true, "value": "115"}),
        "{end}"
    );

    let quests = whole_graph(&service, &quest);
    assert_eq!(quests.len(), 50);
    for quest in &quests {
        let attempts = quest["attempts"].as_object().expect("attempts");
        assert_eq!(attempts.len(), 1, "{quest}");
        let data = &attempts["1"]["data"];
        assert!(!data["finished"].is_null(), "{quest}");
        let executions = data["numExecutions"].as_u64().expect("a number");
        let parameters = quest["data"]["desc"]["parameters"].as_str();
        let phrase: Value = serde_json::from_str(parameters.unwrap_or("")).expect("a phrase");
        if phrase["name"] == "isolate_source" {
            assert_eq!(executions, 1, "{quest}");
        } else {
            assert!((1..=2).contains(&executions), "{quest}");
        }
    }
}

#[test]
fn j02_can_be_driven_with_nothing_but_curl() {
    if !has_curl() {
        skipped("curl is not installed");
        return;
    }
    let place = place();
    let service = place.serve(&["--config", CONFIG]);
    let mut command = Command::new("sh");
    command
        .args(["examples/j02/run.sh", &service.url])
        .current_dir(place.path());
    Done::of(command)
        .expect(0)
        .says("50 attempts finished, root value 115");
}

#[test]
fn j02_survives_kills_at_any_moment() {
    let place = place();
    let mut random = Random::new(1);
    let request: Value =
        serde_json::from_str(&place.read("examples/j02/request.json")).expect("JSON");
    let mut service = place.serve(&["--config", CONFIG]);
    let address = service.address().to_owned();
    let quest = ask(&service, &request);
    for _ in 0..10 {
        // So many answers are as good as a moment.
        for _ in 0..random.below(20) {
            let _seen = walk(&service, &quest, 1);
        }
        service.kill();
        service = place.serve_at(&address, &["--config", CONFIG]);
    }
    let end = wait_until_over(&service, &quest, 1);
    assert_eq!(
        result(&end),
        json!({"success": true, "value": "115"}),
        "{end}"
    );
    assert_eq!(whole_graph(&service, &quest).len(), 50);
}

#[expect(clippy::print_stderr, reason = "a test that does nothing says so")]
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}
