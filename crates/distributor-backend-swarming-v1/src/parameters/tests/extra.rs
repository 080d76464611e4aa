//! What Swarming would refuse later.

use serde_json::{Map, Value, json};

use super::{Parameters, check, with};

#[track_caller]
fn accepted(value: &Value) {
    assert!(Parameters::parse(&value.to_string()).is_ok(), "{value}");
}

fn table(count: usize) -> Map<String, Value> {
    (0..count)
        .map(|index| (format!("k{index:03}"), json!("v")))
        .collect()
}

#[test]
fn a_pool_is_required() {
    let value = with("/scheduling/dimensions", json!({"os": "Linux"}));
    check(&value, "scheduling.dimensions: `pool` is required");
    check(
        &with("/scheduling", json!({})),
        "scheduling.dimensions: `pool` is required",
    );
}

#[test]
fn dimensions_are_within_bounds() {
    let mut most = table(31);
    most.insert("pool".to_owned(), json!("p"));
    accepted(&with("/scheduling/dimensions", Value::Object(most.clone())));
    most.insert("one".to_owned(), json!("more"));
    check(
        &with("/scheduling/dimensions", Value::Object(most)),
        "scheduling.dimensions: has 33 elements: 32 are the most",
    );
    for (key, value, expected) in [
        ("ü".repeat(64), "x".to_owned(), None),
        (
            "ü".repeat(65),
            "x".to_owned(),
            Some("a key has 65 characters: 64 are the most"),
        ),
        ("k".to_owned(), "ü".repeat(256), None),
        (
            "k".to_owned(),
            "ü".repeat(257),
            Some("value of \"k\" has 257 characters: 256 are the most"),
        ),
        (
            " k".to_owned(),
            "x".to_owned(),
            Some("key \" k\" begins or ends with a space"),
        ),
        (
            "k".to_owned(),
            "x\u{a0}".to_owned(),
            Some("value of \"k\" begins or ends with a space"),
        ),
        ("k".to_owned(), "a|b c".to_owned(), None),
    ] {
        let changed = with("/scheduling/dimensions", json!({"pool": "p", key: value}));
        match expected {
            None => accepted(&changed),
            Some(text) => check(&changed, &format!("scheduling.dimensions: {text}")),
        }
    }
}

#[test]
fn an_io_timeout_is_none_or_at_least_thirty_seconds() {
    for timeout in ["0s", "29.000000001s", "30s", "315576000000s"] {
        accepted(&with("/scheduling/io_timeout", json!(timeout)));
    }
    for timeout in ["0.000000001s", "1s", "29s"] {
        let value = with("/scheduling/io_timeout", json!(timeout));
        check(
            &value,
            "scheduling.io_timeout: must be 0 for none, or at least 30 s",
        );
    }
}

#[test]
fn one_tree_of_files_by_its_digest() {
    let one = |id: &str, server: &str| {
        with(
            "/job/inputs/isolated",
            json!([{"id": id, "server": server}]),
        )
    };
    for (id, server) in [
        ("0aF/0", ""),
        (
            "ab/9223372036854775807",
            "projects/p/instances/default_instance",
        ),
    ] {
        accepted(&one(id, server));
    }
    for id in [
        "",
        "ab12",
        "ab12/",
        "/1",
        "xy/1",
        "ab/-1",
        "ab/+1",
        "ab/1/2",
        "ab/9223372036854775808",
        "ü/1",
    ] {
        check(
            &one(id, ""),
            "job.inputs.isolated[0].id: must be HASH/SIZE, the digest of a tree in a \
             content-addressed store; hashes of the isolate service are of no use any more",
        );
    }
    for server in [
        "https://isolate.example",
        "projects/p",
        "projects//instances/i",
        "projects/p/instances/",
        "x",
    ] {
        check(
            &one("ab/1", server),
            "job.inputs.isolated[0].server: must be projects/PROJECT/instances/INSTANCE, or empty for \
             the server's own",
        );
    }
    check(
        &with(
            "/job/inputs/isolated",
            json!([{"id": "ab/1"}, {"id": "cd/2"}]),
        ),
        "job.inputs.isolated: has 2 elements: only one tree of files can be used, merge them",
    );
}

#[test]
fn packages_are_within_bounds_and_there_once() {
    let many = |count: usize| {
        let packages: Vec<Value> = (0..count)
            .map(|index| json!({"name": format!("p{index}"), "version": "v"}))
            .collect();
        with("/job/inputs/cipd/by_path", json!({"x": {"pkg": packages}}))
    };
    accepted(&many(64));
    check(
        &many(65),
        "job.inputs.cipd.by_path: has 65 elements: 64 are the most",
    );
    let package = json!({"pkg": [{"name": "p", "version": "1"}]});
    let twice = json!({"pkg": [{"name": "p", "version": "1"}, {"name": "p", "version": "2"}]});
    accepted(&with(
        "/job/inputs/cipd/by_path",
        json!({"x": package, "y": package, "": package}),
    ));
    check(
        &with("/job/inputs/cipd/by_path", json!({"x": twice})),
        "job.inputs.cipd.by_path[x].pkg[1]: \"p\" is there twice",
    );
    check(
        &with(
            "/job/inputs/cipd/by_path",
            json!({"": package, ".": package}),
        ),
        "job.inputs.cipd.by_path[.].pkg[0]: \"p\" is there twice",
    );
}

#[test]
fn folders_are_relative_and_normalized() {
    let folder = |name: &str| with("/job/inputs/cipd/by_path", json!({name: {}}));
    for name in ["", ".", "a", "a/b c/ü", ".hidden", "a..b", &"x".repeat(256)] {
        accepted(&folder(name));
    }
    let names = "must not hold `.`, `..` or empty names";
    for (name, text) in [
        ("a\\b", "must separate folders by `/`"),
        ("/a", "must be relative to the task's folder"),
        ("..", names),
        ("a/../b", names),
        ("a/./b", names),
        ("a//b", names),
        ("a/", names),
    ] {
        check(
            &folder(name),
            &format!("job.inputs.cipd.by_path[{name}]: {text}"),
        );
    }
    let long = "x".repeat(257);
    let text = "a folder has 257 characters: 256 are the most";
    check(
        &folder(&long),
        &format!("job.inputs.cipd.by_path[{long}]: {text}"),
    );
}

#[test]
fn a_command_is_short_enough_and_needs_no_files() {
    accepted(&with("/job/command", json!(vec!["x"; 128])));
    check(
        &with("/job/command", json!(vec!["x"; 129])),
        "job.command: has 129 elements: 128 are the most",
    );
    for variable in [
        "${DM.QUEST.DATA.DESC:PATH}",
        "${DM.PREVIOUS.EXECUTION.STATE:PATH}",
    ] {
        check(
            &with("/job/command", json!(["x", format!("--file={variable}!")])),
            &format!(
                "job.command[1]: {variable} stands for a file, and this backend cannot deliver files: \
                 have the job ask the service at ${{DM.HOST}}"
            ),
        );
    }
    accepted(&with(
        "/job/command",
        json!(["${DM.QUEST.DATA.DESC}", "${SWARMING_BOT_FILE}", ""]),
    ));
}

#[test]
fn variables_are_within_bounds() {
    accepted(&with("/job/env", Value::Object(table(64))));
    check(
        &with("/job/env", Value::Object(table(65))),
        "job.env: has 65 elements: 64 are the most",
    );
    for name in ["A", "_", "a_9", &"x".repeat(64)] {
        accepted(&with("/job/env", json!({name: "x".repeat(1024)})));
    }
    for name in ["9", "A-B", "ü", "A B", "A=B", "A\0"] {
        let expected = format!(
            "job.env: {name:?} cannot be the name of a variable: use letters, digits and `_`"
        );
        check(&with("/job/env", json!({name: "x"})), &expected);
    }
    check(
        &with("/job/env", json!({"A".repeat(65): "x"})),
        "job.env: a variable name has 65 characters: 64 are the most",
    );
    check(
        &with("/job/env", json!({"A": "x".repeat(1025)})),
        "job.env: value of \"A\" has 1025 characters: 1024 are the most",
    );
}
