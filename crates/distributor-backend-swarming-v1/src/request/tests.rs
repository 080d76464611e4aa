//! Each row of the table "building the request", and the whole of one request.

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use distributor_core::dm::quest::desc::meta;
use distributor_core::{AttemptId, ExecutionId, Secret};
use prost_types::Duration;
use serde_json::{Value, json};

use super::*;
use support::Case;

fn duration(seconds: i64, nanos: i32) -> Option<Duration> {
    Some(Duration { seconds, nanos })
}

#[test]
fn the_whole_request_to_the_byte() {
    let mut case = Case::new();
    case.quest().meta = Some(dm_meta(Some(meta::Timeouts {
        start: duration(600, 1),
        run: duration(3_600, 0),
        stop: duration(60, 0),
    })));
    let execution = case.run.execution.to_string();
    let attempt = case.run.execution.attempt.to_string();
    let quest = case.run.execution.attempt.quest.to_string();
    let auth = format!(
        r#"{{"id":{{"quest":"{quest}","attempt":3,"id":2}},"token":"{}"}}"#,
        STANDARD.encode(support::TOKEN)
    );
    let request = case.build();
    let golden = json!({
        "name": format!("build / {execution}"),
        "priority": "50",
        "expiration_secs": "601",
        "properties": {
            "command": ["run", "dm.example", "xdm.exampleydm.example", "${ISOLATED_OUTDIR}"],
            "dimensions": [{"key": "os", "value": "Linux"}, {"key": "pool", "value": "luci"}],
            "env": [{"key": "A", "value": "1"}, {"key": "B", "value": "2"}],
            "cipd_input": {
                "server": "https://cipd.example",
                "client_package": {"package_name": "infra/tools/cipd/${platform}", "version": "latest"},
                "packages": [
                    {"path": ".", "package_name": "a", "version": "v:1"},
                    {"path": ".", "package_name": "b/${platform}", "version": "v:2"},
                    {"path": "bin", "package_name": "a", "version": "v:3"},
                ],
            },
            "cas_input_root": {
                "cas_instance": "projects/p/instances/i",
                "digest": {"hash": "ab12", "size_bytes": "34"},
            },
            "execution_timeout_secs": "3600",
            "grace_period_secs": "60",
            "io_timeout_secs": "60",
            "idempotent": false,
            "secret_bytes": STANDARD.encode(auth),
        },
        "tags": [
            "requestor:DM",
            "requestor:dm.example",
            "requestor:swarming_v1",
            format!("quest:{quest}"),
            format!("attempt:{attempt}"),
            format!("execution:{execution}"),
        ],
        "pubsub_topic": "projects/app/topics/dm-distributor-notify",
        "pubsub_auth_token": "topic-token",
        "request_uuid": "ea5c4768-0bc8-5cd6-bfd4-0d1c1f1172b7",
    });
    assert_eq!(serde_json::to_value(&request).unwrap(), golden);
    assert_eq!(execution, format!("{quest}|3|2"));
    assert_eq!(request, case.build());
}

fn dm_meta(timeouts: Option<meta::Timeouts>) -> distributor_core::dm::quest::desc::Meta {
    distributor_core::dm::quest::desc::Meta {
        timeouts,
        ..Default::default()
    }
}

#[test]
fn the_least_request_leaves_out_what_there_is_none_of() {
    let mut case = Case::new();
    case.parameters = Parameters::parse(
        r#"{"scheduling":{"dimensions":{"pool":"p"}},
            "job":{"inputs":{"cipd":{"server":"https://c"}},"command":["x"]}}"#,
    )
    .unwrap();
    case.topic = None;
    case.dm_host = String::new();
    let request = serde_json::to_value(case.build()).unwrap();
    for absent in [
        "realm",
        "service_account",
        "pubsub_topic",
        "pubsub_auth_token",
        "task_slices",
    ] {
        assert_eq!(request.get(absent), None, "{absent}");
    }
    let properties = &request["properties"];
    for absent in ["env", "cipd_input", "cas_input_root"] {
        assert_eq!(properties.get(absent), None, "{absent}");
    }
    assert_eq!(request["name"], json!(case.run.execution.to_string()));
    assert_eq!(request["priority"], "100");
    // As without limits: each is set all the same, because the server requires it.
    assert_eq!(request["expiration_secs"], "604800");
    assert_eq!(properties["execution_timeout_secs"], "601140");
    assert_eq!(properties["grace_period_secs"], "30");
    assert_eq!(properties["io_timeout_secs"], "0");
    assert_eq!(request["tags"].as_array().map(Vec::len), Some(5));
}

#[test]
fn timeouts_are_rounded_up_and_kept_within_bounds() {
    for (each, expiration, execution, grace) in [
        (duration(0, 0), "604800", "601140", "30"),
        (duration(-5, 0), "604800", "601140", "30"),
        (duration(0, 1), "30", "30", "1"),
        (duration(59, 1), "60", "60", "60"),
        (duration(i64::MAX, i32::MAX), "604800", "601140", "3600"),
        (duration(i64::MIN, i32::MIN), "604800", "601140", "30"),
    ] {
        let mut case = Case::new();
        case.quest().meta = Some(dm_meta(Some(meta::Timeouts {
            start: each,
            run: each,
            stop: each,
        })));
        let request = serde_json::to_value(case.build()).unwrap();
        assert_eq!(request["expiration_secs"], expiration, "{each:?}");
        let properties = &request["properties"];
        assert_eq!(properties["execution_timeout_secs"], execution, "{each:?}");
        assert_eq!(properties["grace_period_secs"], grace, "{each:?}");
    }
}

#[test]
fn configuration_adds_realm_account_and_expiration() {
    let mut case = Case::new();
    case.settings.realm = "project:ci".to_owned();
    case.settings.service_account = "bot".to_owned();
    case.settings.default_expiration_secs = 77;
    let request = case.build();
    assert_eq!(request.realm.as_deref(), Some("project:ci"));
    assert_eq!(request.service_account.as_deref(), Some("bot"));
    assert_eq!(request.expiration_secs, 77);
}

#[test]
fn dc_25_the_previous_execution_decides_packages_and_bot() {
    let mut case = Case::new();
    case.previous(&json!({
        "exit_code": "3",
        "cipd_pins": {
            "client": {"name": "infra/tools/cipd/linux-amd64", "version": "iid0"},
            "by_path": {"": {"pkg": [{"name": "b/linux-amd64", "version": "iid2"}, {"name": "a", "version": "iid1"}]}},
        },
        "snapshot_dimensions": {"os": "Ubuntu-22.04", "cpu": "x86-64"},
        "a_later_field": 1,
    }));
    let properties = serde_json::to_value(case.build().properties).unwrap();
    assert_eq!(
        properties["dimensions"],
        json!([
            {"key": "cpu", "value": "x86-64"},
            {"key": "os", "value": "Ubuntu-22.04"},
            {"key": "pool", "value": "luci"},
        ])
    );
    assert_eq!(
        properties["cipd_input"],
        json!({
            "server": "https://cipd.example",
            "client_package": {"package_name": "infra/tools/cipd/linux-amd64", "version": "iid0"},
            "packages": [
                {"path": ".", "package_name": "a", "version": "iid1"},
                {"path": ".", "package_name": "b/linux-amd64", "version": "iid2"},
            ],
        })
    );
}

#[test]
fn a_previous_execution_that_pins_nothing_changes_nothing() {
    let first = Case::new().build();
    for previous in [
        json!({}),
        json!({"exit_code": "1"}),
        json!({"cipd_pins": {}}),
        json!({"cipd_pins": {"by_path": {"bin": {}}}}),
        json!({"snapshot_dimensions": {"os": "", "": "x"}}),
    ] {
        let mut case = Case::new();
        case.previous(&previous);
        assert_eq!(case.build(), first, "{previous}");
    }
    // Its data was withheld.
    let mut case = Case::new();
    case.run.previous_result = Some(distributor_core::dm::JsonResult::default());
    assert_eq!(case.build(), first);
}

#[test]
fn pins_without_a_client_keep_the_wanted_one() {
    let mut case = Case::new();
    let pins = json!({"by_path": {"x": {"pkg": [{"name": "a", "version": "iid"}]}}});
    case.previous(&json!({"cipd_pins": pins}));
    let input = case.build().properties.cipd_input.unwrap();
    assert_eq!(input.client_package.unwrap().version, "latest");
    // Also if the quest names no server: what was installed is known.
    case.parameters.inputs.cipd = None;
    let input = case.build().properties.cipd_input.unwrap();
    assert_eq!((input.server, input.client_package), (None, None));
    assert_eq!(input.packages.len(), 1);
}

#[test]
fn data_of_another_backend_is_an_error_that_names_it() {
    for object in ["[]", "{\"cipd_pins\":7}", "{", "{\"exit_code\":\"x\"}"] {
        let mut case = Case::new();
        case.run.previous_result = Some(distributor_core::dm::JsonResult {
            object: object.to_owned(),
            ..Default::default()
        });
        let error = case.try_build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(
            error.to_string().starts_with("previous_result: "),
            "{error}"
        );
    }
}

#[test]
fn dc_26_a_repeated_run_finds_its_own_task_and_no_other() {
    let case = Case::new();
    let first = case.build().request_uuid;
    assert_eq!(first.len(), 36);
    assert_eq!(first.get(14..15), Some("5"), "the version of {first}");
    let same = |change: &dyn Fn(&mut Case)| {
        let mut case = Case::new();
        change(&mut case);
        case.build().request_uuid == first
    };
    // What may differ between repetitions of one execution.
    assert!(same(&|case| case.topic = None));
    assert!(same(&|case| {
        let topic = case.topic.as_mut().unwrap();
        topic.auth_token = Secret::new(*b"a later token");
    }));
    assert!(same(&|case| case.settings.realm = "p:r".to_owned()));
    // What makes it another execution.
    assert!(!same(&|case| case.run.execution.number = 9));
    assert!(!same(&|case| case.run.execution.attempt.number = 9));
    assert!(!same(&|case| case.dm_host = "other.example".to_owned()));
    assert!(!same(
        &|case| case.run.activation_token = Secret::new(*b"of another state directory")
    ));
}

#[test]
fn neighbouring_names_do_not_run_into_each_other() {
    let uuid = |host: &str, attempt: u32, number: u32| {
        let mut case = Case::new();
        case.dm_host = host.to_owned();
        let attempt = AttemptId {
            number: attempt,
            ..case.run.execution.attempt
        };
        case.run.execution = ExecutionId { attempt, number };
        case.build().request_uuid
    };
    assert_ne!(uuid("h", 1, 11), uuid("h", 11, 1));
    assert_ne!(uuid("h", 1, 1), uuid("h1", 1, 1));
}

#[test]
fn the_job_of_a_simple_quest_gets_no_right_to_call_the_service() {
    let mut case = Case::new();
    case.quest().meta = Some(distributor_core::dm::quest::desc::Meta {
        simple: Some(meta::Simple::default()),
        ..Default::default()
    });
    assert_eq!(case.build().properties.secret_bytes, None);
}

#[test]
fn variables_of_swarming_and_of_others_pass_through() {
    let mut case = Case::new();
    case.dm_host = "${DM.HOST}".to_owned();
    case.parameters.command = [
        "${DM.HOST}${DM.HOST}",
        "${SWARMING_BOT_FILE} ${X}",
        "$${DM.HOST",
        "ü${DM.HOST}ü",
    ]
    .map(str::to_owned)
    .to_vec();
    let expected = [
        "${DM.HOST}${DM.HOST}",
        "${SWARMING_BOT_FILE} ${X}",
        "$${DM.HOST",
        "ü${DM.HOST}ü",
    ];
    assert_eq!(case.build().properties.command, expected);
}

#[test]
fn a_topic_token_that_is_no_text_is_an_error_that_does_not_quote_it() {
    let mut case = Case::new();
    case.topic.as_mut().unwrap().auth_token = Secret::new(*b"canary\xff");
    let error = case.try_build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[test]
fn tokens_are_not_shown() {
    let shown = format!("{:?}", Case::new().build());
    let encoded = STANDARD.encode(support::TOKEN);
    for canary in ["topic-token", &encoded, &STANDARD.encode(&encoded)] {
        assert!(!shown.contains(canary), "{shown}");
    }
    let request: Value = serde_json::to_value(Case::new().build()).unwrap();
    assert_eq!(request["pubsub_auth_token"], "topic-token");
}
