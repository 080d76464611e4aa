//! What of `TaskProperties` is refused, each with its reason.

use serde_json::{Value, json};

use super::{good, new_task, refusal, refused, with};

fn pairs(count: usize) -> Value {
    let pair = |number| json!({"key": format!("k{number}"), "value": "v"});
    Value::Array((0..count).map(pair).collect())
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
