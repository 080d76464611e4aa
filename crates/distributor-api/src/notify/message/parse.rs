//! From JSON to messages. Nothing here quotes what it reads.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::json::{Attributes, Object, Scalar};
use super::{MessageError, PubsubMessage, Pulled};

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

const NOT_AN_OBJECT: &str = "must be an object";
const NOT_A_TEXT: &str = "must be a text";

#[derive(Debug, Default, Deserialize)]
struct Push<'a> {
    #[serde(default, borrow)]
    subscription: Scalar<'a>,
    #[serde(default, borrow)]
    message: Object<Message<'a>>,
    #[serde(default, borrow, rename = "deliveryAttempt")]
    delivery_attempt: Scalar<'a>,
}

/// Both spellings are fields of their own, because some senders write both into one object.
#[derive(Debug, Default, Deserialize)]
struct Message<'a> {
    #[serde(default, borrow)]
    data: Scalar<'a>,
    #[serde(default)]
    attributes: Object<Attributes>,
    #[serde(default, borrow, rename = "messageId")]
    message_id: Scalar<'a>,
    #[serde(default, borrow, rename = "message_id")]
    message_id_too: Scalar<'a>,
    #[serde(default, borrow, rename = "publishTime")]
    publish_time: Scalar<'a>,
    #[serde(default, borrow, rename = "publish_time")]
    publish_time_too: Scalar<'a>,
    #[serde(default, borrow, rename = "orderingKey")]
    ordering_key: Scalar<'a>,
    #[serde(default, borrow, rename = "ordering_key")]
    ordering_key_too: Scalar<'a>,
}

#[derive(Debug, Default, Deserialize)]
struct Pull<'a> {
    #[serde(default, borrow, rename = "receivedMessages")]
    received: Option<Vec<Object<Received<'a>>>>,
}

#[derive(Debug, Default, Deserialize)]
struct Received<'a> {
    #[serde(default, borrow, rename = "ackId")]
    ack_id: Scalar<'a>,
    #[serde(default, borrow)]
    message: Object<Message<'a>>,
    #[serde(default, borrow, rename = "deliveryAttempt")]
    delivery_attempt: Scalar<'a>,
}

pub(super) fn push(body: &[u8]) -> Result<PubsubMessage, MessageError> {
    let push = match read::<Object<Push<'_>>>(body)? {
        Object::Present(push) => push,
        Object::Absent | Object::Other => return Err(invalid("the body", NOT_AN_OBJECT)),
    };
    let message = match push.message {
        Object::Present(message) => message,
        Object::Absent => return Err(MessageError::NotWrapped("message")),
        Object::Other => return Err(invalid("message", NOT_AN_OBJECT)),
    };
    let subscription = text("subscription", push.subscription)?;
    let subscription = subscription.filter(|it| !it.is_empty());
    let subscription = subscription.ok_or(MessageError::NotWrapped("subscription"))?;
    message.complete(subscription.into_owned(), push.delivery_attempt)
}

pub(super) fn pull(subscription: &str, body: &[u8]) -> Result<Vec<Pulled>, MessageError> {
    let pull: Object<Pull<'_>> = serde_json::from_slice(body).map_err(|error| {
        // Unlike those of `read` it could quote a value of the wrong kind.
        match error.is_data() {
            true => NOT_A_LIST,
            false => MessageError::NotJson(error.to_string()),
        }
    })?;
    let Object::Present(pull) = pull else {
        return Err(invalid("the body", NOT_AN_OBJECT));
    };
    let received = pull.received.unwrap_or_default();
    received
        .into_iter()
        .map(|received| received_message(subscription, received))
        .collect()
}

fn received_message(
    subscription: &str,
    received: Object<Received<'_>>,
) -> Result<Pulled, MessageError> {
    let Object::Present(received) = received else {
        return Err(NOT_A_LIST);
    };
    let ack_id = text("ackId", received.ack_id)?.ok_or(invalid("ackId", "is missing"))?;
    let message = match received.message {
        Object::Present(message) => message,
        // A message may have neither data nor anything else.
        Object::Absent => Message::default(),
        Object::Other => {
            let message = Err(invalid("message", NOT_AN_OBJECT));
            let ack_id = ack_id.into_owned();
            return Ok(Pulled { ack_id, message });
        }
    };
    Ok(Pulled {
        ack_id: ack_id.into_owned(),
        message: message.complete(subscription.to_owned(), received.delivery_attempt),
    })
}

impl Message<'_> {
    fn complete(
        self,
        subscription: String,
        delivery_attempt: Scalar<'_>,
    ) -> Result<PubsubMessage, MessageError> {
        let data = text("message.data", self.data)?.unwrap_or_default();
        let attributes = match self.attributes {
            Object::Absent => Ok(BTreeMap::new()),
            Object::Present(Attributes(attributes)) => attributes,
            Object::Other => Err(NOT_AN_OBJECT),
        };
        let attributes = attributes.map_err(|problem| invalid("message.attributes", problem))?;
        let delivery_attempt = match delivery_attempt {
            Scalar::Absent => None,
            Scalar::Whole(number) => u32::try_from(number).ok().map(Some).ok_or(TOO_LARGE)?,
            Scalar::Text(_) | Scalar::Other => return Err(NOT_A_NUMBER),
        };
        Ok(PubsubMessage {
            subscription,
            data: decode(&data)?,
            attributes,
            message_id: either("message.messageId", self.message_id, self.message_id_too)?,
            publish_time: either(
                "message.publishTime",
                self.publish_time,
                self.publish_time_too,
            )?,
            ordering_key: either(
                "message.orderingKey",
                self.ordering_key,
                self.ordering_key_too,
            )?,
            delivery_attempt,
        })
    }
}

const NOT_A_LIST: MessageError = invalid(
    "receivedMessages",
    "must be a list of objects, none with a key twice",
);
const NOT_A_NUMBER: MessageError = invalid("deliveryAttempt", "must be a whole number from 0");
const TOO_LARGE: MessageError = invalid("deliveryAttempt", "must be at most 4294967295");

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, MessageError> {
    // What it says is about syntax, or was written here: values of the wrong kind are no error for it.
    serde_json::from_slice(body).map_err(|error| MessageError::NotJson(error.to_string()))
}

/// The value under either spelling; of two the first, which all new senders write.
fn either(
    field: &'static str,
    first: Scalar<'_>,
    second: Scalar<'_>,
) -> Result<Option<String>, MessageError> {
    let first = text(field, first)?;
    let second = text(field, second)?;
    Ok(first.or(second).map(Cow::into_owned))
}

fn text<'a>(field: &'static str, value: Scalar<'a>) -> Result<Option<Cow<'a, str>>, MessageError> {
    match value {
        Scalar::Absent => Ok(None),
        Scalar::Text(text) => Ok(Some(text)),
        Scalar::Whole(_) | Scalar::Other => Err(invalid(field, NOT_A_TEXT)),
    }
}

fn decode(data: &str) -> Result<Vec<u8>, MessageError> {
    let is_url_safe = data.bytes().any(|it| matches!(it, b'-' | b'_'));
    let engine = if is_url_safe { URL_SAFE } else { STANDARD };
    let bytes = engine.decode(data);
    bytes.map_err(|_| invalid("message.data", "must be base64"))
}

const fn invalid(field: &'static str, problem: &'static str) -> MessageError {
    MessageError::Invalid { field, problem }
}
