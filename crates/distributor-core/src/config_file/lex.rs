//! Tokens of the protobuf text format, only as fine as finding the ends of fields needs.
//!
//! It never fails and never looks inside a value: whether a number or an escape is legal is
//! decided by the real parser, on the text of one field.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name or a number.
    Word,
    /// A string with its quotes.
    Text,
    /// A string whose closing quote is missing; it ends with its line.
    UnclosedText,
    /// Any other single character, its first byte.
    Punctuation(u8),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Range<usize>,
}

pub(super) struct Lexer<'t> {
    text: &'t str,
    offset: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Lexer { text, offset: 0 }
    }

    fn byte(&self, offset: usize) -> Option<u8> {
        self.text.as_bytes().get(offset).copied()
    }

    fn skip_blanks_and_comments(&mut self) {
        while let Some(byte) = self.byte(self.offset) {
            match byte {
                b'#' => self.offset = self.end_of_line(),
                byte if byte.is_ascii_whitespace() || byte == 0x0b => self.offset += 1,
                _ => return,
            }
        }
    }

    fn end_of_line(&self) -> usize {
        let rest = &self.text[self.offset..];
        rest.find('\n')
            .map_or(self.text.len(), |length| self.offset + length)
    }

    fn word_end(&self) -> usize {
        let start = self.offset;
        let number = matches!(self.byte(start), Some(b'0'..=b'9' | b'.'));
        let hexadecimal = matches!(self.byte(start + 1), Some(b'x' | b'X'));
        let mut end = start;
        while let Some(byte) = self.byte(end) {
            let exponent_sign = matches!(byte, b'+' | b'-')
                && number
                && !hexadecimal
                && matches!(self.text.as_bytes()[end - 1], b'e' | b'E');
            if !is_word(byte) && !exponent_sign {
                break;
            }
            end += 1;
        }
        end
    }

    fn text_end(&self, quote: u8) -> (TokenKind, usize) {
        let mut end = self.offset + 1;
        while let Some(byte) = self.byte(end) {
            match byte {
                b'\n' => return (TokenKind::UnclosedText, end),
                b'\\' if self.byte(end + 1).is_some_and(|next| next != b'\n') => end += 2,
                byte if byte == quote => return (TokenKind::Text, end + 1),
                _ => end += 1,
            }
        }
        (TokenKind::UnclosedText, self.text.len())
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_blanks_and_comments();
        let start = self.offset;
        let (kind, end) = match self.byte(start)? {
            quote @ (b'"' | b'\'') => self.text_end(quote),
            byte if is_word(byte) => (TokenKind::Word, self.word_end()),
            byte => {
                let length = self.text[start..].chars().next().map_or(1, char::len_utf8);
                (TokenKind::Punctuation(byte), start + length)
            }
        };
        self.offset = end;
        Some(Token {
            kind,
            span: start..end,
        })
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<_> = Lexer::new(text).map(|token| &text[token.span]).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn words_strings_and_comments() {
        check(
            "a { b: 1.5e-3 } # { \"",
            &["a", "{", "b", ":", "1.5e-3", "}"],
        );
        check("s: '}\\'\\\\' \"x\"", &["s", ":", "'}\\'\\\\'", "\"x\""]);
        check(
            "x: -5; y: 0xe-1",
            &["x", ":", "-", "5", ";", "y", ":", "0xe", "-", "1"],
        );
        check("é: «", &["é", ":", "«"]);
    }

    #[test]
    fn an_unclosed_string_ends_with_its_line() {
        check("a: \"b\nc: 'd\\", &["a", ":", "\"b", "c", ":", "'d\\"]);
        let kinds: Vec<_> = Lexer::new("\"b\\\n'").map(|token| token.kind).collect();
        assert_eq!(kinds, [TokenKind::UnclosedText; 2]);
    }
}
