//! How many values an encoded message holds, told without decoding it.
//!
//! Two bytes can become a message of some hundred bytes in memory, so whoever decodes what strangers
//! send limits the values too. Nothing here says if the encoding is right: counting ends where it is not.

use prost::Name;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost_reflect::MessageDescriptor;

use crate::text::descriptor_pool;

/// Messages, strings and packed lists in the binary encoding of an `M`, at any depth. Counts no
/// further than `most`. A message that is not of this crate counts its own fields only.
#[must_use]
pub fn of_binary<M: Name>(bytes: &[u8], most: usize) -> usize {
    let descriptor = descriptor_pool().get_message_by_name(&M::full_name());
    let mut count = 0;
    count_fields(descriptor.as_ref(), bytes, most, &mut count);
    count
}

/// `None` for a text that is malformed, or counted enough.
fn count_fields(
    descriptor: Option<&MessageDescriptor>,
    mut bytes: &[u8],
    most: usize,
    count: &mut usize,
) -> Option<()> {
    while !bytes.is_empty() {
        let (number, wire_type) = decode_key(&mut bytes).ok()?;
        if wire_type != WireType::LengthDelimited {
            skip_field(wire_type, number, &mut bytes, DecodeContext::default()).ok()?;
            continue;
        }
        *count += 1;
        if *count >= most {
            return None;
        }
        let length = usize::try_from(decode_varint(&mut bytes).ok()?).ok()?;
        let (value, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        let kind = descriptor
            .and_then(|it| it.get_field(number))
            .map(|it| it.kind());
        // Deep enough for a stack: no message of this crate holds another one of its own kind.
        if let Some(message) = kind.as_ref().and_then(|it| it.as_message()) {
            count_fields(Some(message), value, most, count)?;
        }
    }
    Some(())
}

/// Values in a JSON text, or a few more.
#[must_use]
pub fn of_json(text: &[u8]) -> usize {
    count_marks(text, b"\"", None)
}

/// Values in a text in text format, or a few more.
#[must_use]
pub fn of_text(text: &[u8]) -> usize {
    count_marks(text, b"\"'", Some(b'#'))
}

/// Counts what a value begins with or follows, outside strings and comments.
fn count_marks(text: &[u8], quotes: &[u8], comment: Option<u8>) -> usize {
    let mut count = 0;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        if quotes.contains(&byte) {
            while let Some(inner) = bytes.next() {
                match inner {
                    b'\\' => drop(bytes.next()),
                    inner if inner == byte => break,
                    _ => {}
                }
            }
        } else if comment == Some(byte) {
            bytes.by_ref().find(|&it| it == b'\n');
        } else if matches!(byte, b'{' | b'[' | b'<' | b',' | b':') {
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests;
