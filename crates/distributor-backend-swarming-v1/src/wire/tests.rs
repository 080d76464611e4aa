//! Both directions, and what servers of all generations may send.

use distributor_core::Timestamp;
use serde_json::json;

use super::*;

fn result(value: serde_json::Value) -> serde_json::Result<TaskResult> {
    serde_json::from_value(value)
}

#[test]
fn a_whole_number_is_read_as_number_or_string_and_null_is_absent() {
    for (value, expected) in [
        (json!("0"), Some(0)),
        (json!(0), Some(0)),
        (json!("-9"), Some(-9)),
        (json!(3.0), Some(3)),
        (json!("9223372036854775807"), Some(i64::MAX)),
        (json!(i64::MIN), Some(i64::MIN)),
        (json!(null), None),
    ] {
        let task = result(json!({"state": "COMPLETED", "exit_code": value})).unwrap();
        assert_eq!(task.exit_code, expected);
    }
    let absent = result(json!({"state": "COMPLETED"})).unwrap();
    assert_eq!(absent.exit_code, None);
    for value in [
        json!("x"),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!([]),
        json!(true),
    ] {
        assert!(result(json!({"state": "COMPLETED", "exit_code": value})).is_err());
    }
}

#[test]
fn unknown_fields_are_ignored_and_null_is_absent() {
    let task = result(json!({
        "state": "PENDING", "later": {"x": [1]}, "failure": null, "bot_dimensions": null,
        "cipd_pins": null, "cas_output_root": null, "missing_cas": null, "missing_cipd": [null],
        "completed_ts": null, "task_id": null,
    }));
    let expected = TaskResult {
        state: "PENDING".to_owned(),
        ..TaskResult::default()
    };
    assert_eq!(task.unwrap(), expected);
}

#[test]
fn an_answer_without_the_one_thing_it_is_about_is_none() {
    for text in [
        "{}",
        "null",
        "[]",
        "",
        "{\"state\":null}",
        "{\"state\":7}",
        "<html>",
        "{\"task_id\":\"a\"}",
    ] {
        assert!(serde_json::from_str::<TaskResult>(text).is_err(), "{text}");
    }
    for text in [
        "{}",
        "null",
        "",
        "{\"task_id\":null}",
        "{\"state\":\"PENDING\"}",
    ] {
        assert!(
            serde_json::from_str::<NewTaskResponse>(text).is_err(),
            "{text}"
        );
    }
}

#[test]
fn dates_are_read_with_and_without_a_zone() {
    for (text, micros) in [
        ("1970-01-01T00:00:01", Some(1_000_000)),
        ("1970-01-01T00:00:01Z", Some(1_000_000)),
        ("1970-01-01T00:00:01.25", Some(1_250_000)),
        ("1970-01-01T00:00:01.000001Z", Some(1_000_001)),
        ("1969-12-31T23:59:59", None),
        ("yesterday", None),
        ("", None),
        ("1970-13-41T00:00:01", None),
        ("1970-01-01T00:00:0ü", None),
    ] {
        let task = result(json!({"state": "COMPLETED", "completed_ts": text})).unwrap();
        assert_eq!(
            task.completed_ts,
            micros.map(Timestamp::from_micros),
            "{text}"
        );
    }
}

#[test]
fn a_new_task_may_be_over_already() {
    let read = |text| serde_json::from_str::<NewTaskResponse>(text).unwrap();
    let over = read(r#"{"task_id":"a0","request":{},"task_result":{"state":"COMPLETED"}}"#);
    assert_eq!(over.task_id, "a0");
    assert_eq!(over.task_result.unwrap().state, "COMPLETED");
    for text in [
        r#"{"task_id":"a0"}"#,
        r#"{"task_id":"a0","task_result":null}"#,
        r#"{"task_id":"a0","task_result":{"exit_code":"x"}}"#,
    ] {
        assert_eq!(read(text).task_result, None, "{text}");
    }
}

#[test]
fn states_keep_their_places() {
    let read = |text| serde_json::from_str::<TaskStates>(text).unwrap().states;
    let states = read(r#"{"states":["PENDING",null,"LATER"]}"#);
    assert_eq!(
        states,
        [Some("PENDING".to_owned()), None, Some("LATER".to_owned())]
    );
    assert!(read("{}").is_empty());
    assert!(read(r#"{"states":null}"#).is_empty());
}

#[test]
fn a_cancellation_is_written_and_answered() {
    let request = CancelRequest { kill_running: true };
    assert_eq!(
        serde_json::to_string(&request).unwrap(),
        r#"{"kill_running":true}"#
    );
    let read = |text| serde_json::from_str::<CancelResponse>(text).unwrap();
    let taken = read(r#"{"ok":true,"was_running":true}"#);
    assert!(taken.ok && taken.was_running);
    assert_eq!(read(r#"{"ok":null}"#), CancelResponse::default());
}

#[test]
fn an_error_is_read_in_both_shapes_and_in_none() {
    let long = "ü".repeat(2_000);
    for (body, expected) in [
        (r#"{"error":{"message":"bad pool"}}"#, "bad pool"),
        (
            r#"{"error":{"code":404,"message":"no task","errors":[{"domain":"global","reason":"notFound","message":"inner"}]}}"#,
            "no task",
        ),
        (
            r#"{"error":{"message":"","errors":[{"message":"inner"}]}}"#,
            "inner",
        ),
        ("<html>502</html>\n", "<html>502</html>"),
        (r#"{"error":"text"}"#, r#"{"error":"text"}"#),
        ("", ""),
        (long.as_str(), &"ü".repeat(512)),
    ] {
        assert_eq!(ErrorBody::message(body.as_bytes()), expected);
    }
    let quoted = json!({"error": {"message": long}}).to_string();
    assert_eq!(ErrorBody::message(quoted.as_bytes()), "ü".repeat(512));
    assert_eq!(ErrorBody::message(b"\xff\xfe"), "\u{fffd}\u{fffd}");
}

#[test]
fn secrets_are_written_and_not_shown() {
    let secret = SecretText::new("canary".to_owned());
    assert_eq!(serde_json::to_string(&secret).unwrap(), "\"canary\"");
    assert_eq!(format!("{secret:?}"), "SecretText(…)");
}
