//! Proto JSON of this crate's messages, in and out.
//!
//! What a person writes is read strictly: an unknown field, a field or key that is there twice (also in
//! both spellings of its name), and a value of the wrong type are errors that name the place. What this
//! backend has written is read leniently, because another version may have written it.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, Kind, MessageDescriptor, SerializeOptions,
};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_path_to_error::{Deserializer as Located, Path, Segment, Track};

use crate::generated::DESCRIPTOR_SET;

/// The descriptors that are compiled in; `None` only if the build is broken.
static DESCRIPTORS: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTOR_SET).ok());

/// The message that a person has written.
///
/// # Errors
/// The first thing that is wrong with the text, with the path of the field in front if there is one.
pub(crate) fn read_strictly<M: Message + Name + Default>(text: &str) -> Result<M, String> {
    let descriptor = descriptor::<M>()?;
    located(text, |from| {
        Unique(&Kind::Message(descriptor.clone())).deserialize(from)
    })?;
    let message = located(text, |from| {
        DynamicMessage::deserialize_with_options(descriptor, from, &DeserializeOptions::new())
    })?;
    message.transcode_to().map_err(|error| error.to_string())
}

/// The message that this backend has written, in this version or in another.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn read_leniently<M: Message + Name + Default>(text: &str) -> Result<M, String> {
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let mut parser = serde_json::Deserializer::from_str(text);
    let message =
        DynamicMessage::deserialize_with_options(descriptor::<M>()?, &mut parser, &options)
            .and_then(|message| parser.end().map(|()| message))
            .map_err(|error| error.to_string())?;
    message.transcode_to().map_err(|error| error.to_string())
}

/// The one text of a message: names as in the proto file, defaults left out, everything sorted.
///
/// # Errors
/// The build is broken.
pub(crate) fn write<M: Message + Name>(message: &M) -> Result<String, String> {
    let mut dynamic = DynamicMessage::new(descriptor::<M>()?);
    dynamic
        .transcode_from(message)
        .map_err(|error| error.to_string())?;
    let options = SerializeOptions::new().use_proto_field_name(true);
    // Maps of a dynamic message have no order; those of a value do.
    dynamic
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map(|value| value.to_string())
        .map_err(|error| error.to_string())
}

fn descriptor<M: Name>() -> Result<MessageDescriptor, String> {
    let name = M::full_name();
    let pool = DESCRIPTORS.as_ref();
    pool.and_then(|pool| pool.get_message_by_name(&name))
        .ok_or_else(|| format!("{name} has no descriptor in this build"))
}

/// Reads one value and nothing after it, and puts the place of an error in front of it.
fn located<T>(
    text: &str,
    read: impl FnOnce(
        Located<'_, '_, &mut serde_json::Deserializer<serde_json::de::StrRead<'_>>>,
    ) -> Result<T, serde_json::Error>,
) -> Result<T, String> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let mut track = Track::new();
    let value = read(Located::new(&mut parser, &mut track));
    let value = value.map_err(|error| match place(&track.path()) {
        place if place.is_empty() => problem(&error),
        place => format!("{place}: {}", problem(&error)),
    })?;
    parser.end().map_err(|error| error.to_string())?;
    Ok(value)
}

/// What is wrong. The line is told only if the text is no JSON at all: otherwise the text is one long line
/// by now, and not what the person has written.
fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&position) {
        Some(bare) if error.is_data() => bare.to_owned(),
        _ => text,
    }
}

/// As in `job.command[1]`.
fn place(path: &Path) -> String {
    let mut place = String::new();
    for segment in path {
        let dot = if place.is_empty() { "" } else { "." };
        // Writing to a string cannot fail.
        let _infallible = match segment {
            Segment::Seq { index } => write!(place, "[{index}]"),
            Segment::Map { key } => write!(place, "{dot}{key}"),
            Segment::Enum { variant } => write!(place, "{dot}{variant}"),
            // The text ends in the middle of a name.
            Segment::Unknown => Ok(()),
        };
    }
    place
}

/// Walks a value of this kind and refuses what is there twice; all else is left to the real reader.
struct Unique<'a>(&'a Kind);

impl<'de> DeserializeSeed<'de> for Unique<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        match self.0 {
            Kind::Message(message) if !message.full_name().starts_with("google.protobuf.") => {
                from.deserialize_any(self)
            }
            _ => from.deserialize_any(IgnoredAny).map(drop),
        }
    }
}

impl<'de> Visitor<'de> for Unique<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Unique(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let (name, kind) = match self.0.as_message() {
                Some(message) if message.is_map_entry() => {
                    (key.clone(), Some(message.map_entry_value_field().kind()))
                }
                Some(message) => {
                    let field = message.get_field_by_json_name(&key);
                    match field.or_else(|| message.get_field_by_name(&key)) {
                        Some(field) => (field.name().to_owned(), Some(field.kind())),
                        None => (key.clone(), None),
                    }
                }
                None => (key.clone(), None),
            };
            if !seen.insert(name) {
                return Err(A::Error::custom(format_args!("`{key}` is there twice")));
            }
            match kind {
                Some(kind) => map.next_value_seed(Unique(&kind))?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}
