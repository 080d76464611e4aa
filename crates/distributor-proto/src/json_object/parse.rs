//! Reading: from text to a flat document.

use std::collections::BTreeMap;

use super::MAX_NESTING;
use super::error::{Found, JsonObjectError, JsonProblem};
use super::write::push_string;
use crate::position::Position;

/// A value of the document. Arrays and objects hold indexes, so that nesting
/// costs no stack, not even when the document is dropped.
#[derive(Debug)]
pub(super) enum Node {
    /// A number, string or literal in its final form.
    Scalar(String),
    Array(Vec<usize>),
    /// By the key's characters, in the order of their UTF-8 bytes.
    Object(BTreeMap<String, usize>),
}

/// A parsed text.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) nodes: Vec<Node>,
    /// The outermost object.
    pub(super) root: usize,
}

/// An array or object whose end has not been seen.
enum Open {
    Array(Vec<usize>),
    Object {
        members: BTreeMap<String, usize>,
        /// The key whose value comes next.
        key: String,
    },
}

/// What comes after a value within an array or object.
enum Step {
    ValueFollows(Open),
    Closed(Node),
}

/// Reads exactly one object.
pub(super) fn parse(text: &[u8]) -> Result<Document, JsonObjectError> {
    let mut parser = Parser {
        text,
        position: 0,
        nodes: Vec::new(),
    };
    parser.expect_object()?;
    let root = parser.value()?;
    parser.skip_whitespace();
    if parser.position < text.len() {
        return Err(parser.error(JsonProblem::ExtraJunk));
    }
    Ok(Document {
        nodes: parser.nodes,
        root,
    })
}

struct Parser<'a> {
    text: &'a [u8],
    position: usize,
    nodes: Vec<Node>,
}

impl Parser<'_> {
    /// Skips whitespace, and fails unless an object follows.
    fn expect_object(&mut self) -> Result<(), JsonObjectError> {
        self.skip_whitespace();
        let rest = &self.text[self.position..];
        let found = match rest.first() {
            Some(b'{') => return Ok(()),
            None => return Err(self.error(JsonProblem::Empty)),
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b'-' | b'0'..=b'9') => "a number",
            _ if rest.starts_with(b"null") => "null",
            _ if rest.starts_with(b"true") || rest.starts_with(b"false") => "a truth value",
            _ => return Err(self.unexpected("a JSON object")),
        };
        Err(self.error(JsonProblem::NotAnObject(found)))
    }

    /// Reads one value with all that is in it.
    fn value(&mut self) -> Result<usize, JsonObjectError> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let mut finished = match self.value_or_opening(&mut open)? {
                Some(node) => self.push(node),
                None => continue,
            };
            loop {
                let Some(innermost) = open.pop() else {
                    return Ok(finished);
                };
                match self.continue_or_close(innermost, finished)? {
                    Step::ValueFollows(still_open) => {
                        open.push(still_open);
                        break;
                    }
                    Step::Closed(node) => finished = self.push(node),
                }
            }
        }
    }

    /// Reads a scalar or an empty array or object, or the opening of one that is
    /// not empty, up to where its first value begins.
    fn value_or_opening(&mut self, open: &mut Vec<Open>) -> Result<Option<Node>, JsonObjectError> {
        self.skip_whitespace();
        if matches!(self.peek(), Some(b'{' | b'[')) && open.len() >= MAX_NESTING {
            return Err(self.error(JsonProblem::TooDeep));
        }
        match self.peek() {
            Some(b'{') => {
                self.position += 1;
                self.skip_whitespace();
                if self.take(b'}') {
                    return Ok(Some(Node::Object(BTreeMap::new())));
                }
                let key = self.key("a key or '}'")?;
                open.push(Open::Object {
                    members: BTreeMap::new(),
                    key,
                });
                Ok(None)
            }
            Some(b'[') => {
                self.position += 1;
                self.skip_whitespace();
                if self.take(b']') {
                    return Ok(Some(Node::Array(Vec::new())));
                }
                open.push(Open::Array(Vec::new()));
                Ok(None)
            }
            Some(b'"') => {
                let mut form = String::new();
                push_string(&mut form, &self.string()?);
                Ok(Some(Node::Scalar(form)))
            }
            Some(b'-' | b'0'..=b'9') => Ok(Some(Node::Scalar(self.number()?))),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// Adds a finished value to the array or object around it.
    fn continue_or_close(
        &mut self,
        innermost: Open,
        finished: usize,
    ) -> Result<Step, JsonObjectError> {
        self.skip_whitespace();
        match innermost {
            Open::Array(mut elements) => {
                elements.push(finished);
                if self.take(b',') {
                    Ok(Step::ValueFollows(Open::Array(elements)))
                } else if self.take(b']') {
                    Ok(Step::Closed(Node::Array(elements)))
                } else {
                    Err(self.unexpected("',' or ']'"))
                }
            }
            Open::Object { mut members, key } => {
                members.insert(key, finished);
                if self.take(b',') {
                    self.skip_whitespace();
                    let key = self.key("a key")?;
                    Ok(Step::ValueFollows(Open::Object { members, key }))
                } else if self.take(b'}') {
                    Ok(Step::Closed(Node::Object(members)))
                } else {
                    Err(self.unexpected("',' or '}'"))
                }
            }
        }
    }

    /// Reads a key and the colon after it.
    fn key(&mut self, expected: &'static str) -> Result<String, JsonObjectError> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected(expected));
        }
        let key = self.string()?;
        self.skip_whitespace();
        if self.take(b':') {
            Ok(key)
        } else {
            Err(self.unexpected("':'"))
        }
    }

    fn literal(&mut self, word: &'static str) -> Result<Option<Node>, JsonObjectError> {
        for &byte in word.as_bytes() {
            if !self.take(byte) {
                return Err(self.unexpected(word));
            }
        }
        Ok(Some(Node::Scalar(word.to_owned())))
    }

    fn number(&mut self) -> Result<String, JsonObjectError> {
        let start = self.position;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let number = &self.text[start..self.position];
        Ok(String::from_utf8_lossy(number).into_owned())
    }

    fn digits(&mut self) -> Result<(), JsonObjectError> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected("a digit"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.position += 1;
        }
        Ok(())
    }

    /// Reads a string with its quotes, and gives its characters.
    fn string(&mut self) -> Result<String, JsonObjectError> {
        self.position += 1;
        let mut characters = String::new();
        loop {
            self.plain_characters(&mut characters);
            match self.peek() {
                Some(b'"') => {
                    self.position += 1;
                    return Ok(characters);
                }
                Some(b'\\') => {
                    self.position += 1;
                    characters.push(self.escape()?);
                }
                _ => return Err(self.unexpected("a character of a string or '\"'")),
            }
        }
    }

    /// Reads characters up to a quote, backslash, control character, or the end.
    fn plain_characters(&mut self, characters: &mut String) {
        let rest = &self.text[self.position..];
        let length = rest
            .iter()
            .position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\')
            .unwrap_or(rest.len());
        let mut plain = &rest[..length];
        self.position += length;
        // One replacement character for each bad byte, as the original did;
        // `from_utf8_lossy` makes one of several.
        while let Err(error) = std::str::from_utf8(plain) {
            let (valid, invalid) = plain.split_at(error.valid_up_to());
            characters.push_str(&String::from_utf8_lossy(valid));
            characters.push(char::REPLACEMENT_CHARACTER);
            plain = &invalid[1..];
        }
        characters.push_str(&String::from_utf8_lossy(plain));
    }

    /// Reads what follows a backslash.
    fn escape(&mut self) -> Result<char, JsonObjectError> {
        let character = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.position += 1;
                return self.unicode_escape();
            }
            _ => return Err(self.unexpected("one of \" \\ / b f n r t u")),
        };
        self.position += 1;
        Ok(character)
    }

    /// Reads what follows `\u`, and a second escape if both make one character.
    fn unicode_escape(&mut self) -> Result<char, JsonObjectError> {
        let first = self.four_hex_digits()?;
        if !(0xd800..0xdc00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let after_first = self.position;
        if self.take(b'\\') && self.take(b'u') {
            let second = self.four_hex_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        self.position = after_first;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn four_hex_digits(&mut self) -> Result<u32, JsonObjectError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.unexpected("four hexadecimal digits after \\u"));
            };
            code = code * 16 + digit;
            self.position += 1;
        }
        Ok(code)
    }

    fn push(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }

    /// Steps over `byte` if it comes next.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }

    fn unexpected(&self, expected: &'static str) -> JsonObjectError {
        let rest = &self.text[self.position..];
        let Some(&byte) = rest.first() else {
            return self.error(JsonProblem::UnexpectedEnd(expected));
        };
        // A character has at most four bytes; what follows it does not matter.
        let start = &rest[..rest.len().min(4)];
        let found = start
            .utf8_chunks()
            .next()
            .and_then(|chunk| chunk.valid().chars().next())
            .map_or(Found::Byte(byte), Found::Character);
        self.error(JsonProblem::InvalidCharacter { found, expected })
    }

    fn error(&self, problem: JsonProblem) -> JsonObjectError {
        JsonObjectError {
            problem,
            position: Position::in_text(self.text, self.position),
        }
    }
}
