//! The answers of the API, as far as `distributor_api::notify` does not know them.

use distributor_api::notify::{MessageError, PubsubMessage, Pulled};

use crate::error::CallError;
use crate::subscription::Subscription;

/// The messages in the answer of a pull; `{}` has none.
pub(crate) fn pulled(subscription: &Subscription, body: &[u8]) -> Result<Vec<Pulled>, CallError> {
    let garbled = |error: MessageError| CallError::Garbled(error.to_string());
    PubsubMessage::from_pull(subscription.as_str(), body).map_err(garbled)
}

/// An answer that says nothing but that it was done: an object, empty for now.
pub(crate) fn done(body: &[u8]) -> Result<(), CallError> {
    let object: Result<serde_json::Map<String, serde_json::Value>, _> =
        serde_json::from_slice(body);
    match object {
        Ok(_) => Ok(()),
        Err(_) => Err(CallError::Garbled("it is no JSON object".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_garbled_answer_is_an_error_that_does_not_quote_it() {
        let subscription: Subscription = "projects/p/subscriptions/s".parse().unwrap();
        for body in ["", "canary", "[]", "{\"receivedMessages\": [{\"canary\": 1"] {
            for error in [
                pulled(&subscription, body.as_bytes()).err(),
                done(body.as_bytes()).err(),
            ] {
                let shown = format!("{error:?}");
                assert!(matches!(error, Some(CallError::Garbled(_))), "{shown}");
                assert!(!shown.contains("canary"), "{shown}");
            }
        }
        assert!(pulled(&subscription, b"{}").unwrap().is_empty());
        assert!(done(b"{}").is_ok());
    }
}
