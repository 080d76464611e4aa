//! What Google Pub/Sub sends: the body of a push, and what a pull answers with (`pubsub.md`, sections 1
//! and 7).
//!
//! It takes every form that Google, its client libraries and emulators write: both spellings of a key,
//! alone or together, keys that it does not know, data and attributes that are missing or null, base64
//! in either alphabet, padded or not. It refuses what could be read in two ways, and to guess.

mod json;
mod parse;

use std::collections::BTreeMap;
use std::fmt;

/// One message, as it was published.
#[derive(Clone, PartialEq, Eq)]
pub struct PubsubMessage {
    /// The subscription that it came through, `projects/P/subscriptions/S`.
    pub subscription: String,
    /// Arbitrary bytes; empty if only attributes were published.
    pub data: Vec<u8>,
    /// At most 100.
    pub attributes: BTreeMap<String, String>,
    /// The same for each delivery of a message. Not of a message that was published twice.
    pub message_id: Option<String>,
    /// When it was published, RFC 3339, as the sender has written it.
    pub publish_time: Option<String>,
    /// Only if it was published with one.
    pub ordering_key: Option<String>,
    /// How often it was sent, from 1; only if the subscription has a dead-letter policy.
    pub delivery_attempt: Option<u32>,
}

/// One message of a pull's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// What to acknowledge it with.
    pub ack_id: String,
    /// One that is malformed does not keep the others from being read.
    pub message: Result<PubsubMessage, MessageError>,
}

/// Why bytes are no message. Never quotes them: they may hold a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The text is no JSON, or a key that must be unique occurs twice.
    #[error(
        "the body is not the JSON that Pub/Sub sends: {0}; if the subscription has payload unwrapping, \
         turn it off"
    )]
    NotJson(String),
    /// It is JSON, but not a message in its wrapping.
    #[error(
        "{0}: is missing, so this is not a wrapped Pub/Sub message; turn payload unwrapping of the \
         subscription off: without the wrapping the attribute `auth_token` is lost on the way"
    )]
    NotWrapped(&'static str),
    /// No message is so large.
    #[error("the body is larger than {most} bytes, which no message of Pub/Sub is")]
    TooLarge {
        /// How large it may be.
        most: usize,
    },
    /// A field is not what it should be.
    #[error("{field}: {problem}")]
    Invalid {
        /// Its path.
        field: &'static str,
        /// What it must be.
        problem: &'static str,
    },
}

impl PubsubMessage {
    /// Takes the body of a push apart.
    ///
    /// # Errors
    /// Sending it again will not help.
    pub fn from_push(body: &[u8]) -> Result<Self, MessageError> {
        parse::push(body)
    }

    /// Takes the answer of a pull from `subscription` apart. `{}` is an answer without messages.
    ///
    /// # Errors
    /// If the answer itself is malformed, or a message has nothing to be acknowledged with.
    pub fn from_pull(subscription: &str, body: &[u8]) -> Result<Vec<Pulled>, MessageError> {
        parse::pull(subscription, body)
    }
}

impl fmt::Debug for PubsubMessage {
    /// Neither the data nor the values of attributes: one of them is a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.attributes.keys().collect();
        f.debug_struct("PubsubMessage")
            .field("subscription", &self.subscription)
            .field("message_id", &self.message_id)
            .field("data_bytes", &self.data.len())
            .field("attributes", &names)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
