//! The answers of the API. It refuses to look into a message: whoever handles it does.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::CallError;

/// A message that was pulled.
#[derive(Debug)]
pub struct Received {
    /// By what it is acknowledged: one for each delivery.
    pub ack_id: String,
    /// The message as JSON, with `data`, `attributes`, `messageId` and `publishTime`. As it came: one
    /// that is damaged must not keep the others from being handled.
    pub message: Box<RawValue>,
}

/// The messages in the answer of a pull; `{}` has none.
pub(crate) fn parse(body: &[u8]) -> Result<Vec<Received>, CallError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        received_messages: Option<Vec<Item>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Item {
        ack_id: String,
        message: Box<RawValue>,
    }
    must_be_object(body)?;
    let answer: Answer = serde_json::from_slice(body).map_err(garbled)?;
    let items = answer.received_messages.unwrap_or_default().into_iter();
    let received = items.map(|Item { ack_id, message }| Received { ack_id, message });
    Ok(received.collect())
}

/// An answer that says nothing but that it was done: an object, empty for now.
pub(crate) fn parse_empty(body: &[u8]) -> Result<(), CallError> {
    must_be_object(body)?;
    let _object: serde::de::IgnoredAny = serde_json::from_slice(body).map_err(garbled)?;
    Ok(())
}

/// A list would be taken for a structure without names.
fn must_be_object(body: &[u8]) -> Result<(), CallError> {
    match body.trim_ascii_start().first() {
        Some(b'{') => Ok(()),
        _ => Err(CallError::Garbled("it is no JSON object".to_owned())),
    }
}

/// Where it is damaged, without what it says: messages hold tokens.
fn garbled(error: serde_json::Error) -> CallError {
    let kind = match error.classify() {
        serde_json::error::Category::Io | serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax => "it is no JSON",
        serde_json::error::Category::Data => "a field is missing or of another type",
    };
    let (line, column) = (error.line(), error.column());
    CallError::Garbled(format!("{kind} (line {line}, column {column})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_may_have_no_messages() {
        for body in ["{}", " {\"receivedMessages\": []}", "{\"receivedMessages\":null}"] {
            assert!(parse(body.as_bytes()).unwrap().is_empty(), "{body}");
        }
    }

    #[test]
    fn a_message_is_kept_as_it_came_whatever_it_is() {
        let body = r#"{"receivedMessages": [
            {"ackId": "a", "message": {"data": "eA==", "messageId": "1", "message_id": "1"}, "deliveryAttempt": 2},
            {"ackId": "b", "message": [1]}]}"#;
        let received = parse(body.as_bytes()).unwrap();
        let ids: Vec<&str> = received.iter().map(|it| it.ack_id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(received[1].message.get(), "[1]");
        assert!(received[0].message.get().contains("\"message_id\": \"1\""));
    }

    #[test]
    fn a_garbled_answer_is_an_error_that_does_not_quote_it() {
        for body in [
            "",
            "canary",
            "[]",
            "null",
            "{\"receivedMessages\": \"canary\"}",
            "{\"receivedMessages\": [{\"message\": {\"canary\": 1}}]}",
            "{\"receivedMessages\": [{\"ackId\": \"canary\", ",
        ] {
            let error = parse(body.as_bytes()).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(matches!(error, CallError::Garbled(_)), "{shown}");
            assert!(!shown.contains("canary"), "{shown}");
        }
        assert!(parse_empty(b"{}").is_ok());
        assert!(parse_empty(b"").is_err());
        assert!(parse_empty(b"{").is_err());
    }
}
