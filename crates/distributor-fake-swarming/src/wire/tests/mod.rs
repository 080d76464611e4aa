//! What version 1 admits and what it refuses, each with its reason.

mod properties;

use serde_json::{Value, json};

use super::new_task;

fn good() -> Value {
    json!({
        "name": "a task",
        "priority": "100",
        "expiration_secs": 3600,
        "tags": ["k:v"],
        "properties": {
            "command": ["true"],
            "dimensions": [{"key": "pool", "value": "default"}],
            "env": [{"key": "A", "value": "b"}],
            "execution_timeout_secs": "60",
            "cipd_input": {
                "server": "https://packages.example.com",
                "client_package": {"package_name": "tools/cipd/${platform}", "version": "latest"},
                "packages": [{"package_name": "a/${os}-${arch}", "version": "v:1", "path": "."}],
            },
        },
    })
}

fn several() -> Value {
    let mut value = good();
    let slice = json!({"properties": value["properties"], "expiration_secs": 60});
    let mut other = slice.clone();
    other["properties"]["execution_timeout_secs"] = json!(61);
    value["task_slices"] = json!([slice, other]);
    let fields = value.as_object_mut().expect("an object");
    fields.remove("properties");
    fields.remove("expiration_secs");
    value
}

/// The request with something else in one place; the place is made if it is not there.
fn with(mut request: Value, place: &str, value: Value) -> Value {
    let (parent, name) = place.rsplit_once('/').expect("a pointer");
    let parent = request.pointer_mut(parent).expect("a place");
    match parent {
        Value::Array(list) => list[name.parse::<usize>().expect("a number")] = value,
        object => object[name] = value,
    }
    request
}

fn refusal(request: &Value) -> String {
    match new_task(request, "user:me") {
        Ok(_) => panic!("was not refused: {request}"),
        Err(refusal) => refusal.0,
    }
}

fn refused(table: Vec<(&str, Value, &str)>) {
    for (place, value, reason) in table {
        let told = refusal(&with(good(), place, value.clone()));
        assert!(told.starts_with(reason), "{place} = {value}: {told}");
    }
}

#[test]
fn both_forms_are_admitted() {
    let plain = new_task(&good(), "user:me").expect("good").request;
    assert_eq!(plain.priority, 100);
    assert_eq!(plain.slices.len(), 1);
    assert_eq!(plain.slices[0].properties.grace_period_secs, 30);
    assert!(plain.tags.contains(&"pool:default".to_owned()));
    assert!(plain.tags.contains(&"priority:100".to_owned()));
    let several = new_task(&several(), "user:me").expect("good").request;
    assert_eq!(several.slices.len(), 2);
}

#[test]
fn absent_null_and_empty_are_the_same() {
    for (place, value) in [
        ("/realm", Value::Null),
        ("/user", json!("")),
        ("/pubsub_topic", json!("")),
        ("/task_slices", json!([])),
        ("/properties/io_timeout_secs", json!(0)),
        ("/properties/secret_bytes", json!("")),
    ] {
        assert!(
            new_task(&with(good(), place, value), "user:me").is_ok(),
            "{place}"
        );
    }
}

#[test]
fn top_level_fields_have_types_ranges_and_forms() {
    refused(vec![
        ("/name", Value::Null, "name: is required"),
        ("/name", json!(3), "name: expected a string, found a number"),
        ("/priority", Value::Null, "priority: is required"),
        (
            "/priority",
            json!(0),
            "priority: must be between 1 and 255, got 0",
        ),
        (
            "/priority",
            json!(256),
            "priority: must be between 1 and 255, got 256",
        ),
        ("/priority", json!("high"), "priority: expected an int64"),
        ("/priority", json!(1.5), "priority: expected an int64"),
        ("/priority", json!(true), "priority: expected an int64"),
        (
            "/expiration_secs",
            Value::Null,
            "expiration_secs: is required",
        ),
        (
            "/expiration_secs",
            json!(29),
            "expiration_secs: must be between 30 and 604800",
        ),
        (
            "/expiration_secs",
            json!(604_801),
            "expiration_secs: must be between 30 and 604800",
        ),
        (
            "/tags",
            json!("k:v"),
            "tags: expected a list, found a string",
        ),
        ("/tags", json!(["k"]), "tags[0]: must be k:v"),
        ("/tags", json!([":v"]), "tags[0]: must be k:v"),
        (
            "/tags",
            json!(vec!["k:v"; 257]),
            "tags: must have at most 256 elements, got 257",
        ),
        (
            "/parent_task_id",
            json!("xyz"),
            "parent_task_id: is no task id",
        ),
        ("/realm", json!("a"), "realm: must be project:realm"),
        (
            "/service_account",
            json!("me"),
            "service_account: must be none, bot or",
        ),
        (
            "/evaluate_only",
            json!("true"),
            "evaluate_only: expected a boolean",
        ),
        (
            "/pool_task_template",
            json!("MAYBE"),
            "pool_task_template: must be one of AUTO",
        ),
        (
            "/bot_ping_tolerance_secs",
            json!(59),
            "bot_ping_tolerance_secs: must be between 60",
        ),
        (
            "/bot_ping_tolerance_secs",
            json!(1201),
            "bot_ping_tolerance_secs: must be between",
        ),
        (
            "/resultdb",
            json!({"enable": true}),
            "resultdb.enable: needs a realm",
        ),
        ("/request_uuid", json!(7), "request_uuid: expected a string"),
        ("/no_such", json!(1), "no_such: there is no such field"),
    ]);
}

#[test]
fn pubsub_fields_need_a_topic_of_the_right_form() {
    refused(vec![
        (
            "/pubsub_auth_token",
            json!("t"),
            "pubsub_auth_token: needs a pubsub_topic",
        ),
        (
            "/pubsub_userdata",
            json!("u"),
            "pubsub_userdata: needs a pubsub_topic",
        ),
        (
            "/pubsub_topic",
            json!("topic"),
            "pubsub_topic: must be projects/P/topics/T",
        ),
        (
            "/pubsub_topic",
            json!("projects/p/topics/goog-x"),
            "pubsub_topic: must be",
        ),
        (
            "/pubsub_topic",
            json!("projects/p/topics/ab"),
            "pubsub_topic: must be",
        ),
    ]);
    let topic = with(good(), "/pubsub_topic", json!("projects/p/topics/abc"));
    assert!(new_task(&topic, "user:me").is_ok());
    for name in ["pubsub_userdata", "pubsub_auth_token"] {
        let long = with(topic.clone(), &format!("/{name}"), json!("x".repeat(1025)));
        let reason = format!("{name}: must be at most 1024 characters");
        assert_eq!(refusal(&long), reason);
    }
}

#[test]
fn slices_exclude_the_old_form_and_each_other() {
    let both = with(good(), "/task_slices", several()["task_slices"].clone());
    assert_eq!(refusal(&both), "task_slices: excludes properties");
    assert_eq!(
        refusal(&with(good(), "/properties", Value::Null)),
        "properties: or task_slices is required"
    );
    let expiring = with(several(), "/expiration_secs", json!(60));
    assert_eq!(refusal(&expiring), "expiration_secs: excludes task_slices");
    let slice = several()["task_slices"][0].clone();
    let twice = with(several(), "/task_slices/1", slice.clone());
    assert_eq!(refusal(&twice), "task_slices[1].properties: comes twice");
    let pool = "/task_slices/1/properties/dimensions/0/value";
    let pools = with(several(), pool, json!("other"));
    assert_eq!(refusal(&pools), "task_slices: must all have the same pool");
    let nine = with(several(), "/task_slices", json!(vec![slice; 9]));
    assert_eq!(
        refusal(&nine),
        "task_slices: must have at most 8 elements, got 9"
    );
    let eternal = with(several(), "/task_slices/0/expiration_secs", Value::Null);
    assert_eq!(
        refusal(&eternal),
        "task_slices[0].expiration_secs: is required"
    );
}

#[test]
fn what_is_secret_is_in_no_reason_and_no_debug_output() {
    let canary = "canary-é";
    let told = refusal(&with(good(), "/properties/secret_bytes", json!(canary)));
    assert!(!told.contains(canary), "{told}");
    let mut request = with(good(), "/properties/secret_bytes", json!("Y2FuYXJ5"));
    request["pubsub_topic"] = json!("projects/p/topics/abc");
    request["pubsub_auth_token"] = json!(canary);
    let shown = format!("{:?}", new_task(&request, "user:me").expect("good"));
    assert!(
        !shown.contains(canary) && !shown.contains("Y2FuYXJ5"),
        "{shown}"
    );
}
