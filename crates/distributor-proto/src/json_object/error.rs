//! What is wrong with a text that is not a JSON object, and where.

use std::fmt;

use crate::position::Position;

/// A text is not one JSON object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at {position}")]
pub struct JsonObjectError {
    /// What is wrong.
    pub problem: JsonProblem,
    /// Where.
    pub position: Position,
}

/// What can be wrong with the text of a JSON object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonProblem {
    /// There is nothing but whitespace.
    #[error("expected a JSON object, found nothing: write {{}} for an empty object")]
    Empty,
    /// There is a value that is not an object.
    #[error("expected a JSON object, found {0}: put it into an object")]
    NotAnObject(&'static str),
    /// The text ends within the object.
    #[error("unexpected end of JSON input: expected {0}")]
    UnexpectedEnd(&'static str),
    /// Something else was expected here.
    #[error("invalid character {found}: expected {expected}")]
    InvalidCharacter {
        /// The character, printable.
        found: Found,
        /// What was expected.
        expected: &'static str,
    },
    /// There is text after the object.
    #[error("extra junk after the JSON object: remove it")]
    ExtraJunk,
    /// Arrays and objects are nested too deeply.
    #[error("more than {max} levels of nesting", max = super::MAX_NESTING)]
    TooDeep,
}

/// A byte or character of the text, shown so that people can see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A character.
    Character(char),
    /// A byte that is not part of a character.
    Byte(u8),
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Character(character) => write!(formatter, "{character:?}"),
            Found::Byte(byte) => write!(formatter, "0x{byte:02x}"),
        }
    }
}
