//! Every state, every hole of the original, and the data to the byte.

mod hostile;

use distributor_core::dm::AbnormalFinish;
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);
const PLAIN: Wanted<'_> = Wanted {
    snapshot_dimensions: &[],
    expiration: None,
    is_simple: false,
};

fn task(value: Value) -> wire::TaskResult {
    serde_json::from_value(value).unwrap()
}

fn end(value: Value) -> Option<TaskResult> {
    finish(&task(value), &PLAIN, NOW)
}

#[track_caller]
fn abnormal(value: Value) -> (Status, String) {
    match end(value.clone()) {
        Some(TaskResult::Abnormal(AbnormalFinish { status, reason })) => {
            (Status::try_from(status).unwrap(), reason)
        }
        other => panic!("{value} gives {other:?}"),
    }
}

#[track_caller]
fn data(task_: Value, wanted: &Wanted<'_>) -> dm::JsonResult {
    match finish(&task(task_.clone()), wanted, NOW) {
        Some(TaskResult::Data(data)) => data,
        other => panic!("{task_} gives {other:?}"),
    }
}

#[test]
fn dc_39_a_task_that_is_not_over_has_no_result() {
    for state in ["PENDING", "RUNNING"] {
        for internal_failure in [true, false] {
            let value =
                json!({"state": state, "internal_failure": internal_failure, "exit_code": "1"});
            assert_eq!(end(value), None);
        }
    }
}

#[test]
fn every_state_that_is_no_normal_end_has_its_status() {
    for (state, status, more) in [
        ("BOT_DIED", Status::Crashed, ""),
        ("TIMED_OUT", Status::TimedOut, ""),
        ("EXPIRED", Status::Expired, ""),
        ("CANCELED", Status::Cancelled, ""),
        ("KILLED", Status::Cancelled, ""),
        (
            "NO_RESOURCE",
            Status::Expired,
            ": no bot has these dimensions",
        ),
        ("CLIENT_ERROR", Status::Rejected, ""),
    ] {
        // Some servers set it for tasks that were killed or never ran, too: the state decides.
        for internal_failure in [true, false] {
            let value = json!({"state": state, "internal_failure": internal_failure});
            assert_eq!(
                abnormal(value),
                (status, format!("swarming: {state}{more}"))
            );
        }
    }
}

#[test]
fn a_state_that_nobody_knows_is_malformed() {
    for state in ["INVALID", "COMPLETED_SUCCESS", "", "completed", "Läuft"] {
        let expected = format!("swarming: unknown state {state}");
        assert_eq!(
            abnormal(json!({"state": state})),
            (Status::ResultMalformed, expected)
        );
    }
    let (_, reason) = abnormal(json!({"state": "ü".repeat(10_000)}));
    assert_eq!(
        reason,
        format!("swarming: unknown state {}", "ü".repeat(100))
    );
}

#[test]
fn a_completed_task_has_data_with_any_exit_code() {
    for (code, expected) in [
        (json!("0"), "{}"),
        (json!(0), "{}"),
        (json!(null), "{}"),
        (json!("3"), r#"{"exit_code":"3"}"#),
        (json!(-1_073_741_819), r#"{"exit_code":"-1073741819"}"#),
        (
            json!("9223372036854775807"),
            r#"{"exit_code":"9223372036854775807"}"#,
        ),
    ] {
        let failure = !code.is_null() && expected != "{}";
        let value = json!({"state": "COMPLETED", "failure": failure, "exit_code": code});
        let data = data(value, &PLAIN);
        assert_eq!(data.object, expected);
        assert_eq!(data.size as usize, expected.len());
        assert_eq!(data.expiration, None);
    }
}

#[test]
fn a_failure_of_the_farm_is_a_crash() {
    for (code, expected) in [(json!("-1"), "-1"), (json!(null), "no exit code")] {
        let value = json!({"state": "COMPLETED", "internal_failure": true, "exit_code": code});
        let reason = format!("swarming: COMPLETED/InternalFailure({expected})");
        assert_eq!(abnormal(value), (Status::Crashed, reason));
    }
}

#[test]
fn a_failure_without_an_exit_code_is_never_taken_for_success() {
    let reason = "swarming: COMPLETED: failed, but without an exit code".to_owned();
    let value = json!({"state": "COMPLETED", "failure": true});
    assert_eq!(abnormal(value), (Status::ResultMalformed, reason));
}

#[test]
fn the_job_of_a_simple_quest_fails_by_its_exit_code() {
    let simple = Wanted {
        is_simple: true,
        ..PLAIN
    };
    let failed = task(json!({"state": "COMPLETED", "failure": true, "exit_code": "2"}));
    let expected = TaskResult::abnormal(Status::Failed, "swarming: COMPLETED: exit code 2");
    assert_eq!(finish(&failed, &simple, NOW), Some(expected));
    let value = json!({"state": "COMPLETED", "exit_code": "0"});
    assert_eq!(data(value, &simple).object, "{}");
}

#[test]
fn what_a_task_leaves_behind_to_the_byte() {
    let wanted = ["os", "gpu", "zone", "cores", "os"].map(str::to_owned);
    let wanted = Wanted {
        snapshot_dimensions: &wanted,
        ..PLAIN
    };
    let value = json!({
        "state": "COMPLETED",
        "exit_code": "3",
        "failure": true,
        "bot_dimensions": [
            {"key": "os", "value": ["Linux", "Ubuntu", "Ubuntu-22.04"]},
            {"key": "gpu", "value": []},
            {"key": "cores", "value": ["8"]},
            {"key": "id", "value": ["bot-1"]},
            {},
        ],
        "cipd_pins": {
            "client_package": {"package_name": "infra/tools/cipd/linux-amd64", "version": "iid0"},
            "packages": [
                {"path": "bin", "package_name": "b/linux-amd64", "version": "iid2"},
                {"path": "bin", "package_name": "a/linux-amd64", "version": "iid1"},
                {"path": ".", "package_name": "c", "version": "iid3"},
                {"path": "", "package_name": "d", "version": "iid4"},
            ],
        },
        "cas_output_root": {
            "cas_instance": "projects/p/instances/i",
            "digest": {"hash": "ab12", "size_bytes": "34"},
        },
    });
    let expected = concat!(
        r#"{"cipd_pins":{"by_path":{"":{"pkg":[{"name":"c","version":"iid3"},{"name":"d","version":"iid4"}]},"#,
        r#""bin":{"pkg":[{"name":"a/linux-amd64","version":"iid1"},{"name":"b/linux-amd64","version":"iid2"}]}},"#,
        r#""client":{"name":"infra/tools/cipd/linux-amd64","version":"iid0"}},"exit_code":"3","#,
        r#""isolated_outdir":{"id":"ab12/34","server":"projects/p/instances/i"},"#,
        r#""snapshot_dimensions":{"cores":"8","os":"Ubuntu-22.04"}}"#,
    );
    assert_eq!(data(value, &wanted).object, expected);
}

#[test]
fn what_the_original_crashed_on_is_left_out() {
    let wanted = ["os".to_owned()];
    let wanted = Wanted {
        snapshot_dimensions: &wanted,
        ..PLAIN
    };
    for (more, expected) in [
        (json!({}), "{}"),
        (json!({"bot_dimensions": [{"key": "os"}]}), "{}"),
        (
            json!({"bot_dimensions": [{"key": "os", "value": [null]}]}),
            "{}",
        ),
        (json!({"bot_dimensions": [null, {"value": ["x"]}]}), "{}"),
        (json!({"cipd_pins": {}}), "{}"),
        (
            json!({"cipd_pins": {"client_package": null, "packages": null}}),
            "{}",
        ),
        (
            json!({"cipd_pins": {"packages": [{"package_name": "a", "version": "v", "path": "x"}]}}),
            r#"{"cipd_pins":{"by_path":{"x":{"pkg":[{"name":"a","version":"v"}]}}}}"#,
        ),
        (json!({"cas_output_root": {}}), "{}"),
        (
            json!({"cas_output_root": {"digest": {"hash": "a"}}}),
            r#"{"isolated_outdir":{"id":"a/0"}}"#,
        ),
    ] {
        let mut value = json!({"state": "COMPLETED", "exit_code": "0"});
        value
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        assert_eq!(data(value.clone(), &wanted).object, expected, "{value}");
    }
}

#[test]
fn missing_inputs_are_listed_and_the_list_is_bounded() {
    let packages = [
        json!({"package_name": "a", "version": "v:1", "path": "bin"}),
        json!({"package_name": "b", "version": "x"}),
    ];
    let value = json!({
        "state": "CLIENT_ERROR",
        "missing_cipd": packages,
        "missing_cas": [{"digest": {"hash": "ab12", "size_bytes": "34"}}, {}],
    });
    let expected = "swarming: CLIENT_ERROR: missing package a@v:1 in bin, missing package b@x, \
                    missing input ab12/34, missing input /0";
    assert_eq!(abnormal(value), (Status::Rejected, expected.to_owned()));
    let long = vec![json!({"package_name": "ü".repeat(1_000), "version": "v"}); 1_000];
    let (_, reason) = abnormal(json!({"state": "CLIENT_ERROR", "missing_cipd": long}));
    assert!(reason.ends_with(" and 980 more"), "{reason}");
    assert!(reason.len() < 8_192, "{} bytes", reason.len());
}

#[test]
fn data_expires_so_long_after_the_end_of_the_task() {
    let wanted = Wanted {
        expiration: Some(Duration::from_secs(60)),
        ..PLAIN
    };
    let at = |value| data(value, &wanted).expiration.unwrap().seconds;
    let completed = json!({"state": "COMPLETED", "completed_ts": "1970-01-01T00:00:10.5"});
    assert_eq!(at(completed), 70);
    assert_eq!(at(json!({"state": "COMPLETED"})), 1_060);
    assert_eq!(
        at(json!({"state": "COMPLETED", "completed_ts": "soon"})),
        1_060
    );
    let for_ever = Wanted {
        expiration: Some(Duration::MAX),
        ..PLAIN
    };
    assert!(
        data(json!({"state": "COMPLETED"}), &for_ever)
            .expiration
            .is_some()
    );
}

#[test]
fn dc_39_asked_again_it_is_the_same_result() {
    let wanted = Wanted {
        expiration: Some(Duration::from_secs(60)),
        ..PLAIN
    };
    let task = task(json!({"state": "COMPLETED", "completed_ts": "1970-01-01T00:00:10"}));
    let first = finish(&task, &wanted, NOW);
    assert_eq!(
        finish(&task, &wanted, NOW.after(Duration::from_secs(9))),
        first
    );
}

#[test]
fn data_beyond_the_bound_of_the_service_is_malformed() {
    let wanted = ["x".to_owned()];
    let wanted = Wanted {
        snapshot_dimensions: &wanted,
        ..PLAIN
    };
    // `{"snapshot_dimensions":{"x":""}}` has 32 bytes.
    let with = |length: usize| {
        task(json!({
            "state": "COMPLETED",
            "bot_dimensions": [{"key": "x", "value": ["v".repeat(length - 32)]}],
        }))
    };
    let most = finish(&with(MOST_DATA), &wanted, NOW);
    assert!(matches!(most, Some(TaskResult::Data(data)) if data.size == 262_144));
    let reason = "swarming: COMPLETED: the result has 262145 bytes: 262144 are the most";
    let more = finish(&with(MOST_DATA + 1), &wanted, NOW);
    assert_eq!(
        more,
        Some(TaskResult::abnormal(Status::ResultMalformed, reason))
    );
}
