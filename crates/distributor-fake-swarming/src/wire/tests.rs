//! What version 1 admits and what it refuses, each with its reason.

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

fn pairs(count: usize) -> Value {
    let pair = |number| json!({"key": format!("k{number}"), "value": "v"});
    Value::Array((0..count).map(pair).collect())
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
fn commands_timeouts_and_secrets_have_limits() {
    let timeout = "properties.execution_timeout_secs: must be between 30 and 601140";
    refused(vec![
        (
            "/properties/command",
            json!([]),
            "properties.command: is required",
        ),
        (
            "/properties/command",
            json!(vec!["a"; 129]),
            "properties.command: must have at most 128",
        ),
        (
            "/properties/command",
            json!([1]),
            "properties.command[0]: expected a string",
        ),
        (
            "/properties/execution_timeout_secs",
            Value::Null,
            "properties.execution_timeout_secs: is required",
        ),
        ("/properties/execution_timeout_secs", json!(29), timeout),
        (
            "/properties/execution_timeout_secs",
            json!(601_141),
            timeout,
        ),
        (
            "/properties/io_timeout_secs",
            json!(29),
            "properties.io_timeout_secs: must be between 30",
        ),
        (
            "/properties/io_timeout_secs",
            json!(-1),
            "properties.io_timeout_secs: must be between 30",
        ),
        (
            "/properties/grace_period_secs",
            json!(3601),
            "properties.grace_period_secs: must be between 0",
        ),
        (
            "/properties/secret_bytes",
            json!("????"),
            "properties.secret_bytes: is not standard base64",
        ),
        (
            "/properties/secret_bytes",
            json!("YQ"),
            "properties.secret_bytes: is not standard base64",
        ),
        (
            "/properties/secret_bytes",
            json!("AAAA".repeat(6827)),
            "properties.secret_bytes: must be at most 20480",
        ),
        (
            "/properties/relative_cwd",
            json!("../a"),
            "properties.relative_cwd: must be normalized",
        ),
        (
            "/properties/outputs",
            json!(["/a"]),
            "properties.outputs[0]: must not start with /",
        ),
        (
            "/properties/idempotent",
            json!(1),
            "properties.idempotent: expected a boolean",
        ),
        (
            "/properties/containment",
            json!({"containment_type": "JAIL"}),
            "properties.containment.containment_type: must be one of",
        ),
        (
            "/properties/no_such",
            json!(1),
            "properties.no_such: there is no such field",
        ),
    ]);
}

#[test]
fn dimensions_and_variables_have_forms_and_limits() {
    let dimensions = "/properties/dimensions";
    let key = "/properties/dimensions/0/key";
    let value = "/properties/dimensions/0/value";
    let ways = json!([
        {"key": "pool", "value": "p"}, {"key": "a", "value": "1|2|3"}, {"key": "b", "value": "1|2|3"}
    ]);
    let twice = json!([{"key": "pool", "value": "p"}, {"key": "pool", "value": "q"}]);
    let same = json!([
        {"key": "pool", "value": "p"}, {"key": "a", "value": "b"}, {"key": "a", "value": "b"}
    ]);
    refused(vec![
        (
            dimensions,
            json!([]),
            "properties.dimensions: pool is required",
        ),
        (
            dimensions,
            json!({}),
            "properties.dimensions: expected a list, found an object",
        ),
        (
            dimensions,
            json!(["pool:p"]),
            "properties.dimensions[0]: expected an object",
        ),
        (
            dimensions,
            pairs(33),
            "properties.dimensions: must have at most 32 keys, got 33",
        ),
        (
            dimensions,
            ways,
            "properties.dimensions: may be satisfied in at most 8 ways, got 9",
        ),
        (
            dimensions,
            twice,
            "properties.dimensions[1].key: pool can be given once",
        ),
        (dimensions, same, "properties.dimensions: a:b comes twice"),
        (key, json!(""), "properties.dimensions[0].key: is required"),
        (
            key,
            json!("1a"),
            "properties.dimensions[0].key: must be at most 64 of",
        ),
        (
            key,
            json!("k".repeat(65)),
            "properties.dimensions[0].key: must be at most 64 of",
        ),
        (
            value,
            json!(""),
            "properties.dimensions[0].value: is required",
        ),
        (
            value,
            json!(" p"),
            "properties.dimensions[0].value: must have no space",
        ),
        (
            value,
            json!("p|"),
            "properties.dimensions[0].value: must have no space",
        ),
        (
            value,
            json!("a|b"),
            "properties.dimensions[0].value: pool must be a single one",
        ),
        (
            value,
            json!("v".repeat(257)),
            "properties.dimensions[0].value: must be at most 256",
        ),
        (
            "/properties/env",
            pairs(65),
            "properties.env: must have at most 64 elements, got 65",
        ),
        (
            "/properties/env/0/key",
            json!("1A"),
            "properties.env[0].key: must be a variable's name",
        ),
        (
            "/properties/env/0/key",
            json!("A".repeat(65)),
            "properties.env[0].key: must be",
        ),
        (
            "/properties/env/0/value",
            json!("v".repeat(1025)),
            "properties.env[0].value: must be at",
        ),
        (
            "/properties/env",
            json!([{"key": "A"}, {"key": "A"}]),
            "properties.env[1].key: A comes twice",
        ),
        (
            "/properties/env_prefixes",
            json!([{"key": "A"}]),
            "properties.env_prefixes[0].value: must not",
        ),
        (
            "/properties/caches",
            json!([{"name": "A-b", "path": "c"}]),
            "properties.caches[0].name: must be",
        ),
    ]);
}

#[test]
fn packages_and_inputs_have_forms_and_limits() {
    let cipd = "/properties/cipd_input";
    let packages = "/properties/cipd_input/packages";
    let package = json!({"package_name": "a", "version": "b", "path": "c"});
    let at = |name: &str| format!("/properties/cipd_input/packages/0/{name}");
    let root = |instance: &str, hash: &str, size: Value| json!({"cas_instance": instance, "digest": {"hash": hash, "size_bytes": size}});
    let hash = "a".repeat(64);
    let instance = "projects/p/instances/i";
    let why =
        |name: &str, reason: &str| format!("properties.cipd_input.packages[0].{name}: {reason}");
    refused(vec![
        (
            packages,
            json!([]),
            "properties.cipd_input.packages: must not be empty",
        ),
        (
            packages,
            json!([package, package]),
            "properties.cipd_input.packages[1].package_name: comes",
        ),
        (
            packages,
            json!(vec![package.clone(); 65]),
            "properties.cipd_input.packages: must have at most 64",
        ),
        (&at("path"), Value::Null, &why("path", "must not be empty")),
        (
            &at("path"),
            json!("/a"),
            &why("path", "must not start with /"),
        ),
        (&at("path"), json!("a\\b"), &why("path", "must not contain")),
        (
            &at("path"),
            json!("a/../b"),
            &why("path", "must be normalized"),
        ),
        (&at("path"), json!("a/"), &why("path", "must be normalized")),
        (
            &at("path"),
            json!("p".repeat(257)),
            &why("path", "must be at most 256"),
        ),
        (
            &at("package_name"),
            json!(""),
            &why("package_name", "is required"),
        ),
        (
            &at("package_name"),
            json!("A b"),
            &why("package_name", "is no package name"),
        ),
        (
            &at("package_name"),
            json!("a/$platform"),
            &why("package_name", "is no package name"),
        ),
        (&at("version"), json!(""), &why("version", "is required")),
        (
            &at("version"),
            json!("not a version"),
            &why("version", "is no instance id"),
        ),
        (
            "/properties/cipd_input/server",
            json!("example.com"),
            "properties.cipd_input.server: must",
        ),
        (
            "/properties/cipd_input/client_package/path",
            json!("a"),
            "properties.cipd_input.client_package.path: must",
        ),
        (
            cipd,
            json!({"no_such": 1, "packages": [package]}),
            "properties.cipd_input.no_such: there is",
        ),
        (
            "/properties/cas_input_root",
            root("i", &hash, json!(1)),
            "properties.cas_input_root.cas_instance: must",
        ),
        (
            "/properties/cas_input_root",
            root(instance, "ab", json!(1)),
            "properties.cas_input_root.digest.hash: must",
        ),
        (
            "/properties/cas_input_root",
            root(instance, &hash, json!(-1)),
            "properties.cas_input_root.digest.size_bytes: must",
        ),
    ]);
    let mut floating = with(good(), "/properties/idempotent", json!(true));
    floating["properties"]["cipd_input"]["packages"][0]["version"] = json!("latest");
    assert!(refusal(&floating).starts_with("properties.cipd_input: an idempotent task's"));
    let good_root = with(
        good(),
        "/properties/cas_input_root",
        root(instance, &hash, json!("12")),
    );
    assert!(new_task(&good_root, "user:me").is_ok());
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
