//! Each rule by its row, their order, and what is no message at all.

mod extra;
pub(crate) mod hostile;

use serde_json::{Value, json};

use super::*;

/// Parameters that break no rule.
pub(crate) fn good() -> Value {
    json!({
        "scheduling": {
            "priority": 50,
            "dimensions": {"pool": "luci", "os": "Linux"},
            "snapshot_dimensions": ["os"],
            "io_timeout": "60s",
        },
        "meta": {"name_prefix": "build"},
        "job": {
            "inputs": {
                "isolated": [{"id": "ab12/34", "server": "projects/p/instances/i"}],
                "cipd": {
                    "server": "https://cipd.example",
                    "client": {"name": "infra/tools/cipd/${platform}", "version": "latest"},
                    "by_path": {
                        "": {"pkg": [{"name": "b/${platform}", "version": "v:2"}, {"name": "a", "version": "v:1"}]},
                        "bin": {"pkg": [{"name": "a", "version": "v:3"}]},
                    },
                },
            },
            "command": ["run", "${DM.HOST}", "x${DM.HOST}y${DM.HOST}", "${ISOLATED_OUTDIR}"],
            "env": {"B": "2", "A": "1"},
        },
    })
}

/// The value at a JSON pointer, to be changed.
pub(super) fn at<'v>(value: &'v mut Value, pointer: &str) -> &'v mut Value {
    value.pointer_mut(pointer).unwrap()
}

/// Good parameters with one change.
pub(super) fn with(pointer: &str, new: Value) -> Value {
    let mut value = good();
    *at(&mut value, pointer) = new;
    value
}

/// Good parameters without one field.
fn without(parent: &str, field: &str) -> Value {
    let mut value = good();
    at(&mut value, parent)
        .as_object_mut()
        .unwrap()
        .remove(field);
    value
}

#[track_caller]
pub(super) fn refused(text: &str) -> String {
    let error = Parameters::parse(text).expect_err(text);
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(!error.is_transient());
    let text = error.to_string();
    text.strip_prefix("distributor_parameters: ")
        .unwrap()
        .to_owned()
}

#[track_caller]
pub(super) fn check(value: &Value, expected: &str) {
    assert_eq!(
        refused(&value.to_string()),
        format!("normalize: {expected}")
    );
}

#[test]
fn dc_53_good_parameters_are_read_in_both_spellings() {
    let text = good().to_string();
    let snake = Parameters::parse(&text).unwrap();
    assert_eq!(snake.scheduling.priority, 50);
    assert_eq!(snake.meta.name_prefix, "build");
    let mut camel = text;
    for (from, to) in [
        ("snapshot_dimensions", "snapshotDimensions"),
        ("io_timeout", "ioTimeout"),
        ("name_prefix", "namePrefix"),
        ("by_path", "byPath"),
    ] {
        camel = camel.replace(from, to);
    }
    assert_eq!(Parameters::parse(&camel).unwrap(), snake);
}

#[test]
fn dc_53_the_least_that_is_accepted() {
    let text = r#"{"scheduling":{"dimensions":{"pool":"p"}},
                   "job":{"inputs":{"cipd":{"server":"https://c"}},"command":["x"]}}"#;
    assert!(Parameters::parse(text).is_ok());
    let null = r#"{"scheduling":{"dimensions":{"pool":"p"},"io_timeout":null,"priority":null},"meta":null,
                   "job":{"inputs":{"cipd":{"server":"https://c"},"isolated":null},"command":["x"],"env":null}}"#;
    assert_eq!(
        Parameters::parse(null).unwrap(),
        Parameters::parse(text).unwrap()
    );
}

#[test]
fn dc_53_names_may_be_unicode() {
    let mut value = with("/scheduling/dimensions/os", json!("Línux 🐧"));
    at(&mut value, "/meta/name_prefix").clone_from(&json!("größer"));
    *at(&mut value, "/job/inputs/cipd/by_path") =
        json!({"größe/x": {"pkg": [{"name": "ä", "version": "ö"}]}});
    assert!(Parameters::parse(&value.to_string()).is_ok());
    *at(
        &mut value,
        "/job/inputs/cipd/by_path/größe~1x/pkg/0/version",
    ) = json!("");
    check(
        &value,
        "job.inputs.cipd.by_path[größe/x].pkg[0]: version is empty",
    );
}

#[test]
fn what_the_original_crashed_on_is_required() {
    check(&without("", "scheduling"), "scheduling: is required");
    check(&without("", "job"), "job: is required");
    check(&without("/job", "inputs"), "job.inputs: is required");
    check(&json!({}), "scheduling: is required");
    assert!(Parameters::parse(&without("", "meta").to_string()).is_ok());
}

#[test]
fn p01_a_priority_is_at_most_255() {
    for good in [json!(0), json!(255), json!("255"), json!(255.0)] {
        assert!(Parameters::parse(&with("/scheduling/priority", good).to_string()).is_ok());
    }
    for bad in [256_u32, u32::MAX] {
        let expected = format!("scheduling.priority: must be at most 255, got {bad}");
        check(&with("/scheduling/priority", json!(bad)), &expected);
    }
}

#[test]
fn p02_a_dimension_has_a_key() {
    let value = with("/scheduling/dimensions", json!({"pool": "p", "": "x"}));
    check(&value, "scheduling.dimensions: a key is empty");
    let both = with("/scheduling/dimensions", json!({"": "", "a": ""}));
    check(&both, "scheduling.dimensions: a key is empty");
}

#[test]
fn p03_a_dimension_has_a_value_and_the_first_without_is_told() {
    let value = with(
        "/scheduling/dimensions",
        json!({"pool": "p", "z": "", "b": ""}),
    );
    check(&value, "scheduling.dimensions: value of \"b\" is empty");
}

#[test]
fn p04_a_timeout_is_not_negative() {
    for timeout in ["-1s", "-0.000000001s", "-315576000000s"] {
        let value = with("/scheduling/io_timeout", json!(timeout));
        check(&value, "scheduling.io_timeout: must not be negative");
    }
}

#[test]
fn p05_there_is_something_in_the_folder() {
    for inputs in [json!({}), json!({"isolated": []}), json!({"cipd": null})] {
        check(
            &with("/job/inputs", inputs),
            "job.inputs: needs cipd or isolated",
        );
    }
    let trees = json!({"isolated": [{"id": "a/1"}]});
    assert!(Parameters::parse(&with("/job/inputs", trees).to_string()).is_ok());
}

#[test]
fn p06_the_package_server_is_scheme_and_host() {
    for (url, text) in [
        ("", "is required"),
        ("https://CIPD", "must be lower-case"),
        ("cipd", "is not a URL: relative URL without a base"),
        ("ssh://cipd", "scheme must be http or https"),
        ("https://cipd/", "must be scheme://host only"),
    ] {
        let value = with("/job/inputs/cipd/server", json!(url));
        check(&value, &format!("job.inputs.cipd.server: {text}"));
    }
    let absent = with("/job/inputs/cipd", json!({}));
    check(&absent, "job.inputs.cipd.server: is required");
}

#[test]
fn p07_a_client_has_name_and_version() {
    for (client, text) in [
        (json!({}), "name is empty"),
        (json!({"version": "x"}), "name is empty"),
        (json!({"name": "x"}), "version is empty"),
    ] {
        let value = with("/job/inputs/cipd/client", client);
        check(&value, &format!("job.inputs.cipd.client: {text}"));
    }
}

#[test]
fn p08_every_package_has_name_and_version() {
    for (packages, text) in [
        (
            json!([{"version": "x"}]),
            "by_path[bin].pkg[0]: name is empty",
        ),
        (
            json!([{"name": "x"}]),
            "by_path[bin].pkg[0]: version is empty",
        ),
        (
            json!([{"name": "x", "version": "y"}, {}]),
            "by_path[bin].pkg[1]: name is empty",
        ),
    ] {
        let value = with("/job/inputs/cipd/by_path/bin/pkg", packages);
        check(&value, &format!("job.inputs.cipd.{text}"));
    }
    let root = with("/job/inputs/cipd/by_path//pkg/1/name", json!(""));
    check(&root, "job.inputs.cipd.by_path[].pkg[1]: name is empty");
}

#[test]
fn p09_there_is_a_command() {
    check(
        &with("/job/command", json!([])),
        "job.command: must not be empty",
    );
    check(
        &without("/job", "command"),
        "job.command: must not be empty",
    );
}

#[test]
fn p10_a_variable_has_a_name() {
    let value = with("/job/env", json!({"": "x", "A": "1"}));
    check(&value, "job.env: a variable name is empty");
}

#[test]
fn p11_what_is_no_message_is_told_with_its_place() {
    for (text, expected) in [
        (
            r#"{"scheduling":{"nice":1}}"#,
            "scheduling: unrecognized field name 'nice'",
        ),
        (
            r#"{"job":{"command":"ls"}}"#,
            "job.command: invalid type: string \"ls\", expected a list",
        ),
        (
            r#"{"job":{"command":["ls",7]}}"#,
            "job.command[1]: invalid type: integer `7`, expected a string",
        ),
        (
            r#"{"job":{"command":["ls",null]}}"#,
            "job.command[1]: invalid type: null, expected a string",
        ),
        (
            r#"{"job":{"env":{"A":1}}}"#,
            "job.env.A: invalid type: integer `1`, expected a string",
        ),
        (
            r#"{"scheduling":{"priority":-1}}"#,
            "scheduling.priority: out of range integral type conversion attempted",
        ),
        (
            r#"{"scheduling":{"priority":1.5}}"#,
            "scheduling.priority: expected integer value",
        ),
        (
            r#"{"scheduling":{"priority":"NaN"}}"#,
            "scheduling.priority: invalid digit found in string",
        ),
        (
            r#"{"scheduling":{"priority":4294967296}}"#,
            "scheduling.priority: out of range integral type conversion attempted",
        ),
        (
            r#"{"scheduling":{"io_timeout":30}}"#,
            "scheduling.io_timeout: invalid type: integer `30`, expected a duration string",
        ),
        (
            r#"{"scheduling":{"io_timeout":"30"}}"#,
            "scheduling.io_timeout: failed to parse duration",
        ),
        (
            r#"{"scheduling":{"io_timeout":"315576000001s"}}"#,
            "scheduling.io_timeout: duration out of range",
        ),
        (
            r#"{"scheduling":{"priority":NaN}}"#,
            "scheduling.priority: expected value at line 1 column 27",
        ),
        ("null", "invalid type: null, expected a map"),
        ("[]", "invalid type: sequence, expected a map"),
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{} {}", "trailing characters at line 1 column 4"),
        (
            r#"{"job":{"#,
            "job: EOF while parsing an object at line 1 column 8",
        ),
    ] {
        assert_eq!(refused(text), format!("unmarshal: {expected}"), "{text}");
    }
}

#[test]
fn p11_what_is_there_twice_is_refused_whatever_its_spelling() {
    for (text, expected) in [
        (r#"{"job":{},"job":{}}"#, "`job` is there twice"),
        (
            r#"{"scheduling":{"io_timeout":"1s","ioTimeout":"1s"}}"#,
            "scheduling: `ioTimeout` is there twice",
        ),
        (
            r#"{"scheduling":{"dimensions":{"a":"1","b":"2","a":"1"}}}"#,
            "scheduling.dimensions: `a` is there twice",
        ),
        (
            r#"{"job":{"inputs":{"cipd":{"by_path":{"x":{"pkg":[{},{"name":"a","name":"b"}]}}}}}}"#,
            "job.inputs.cipd.by_path.x.pkg[1]: `name` is there twice",
        ),
        (
            r#"{"job":{"env":null,"env":null}}"#,
            "job: `env` is there twice",
        ),
    ] {
        assert_eq!(refused(text), format!("unmarshal: {expected}"), "{text}");
    }
    let env = json!({"fooBar": "1", "foo_bar": "2"});
    assert!(Parameters::parse(&with("/job/env", env).to_string()).is_ok());
}

#[test]
fn the_first_error_is_that_of_the_original() {
    // Breaks every rule; each one is mended in turn.
    let mut value = json!({
        "scheduling": {"priority": 999, "dimensions": {"": "x", "k": ""}, "io_timeout": "-1s"},
        "job": {"inputs": {}, "command": [], "env": {"": "", "9": ""}},
    });
    check(&value, "scheduling.priority: must be at most 255, got 999");
    *at(&mut value, "/scheduling/priority") = json!(1);
    check(&value, "scheduling.dimensions: a key is empty");
    at(&mut value, "/scheduling/dimensions")
        .as_object_mut()
        .unwrap()
        .remove("");
    check(&value, "scheduling.dimensions: value of \"k\" is empty");
    *at(&mut value, "/scheduling/dimensions/k") = json!(" ");
    check(&value, "scheduling.io_timeout: must not be negative");
    *at(&mut value, "/scheduling/io_timeout") = json!("1s");
    check(&value, "job.inputs: needs cipd or isolated");
    *at(&mut value, "/job/inputs") = json!({"isolated": [{"id": "bare"}], "cipd": {"client": {}}});
    check(&value, "job.inputs.cipd.server: is required");
    *at(&mut value, "/job/inputs/cipd") = json!({"server": "http://c", "client": {}, "by_path": {"b": {"pkg": [{}]}, "a": {"pkg": [{}]}}});
    check(&value, "job.inputs.cipd.client: name is empty");
    *at(&mut value, "/job/inputs/cipd/client") = json!(null);
    check(&value, "job.inputs.cipd.by_path[a].pkg[0]: name is empty");
    *at(&mut value, "/job/inputs/cipd/by_path") = json!({});
    check(&value, "job.command: must not be empty");
    *at(&mut value, "/job/command") = json!(["x"]);
    check(&value, "job.env: a variable name is empty");
    at(&mut value, "/job/env")
        .as_object_mut()
        .unwrap()
        .remove("");
    // Only now comes what Swarming would say, in the same order.
    check(
        &value,
        "scheduling.dimensions: value of \"k\" begins or ends with a space",
    );
}
