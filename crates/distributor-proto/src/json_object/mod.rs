//! The normal form of JSON objects: equal objects have equal text.
//!
//! Parameters and results are JSON objects whose text is hashed and stored, so
//! their text has one form: no whitespace, sorted keys, the last of duplicate
//! keys, numbers as they were written, strings in their shortest safe form.
//!
//! The parser is our own because numbers must survive verbatim, because ids made
//! by the original must stay the same down to every escape, and because neither
//! reading nor writing nor dropping may use the stack for nesting. It refuses to
//! interpret: numbers are text, and nothing but one object is accepted.

mod error;
mod parse;
mod write;

pub use error::{JsonObjectError, JsonProblem};

/// How deeply arrays and objects may be nested, counting the outermost object.
pub const MAX_NESTING: usize = 10_000;

/// The normal form of a JSON object.
///
/// The work is linear in the length of the text, whatever its nesting, except
/// for the sorting of keys.
///
/// # Errors
///
/// The first place at which the text is not one JSON object.
pub fn normalize_object(text: &str) -> Result<String, JsonObjectError> {
    normalize_object_bytes(text.as_bytes())
}

/// The normal form of a JSON object that may not be UTF-8.
///
/// Within strings each byte that is not part of a character becomes U+FFFD;
/// elsewhere it is an error.
///
/// # Errors
///
/// The first place at which the text is not one JSON object.
pub fn normalize_object_bytes(text: &[u8]) -> Result<String, JsonObjectError> {
    let document = parse::parse(text)?;
    Ok(write::write(&document, text.len()))
}

#[cfg(test)]
mod tests;
