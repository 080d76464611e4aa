//! Proto JSON of this crate's messages, in and out.
//!
//! Strict: an unknown field is an error. The same message always gives the same text, fields in the
//! order of their numbers and defaults left out, because the text is a part of a quest's identity.

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

use crate::generated::DESCRIPTOR_SET;

/// The descriptors that are compiled in; `None` only if the build is broken.
static DESCRIPTORS: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTOR_SET).ok());

/// The message that a text stands for. Nesting is bounded by the parsers on the way.
///
/// # Errors
/// What is wrong with the text, with line and column where the parser knows them.
pub(crate) fn read<M: Message + Name + Default>(text: &str) -> Result<M, String> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let message = DynamicMessage::deserialize(descriptor::<M>()?, &mut parser)
        .and_then(|message| parser.end().map(|()| message))
        .map_err(|error| error.to_string())?;
    message.transcode_to().map_err(|error| error.to_string())
}

/// The one text of a message.
///
/// # Errors
/// A duration or a point in time is out of the range that has a text.
pub(crate) fn write<M: Message + Name>(message: &M) -> Result<String, String> {
    let mut dynamic = DynamicMessage::new(descriptor::<M>()?);
    dynamic
        .transcode_from(message)
        .map_err(|error| error.to_string())?;
    serde_json::to_string(&dynamic).map_err(|error| error.to_string())
}

fn descriptor<M: Name>() -> Result<MessageDescriptor, String> {
    let name = M::full_name();
    let pool = DESCRIPTORS.as_ref();
    pool.and_then(|pool| pool.get_message_by_name(&name))
        .ok_or_else(|| format!("{name} has no descriptor in this build"))
}
