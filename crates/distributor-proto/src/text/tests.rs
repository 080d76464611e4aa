//! Both texts survive, and what is no message is refused.

use std::fmt::Debug;

use prost::{Message, Name};
use prost_types::{Duration, Timestamp};

use super::{descriptor_pool, from_json, from_text, to_json, to_text};
use crate::dm::{self, abnormal_finish, attempt, quest};
use crate::{acls, dm_template, templateproto};

#[track_caller]
fn check_json<M: Message + Name + Default + PartialEq + Debug>(message: &M, json: &str) {
    assert_eq!(to_json(message).as_deref().ok(), Some(json));
    assert_eq!(from_json(json).ok().as_ref(), Some(message));
}

#[track_caller]
fn check_text<M: Message + Name + Default + PartialEq + Debug>(message: &M, text: &str) {
    assert_eq!(to_text(message).as_deref().ok(), Some(text));
    assert_eq!(from_text(text).ok().as_ref(), Some(message));
}

#[track_caller]
fn check_error<M: Debug>(result: Result<M, super::TextError>, expected: &str) {
    let message = result.map_err(|error| error.to_string());
    assert_eq!(message.err().as_deref(), Some(expected));
}

fn desc() -> quest::Desc {
    quest::Desc {
        distributor_config_name: "local".to_owned(),
        parameters: "{}".to_owned(),
        meta: Some(quest::desc::Meta {
            timeouts: Some(quest::desc::meta::Timeouts {
                start: Some(Duration {
                    seconds: 300,
                    nanos: 0,
                }),
                run: Some(Duration {
                    seconds: 0,
                    nanos: 500_000_000,
                }),
                stop: None,
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn graph() -> dm::GraphData {
    let attempt = dm::Attempt {
        data: Some(attempt::Data {
            created: Some(Timestamp {
                seconds: 1_700_000_000,
                nanos: 123_456_000,
            }),
            attempt_type: Some(attempt::data::AttemptType::AbnormalFinish(
                dm::AbnormalFinish {
                    status: abnormal_finish::Status::TimedOut.into(),
                    reason: "late".to_owned(),
                },
            )),
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut quest = dm::Quest {
        dne: true,
        ..Default::default()
    };
    quest.attempts.insert(2, attempt);
    let mut graph = dm::GraphData {
        had_more: true,
        ..Default::default()
    };
    graph.quests.insert("q".to_owned(), quest);
    graph
}

#[test]
fn json_has_canonical_names_and_values() {
    check_json(
        &desc(),
        r#"{"distributorConfigName":"local","parameters":"{}","meta":{"timeouts":{"start":"300s","run":"0.500s"}}}"#,
    );
    check_json(
        &graph(),
        r#"{"quests":{"q":{"DNE":true,"attempts":{"2":{"data":{"created":"2023-11-14T22:13:20.123456Z","abnormalFinish":{"status":"TIMED_OUT","reason":"late"}}}}}},"hadMore":true}"#,
    );
    let limit = dm::walk_graph_req::Limit {
        max_depth: -1,
        ..Default::default()
    };
    check_json(&limit, r#"{"maxDepth":"-1"}"#);
    let auth = dm::execution::Auth {
        token: vec![0xff, 0xfe],
        ..Default::default()
    };
    check_json(&auth, r#"{"token":"//4="}"#);
}

#[test]
fn json_is_read_in_both_spellings() {
    let expected = Some(desc());
    for text in [
        r#"{"distributor_config_name":"local","parameters":"{}","meta":{"timeouts":{"start":"300s","run":"0.5s"}}}"#,
        r#"{"distributorConfigName":"local","parameters":"{}","meta":{"timeouts":{"start":"300.000s","run":"0.5s"}}}"#,
    ] {
        assert_eq!(from_json(text).ok(), expected);
    }
}

#[test]
fn malformed_json_is_refused_with_its_place() {
    check_error(
        from_json::<quest::Desc>("{\n \"nope\": 1}"),
        "malformed dm.Quest.Desc in JSON: unrecognized field name 'nope' at line 2 column 7",
    );
    check_error(
        from_json::<quest::Desc>("{} {}"),
        "malformed dm.Quest.Desc in JSON: trailing characters at line 1 column 4",
    );
    for text in [
        "",
        "[]",
        "{\"parameters\":1}",
        "{\"meta\":{\"timeouts\":{\"run\":\"1\"}}}",
    ] {
        assert!(from_json::<quest::Desc>(text).is_err(), "{text}");
    }
}

#[test]
fn text_format_survives_both_ways() {
    check_text(
        &desc(),
        "distributor_config_name: \"local\"\nparameters: \"{}\"\nmeta {\n  timeouts {\n    start {\n      seconds: 300\n    }\n    run {\n      nanos: 500000000\n    }\n  }\n}",
    );
    let acls = acls::Acls {
        readers: vec!["a".to_owned(), "b".to_owned()],
        writers: vec!["c".to_owned()],
    };
    check_text(&acls, "readers: [\"a\", \"b\"]\nwriters: [\"c\"]");
    assert_eq!(
        from_text("readers: 'a' # comment\nreaders: 'b' writers: 'c'").ok(),
        Some(acls)
    );
}

#[test]
fn malformed_text_format_is_refused_with_its_place() {
    for (text, expected) in [
        (
            "meta {\n  retri {}\n}",
            "field 'retri' not found for message 'dm.Quest.Desc.Meta' at line 2 column 3",
        ),
        (
            "meta { retry { failed: -1 } }",
            "expected value to be an unsigned 32-bit integer, but the value -1 is out of range at line 1 column 24",
        ),
        (
            "meta {\n",
            "expected '}' or a field name, but reached end of input at line 2 column 1",
        ),
    ] {
        let expected = format!("malformed dm.Quest.Desc in text format: {expected}");
        check_error(from_text::<quest::Desc>(text), &expected);
    }
}

#[test]
fn every_message_has_both_texts() {
    let template = templateproto::file::Template {
        body: "{}".to_owned(),
        ..Default::default()
    };
    let mut file = dm_template::File::default();
    let quest_template = dm_template::file::Template {
        parameters: Some(template),
        ..Default::default()
    };
    file.template.insert("t".to_owned(), quest_template);
    check_json(&file, r#"{"template":{"t":{"parameters":{"body":"{}"}}}}"#);

    for descriptor in descriptor_pool().all_messages() {
        let empty = prost_reflect::DynamicMessage::new(descriptor.clone());
        assert_eq!(empty.to_text_format(), "", "{}", descriptor.full_name());
        let json = serde_json::to_string(&empty);
        assert!(json.is_ok(), "{}", descriptor.full_name());
    }
}

#[test]
fn what_has_no_json_is_refused() {
    let duration = Duration {
        seconds: i64::MAX,
        nanos: 0,
    };
    assert!(to_json(&duration).is_err());
}

#[test]
fn messages_of_others_are_unknown() {
    check_error(
        to_json(&prost_types::Any::default()),
        "message google.protobuf.Any is not in the descriptor set",
    );
}
