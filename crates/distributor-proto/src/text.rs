//! Messages as proto JSON and as proto text format.
//!
//! Both work through the descriptors, for every message of [`DESCRIPTOR_SET`]
//! and of nothing else. JSON has lowerCamelCase names (`DNE` stays `DNE`), omits
//! defaults, and is read with either spelling of a name. An unknown field is an
//! error in both, never skipped.

use std::sync::OnceLock;

use miette::Diagnostic as _;
use prost::{Message, Name};
use prost_reflect::text_format::FormatOptions;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};

use crate::DESCRIPTOR_SET;
use crate::position::Position;

/// A message has no text, or a text is not the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// The message is not one of this crate.
    #[error("message {0} is not in the descriptor set")]
    UnknownMessage(String),
    /// The message has a value that cannot be written, such as a duration that
    /// is out of range.
    #[error("message {message} cannot be written: {reason}")]
    Unwritable {
        /// The full name of the message.
        message: String,
        /// Why not.
        reason: String,
    },
    /// The JSON text is not the message. Ends with line and column.
    #[error("malformed {message} in JSON: {source}")]
    Json {
        /// The full name of the message.
        message: String,
        /// What is wrong, and where.
        #[source]
        source: serde_json::Error,
    },
    /// The text in text format is not the message.
    #[error("malformed {message} in text format: {problem} at {position}")]
    Text {
        /// The full name of the message.
        message: String,
        /// What is wrong.
        problem: String,
        /// Where.
        position: Position,
    },
}

/// The descriptors of all messages of this crate and of those they import.
#[must_use]
pub fn descriptor_pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| {
        DescriptorPool::decode(DESCRIPTOR_SET).expect("the embedded descriptor set is valid")
    })
}

/// The message as proto JSON, on one line.
///
/// # Errors
///
/// The message is not one of this crate, or holds a value that has no JSON.
pub fn to_json<M: Message + Name>(message: &M) -> Result<String, TextError> {
    let dynamic = to_dynamic(message)?;
    serde_json::to_string(&dynamic).map_err(|error| unwritable::<M>(&error))
}

/// The message as proto JSON, on one line, with the names of the proto file:
/// what the original service gave to jobs.
///
/// # Errors
///
/// As [`to_json`].
pub fn to_json_with_proto_names<M: Message + Name>(message: &M) -> Result<String, TextError> {
    let options = SerializeOptions::new().use_proto_field_name(true);
    let mut json = Vec::new();
    to_dynamic(message)?
        .serialize_with_options(&mut serde_json::Serializer::new(&mut json), &options)
        .map_err(|error| unwritable::<M>(&error))?;
    String::from_utf8(json).map_err(|error| unwritable::<M>(&error))
}

/// The message of a proto JSON text.
///
/// # Errors
///
/// The message is not one of this crate, or the text is malformed, has an
/// unknown field, or more than one value.
pub fn from_json<M: Message + Name + Default>(text: &str) -> Result<M, TextError> {
    let descriptor = descriptor_of::<M>()?;
    let malformed = |source| TextError::Json {
        message: M::full_name(),
        source,
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let dynamic = DynamicMessage::deserialize(descriptor, &mut deserializer).map_err(malformed)?;
    deserializer.end().map_err(malformed)?;
    from_dynamic(&dynamic)
}

/// The message in text format, one field a line.
///
/// # Errors
///
/// The message is not one of this crate.
pub fn to_text<M: Message + Name>(message: &M) -> Result<String, TextError> {
    let options = FormatOptions::new().pretty(true);
    Ok(to_dynamic(message)?.to_text_format_with_options(&options))
}

/// The message of a text in text format.
///
/// Of two entries of a map with one key the later one wins, silently: a reader
/// for whom that is a mistake has to look for it.
///
/// # Errors
///
/// The message is not one of this crate, or the text is malformed or has an
/// unknown field.
pub fn from_text<M: Message + Name + Default>(text: &str) -> Result<M, TextError> {
    let descriptor = descriptor_of::<M>()?;
    let dynamic = DynamicMessage::parse_text_format(descriptor, text).map_err(|error| {
        // Only the end of the text has no label.
        let offset = error
            .labels()
            .and_then(|mut labels| labels.next())
            .map_or(text.len(), |label| label.offset());
        TextError::Text {
            message: M::full_name(),
            problem: error.to_string(),
            position: Position::in_text(text.as_bytes(), offset),
        }
    })?;
    from_dynamic(&dynamic)
}

fn descriptor_of<M: Name>() -> Result<MessageDescriptor, TextError> {
    let name = M::full_name();
    descriptor_pool()
        .get_message_by_name(&name)
        .ok_or(TextError::UnknownMessage(name))
}

fn to_dynamic<M: Message + Name>(message: &M) -> Result<DynamicMessage, TextError> {
    let mut dynamic = DynamicMessage::new(descriptor_of::<M>()?);
    dynamic
        .transcode_from(message)
        .map_err(|error| unwritable::<M>(&error))?;
    Ok(dynamic)
}

fn from_dynamic<M: Message + Name + Default>(dynamic: &DynamicMessage) -> Result<M, TextError> {
    dynamic
        .transcode_to()
        .map_err(|error| unwritable::<M>(&error))
}

fn unwritable<M: Name>(reason: &dyn std::error::Error) -> TextError {
    TextError::Unwritable {
        message: M::full_name(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests;
