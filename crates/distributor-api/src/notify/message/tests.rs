//! Every form of a message, and every way to be none.

use serde_json::{Value, json};

use super::json::MOST_ATTRIBUTES;
use super::*;

const SUBSCRIPTION: &str = "projects/p/subscriptions/s";

fn push(body: &Value) -> Result<PubsubMessage, MessageError> {
    PubsubMessage::from_push(body.to_string().as_bytes())
}

fn pushed(message: &Value) -> Result<PubsubMessage, MessageError> {
    push(&json!({ "message": message, "subscription": SUBSCRIPTION }))
}

#[track_caller]
fn assert_error<T: fmt::Debug>(answer: Result<T, MessageError>, part: &str) {
    let error = answer.expect_err("no message").to_string();
    assert!(error.contains(part), "{error}");
    assert!(!error.contains("canary"), "{error}");
}

#[test]
fn a_push_with_everything_is_taken_apart() {
    let message = push(&json!({
        "subscription": SUBSCRIPTION,
        "deliveryAttempt": 5,
        "message": {
            "data": "eyJ0YXNrX2lkIjoiMTAifQ==",
            "attributes": { "auth_token": "t", "b": "" },
            "messageId": "1", "message_id": "1",
            "publishTime": "2021-02-26T19:13:55.749Z", "publish_time": "2021-02-26T19:13:55.749Z",
            "orderingKey": "k",
            "new": { "in": ["the", "future"] },
        },
        "new": null,
    }));
    let expected = PubsubMessage {
        subscription: SUBSCRIPTION.to_owned(),
        data: br#"{"task_id":"10"}"#.to_vec(),
        attributes: [("auth_token", "t"), ("b", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        message_id: Some("1".to_owned()),
        publish_time: Some("2021-02-26T19:13:55.749Z".to_owned()),
        ordering_key: Some("k".to_owned()),
        delivery_attempt: Some(5),
    };
    assert_eq!(message, Ok(expected));
}

#[test]
fn either_spelling_alone_will_do() {
    for message in [
        json!({ "messageId": "1", "publishTime": "t", "orderingKey": "k" }),
        json!({ "message_id": "1", "publish_time": "t", "ordering_key": "k" }),
        json!({ "messageId": null, "message_id": "1", "publish_time": "t", "orderingKey": "k" }),
    ] {
        let message = pushed(&message).unwrap();
        let ids = (message.message_id, message.publish_time);
        assert_eq!(ids, (Some("1".to_owned()), Some("t".to_owned())));
        assert_eq!(message.ordering_key, Some("k".to_owned()));
    }
}

#[test]
fn what_is_missing_or_null_is_empty() {
    for message in [
        json!({}),
        json!({ "data": null, "attributes": null }),
        json!({ "data": "", "attributes": {} }),
    ] {
        let message = pushed(&message).unwrap();
        assert!(message.data.is_empty() && message.attributes.is_empty());
        assert_eq!((message.message_id, message.delivery_attempt), (None, None));
    }
}

#[test]
fn base64_of_all_kinds_is_read() {
    for data in ["/+8=", "/+8", "_-8=", "_-8"] {
        let message = pushed(&json!({ "data": data })).unwrap();
        assert_eq!(message.data, [0xff, 0xef], "{data}");
    }
    for data in ["_+8=", "/+8==", "/+9", "canary!", "=", " /+8=", "/"] {
        let message = pushed(&json!({ "data": data }));
        assert_error(message, "message.data: must be base64");
    }
}

#[test]
fn data_may_be_any_bytes() {
    let message = pushed(&json!({ "data": "AP/+gA==" })).unwrap();
    assert_eq!(message.data, [0, 0xff, 0xfe, 0x80]);
}

#[test]
fn unwrapped_pushes_are_recognized_and_named() {
    for (body, missing) in [
        (json!({}), "message"),
        (json!({ "task_id": "canary", "userdata": "" }), "message"),
        (
            json!({ "message": null, "subscription": SUBSCRIPTION }),
            "message",
        ),
        (json!({ "message": {} }), "subscription"),
        (json!({ "message": {}, "subscription": "" }), "subscription"),
    ] {
        let error = push(&body).unwrap_err();
        assert!(matches!(error, MessageError::NotWrapped(it) if it == missing));
        assert!(error.to_string().contains("payload unwrapping"), "{error}");
    }
    // Data that is no JSON at all.
    assert_error(
        PubsubMessage::from_push(b"canary \xff"),
        "payload unwrapping",
    );
}

#[test]
fn fields_of_the_wrong_kind_are_named_and_not_quoted() {
    for (message, part) in [
        (json!("canary"), "message: must be an object"),
        (json!(["canary"]), "message: must be an object"),
        (json!({ "data": 1 }), "message.data: must be a text"),
        (
            json!({ "attributes": "canary" }),
            "message.attributes: must be",
        ),
        (
            json!({ "attributes": ["canary"] }),
            "message.attributes: must be",
        ),
        (
            json!({ "attributes": { "canary": 1 } }),
            "all values must be texts",
        ),
        (
            json!({ "attributes": { "a": ["canary"] } }),
            "all values must be texts",
        ),
        (
            json!({ "attributes": { "a": null } }),
            "all values must be texts",
        ),
        (
            json!({ "messageId": { "canary": 1 } }),
            "message.messageId: must",
        ),
        (
            json!({ "publish_time": -1 }),
            "message.publishTime: must be a text",
        ),
        (
            json!({ "ordering_key": 1.5 }),
            "message.orderingKey: must be a text",
        ),
    ] {
        assert_error(pushed(&message), part);
    }
    for attempt in [json!(-1), json!(4_294_967_296_u64), json!("1"), json!(true)] {
        let body =
            json!({ "message": {}, "subscription": SUBSCRIPTION, "deliveryAttempt": attempt });
        assert_error(push(&body), "deliveryAttempt: must be");
    }
    for body in [
        json!(null),
        json!("canary"),
        json!([{}, "canary"]),
        json!(1),
    ] {
        assert_error(push(&body), "the body: must be an object");
    }
}

#[test]
fn keys_that_occur_twice_are_refused() {
    for body in [
        r#"{"message":{},"message":{},"subscription":"s"}"#,
        r#"{"message":{},"subscription":"s","subscription":"canary"}"#,
        r#"{"message":{"messageId":"1","messageId":"2"},"subscription":"s"}"#,
        r#"{"message":{"attributes":{"a":"b"},"attributes":{"a":"b"}},"subscription":"s"}"#,
    ] {
        let message = PubsubMessage::from_push(body.as_bytes());
        assert!(
            matches!(message, Err(MessageError::NotJson(_))),
            "{message:?}"
        );
        assert_error(message, "not the JSON");
    }
    let body = r#"{"message":{"attributes":{"a":"canary","a":"b","c":{}}},"subscription":"s"}"#;
    let message = PubsubMessage::from_push(body.as_bytes());
    assert_error(message, "message.attributes: a key occurs twice");
    // Not if nobody reads them.
    let body = r#"{"a":1,"a":2,"message":{"a":1,"a":2},"subscription":"s"}"#;
    PubsubMessage::from_push(body.as_bytes()).unwrap();
}

#[test]
fn texts_that_are_no_json_are_refused() {
    let deep = format!("{{\"x\":{}", "[".repeat(100_000));
    for body in [
        "",
        " ",
        "canary",
        "{",
        r#"{"message":{},"subscription":"s"}x"#,
        r#"{"message":{"data":"\ud800"},"subscription":"s"}"#,
        "{\"message\":{\"data\":\"\n\"},\"subscription\":\"s\"}",
        &deep,
    ] {
        assert_error(PubsubMessage::from_push(body.as_bytes()), "not the JSON");
    }
    let not_utf8 = b"{\"message\":{\"data\":\"\xff\"},\"subscription\":\"s\"}";
    assert_error(PubsubMessage::from_push(not_utf8), "not the JSON");
}

#[test]
fn there_is_an_end_to_the_number_of_attributes() {
    let attributes = |count: usize| {
        let attributes: BTreeMap<_, _> = (0..count).map(|it| (it.to_string(), "v")).collect();
        pushed(&json!({ "attributes": attributes }))
    };
    assert_eq!(
        attributes(MOST_ATTRIBUTES).unwrap().attributes.len(),
        MOST_ATTRIBUTES
    );
    assert_error(
        attributes(MOST_ATTRIBUTES + 1),
        "message.attributes: there are more than 100",
    );
}

#[test]
fn escapes_are_resolved() {
    let body =
        r#"{"subscription":"a\/b","message":{"data":"\u0041AA=","attributes":{"\u0061":"\n"}}}"#;
    let message = PubsubMessage::from_push(body.as_bytes()).unwrap();
    assert_eq!(
        (&*message.subscription, &*message.data),
        ("a/b", &[0, 0][..])
    );
    assert_eq!(message.attributes["a"], "\n");
}

#[test]
fn debug_shows_no_values() {
    let message = pushed(&json!({ "data": "Y2FuYXJ5", "attributes": { "auth_token": "canary" } }));
    let shown = format!("{:?}", message.unwrap());
    assert!(shown.contains("auth_token") && !shown.contains("canary"));
    let bytes = format!("{:?}", b"canary");
    assert!(!shown.contains(&bytes));
}

#[test]
fn a_pull_gives_each_message_with_its_own_fate() {
    let body = json!({ "receivedMessages": [
        { "ackId": "1", "message": { "data": "AAA=", "messageId": "7" }, "deliveryAttempt": 2 },
        { "ackId": "2", "message": { "data": "!" } },
        { "ackId": "3", "message": "canary" },
        { "ackId": "4" },
        { "ackId": "5", "message": { "attributes": { "canary": 1 } } },
    ] });
    let pulled = PubsubMessage::from_pull(SUBSCRIPTION, body.to_string().as_bytes()).unwrap();
    let ids: Vec<&str> = pulled.iter().map(|it| &*it.ack_id).collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5"]);
    let first = pulled[0].message.as_ref().unwrap();
    assert_eq!(
        (&*first.subscription, &*first.data),
        (SUBSCRIPTION, &[0, 0][..])
    );
    assert_eq!(first.delivery_attempt, Some(2));
    assert_error(pulled[1].message.clone(), "message.data");
    assert_error(pulled[2].message.clone(), "message: must be an object");
    assert!(pulled[3].message.as_ref().unwrap().data.is_empty());
    assert_error(pulled[4].message.clone(), "message.attributes: all values");

    for empty in [
        "{}",
        r#"{"receivedMessages":[]}"#,
        r#"{"receivedMessages":null}"#,
    ] {
        let pulled = PubsubMessage::from_pull(SUBSCRIPTION, empty.as_bytes());
        assert_eq!(pulled, Ok(Vec::new()), "{empty}");
    }
    for (body, part) in [
        ("[]", "the body: must be an object"),
        ("", "not the JSON"),
        (
            r#"{"receivedMessages":[null]}"#,
            "receivedMessages: must be",
        ),
        (
            r#"{"receivedMessages":[{"message":{}}]}"#,
            "ackId: is missing",
        ),
        (
            r#"{"receivedMessages":[{"ackId":1}]}"#,
            "ackId: must be a text",
        ),
    ] {
        assert_error(
            PubsubMessage::from_pull(SUBSCRIPTION, body.as_bytes()),
            part,
        );
    }
}
