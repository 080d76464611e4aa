//! Reads the fields of a file into a [`Tree`].
//!
//! Reading never fails and never recurses. What does not fit is recorded as a [`Fault`], the
//! fields around it are marked as broken, and reading goes on with the next field.

use std::collections::HashMap;
use std::ops::Range;

use super::lex::{Lexer, Token, TokenKind};
use super::lines::Lines;
use super::tree::{Fault, Node, Tree, Value};
use crate::registry::CONFIG_FIELD;

/// How deep a file may nest; the real parser recurses.
const MAX_DEPTH: usize = 64;

/// After so many problems nobody reads on, and neither do we.
pub(super) const MAX_FAULTS: usize = 100;

impl<'t> Tree<'t> {
    pub(super) fn read(text: &'t str, lines: &Lines<'t>) -> Self {
        let tree = Tree {
            text,
            nodes: Vec::new(),
            roots: Vec::new(),
            faults: Vec::new(),
            keys: HashMap::new(),
        };
        let mut builder = Builder {
            tree,
            lines,
            frames: Vec::new(),
            state: State::Name,
            last: None,
        };
        for token in Lexer::new(text) {
            if builder.tree.faults.len() >= MAX_FAULTS {
                break;
            }
            builder.take(&token);
        }
        builder.close_all(text.len(), "`{}` is never closed");
        builder.tree
    }
}

/// A brace or bracket that is open.
struct Frame {
    offset: usize,
    closer: u8,
    /// None if what is inside is given up, and was reported.
    node: Option<usize>,
}

/// What the innermost frame waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A name, or an element in a list.
    Name,
    /// The `]` of an extension name.
    Extension(usize),
    /// A value, with or without a colon before it.
    Value { node: usize, colon: bool },
    /// The rest of a scalar: strings may be continued, a minus needs its number.
    Scalar { node: usize, last: TokenKind },
    /// Nothing that makes sense: wait for the next separator or brace.
    Lost,
}

struct Builder<'t, 'l> {
    tree: Tree<'t>,
    lines: &'l Lines<'t>,
    frames: Vec<Frame>,
    state: State,
    /// The field that a separator belongs to.
    last: Option<usize>,
}

impl Builder<'_, '_> {
    fn take(&mut self, token: &Token) {
        let text = &self.tree.text[token.span.clone()];
        let start = token.span.start;
        if text == CONFIG_FIELD && (self.frames.is_empty() || self.at_line_start(start)) {
            // Wherever we were, this begins an entry.
            let line = self.lines.line(start);
            let message = format!("`{{}}` is not closed before the next entry on line {line}");
            self.close_all(start, &message);
            self.state = State::Name;
        }
        if self.frames.last().is_some_and(|frame| frame.node.is_none()) {
            return self.skip(token);
        }
        if token.kind == TokenKind::UnclosedText {
            let node = self.awaiting();
            self.fault(node, start, "string is not closed on its line".to_owned());
        }
        if self.in_list() {
            self.take_in_list(token);
        } else {
            self.take_in_message(token);
        }
    }

    fn take_in_message(&mut self, token: &Token) {
        use TokenKind::{Punctuation, Text, UnclosedText, Word};
        let start = token.span.start;
        match (self.state, token.kind) {
            (State::Extension(node), Punctuation(b']')) => {
                self.tree.nodes[node].name.end = token.span.end;
                self.state = State::Value { node, colon: false };
            }
            (State::Extension(_), Word | Punctuation(b'/')) => {}
            (State::Value { node, colon: false }, Punctuation(b':')) => {
                self.state = State::Value { node, colon: true };
            }
            (State::Value { node, .. }, Punctuation(open @ (b'{' | b'<' | b'['))) => {
                self.open(Some(node), open, start);
            }
            (State::Value { node, .. }, Text | UnclosedText | Punctuation(b'-')) => {
                self.scalar(node, token);
            }
            // Without a colon another name rather begins the next field.
            (State::Value { node, colon }, Word) if colon || !self.is_name(token) => {
                self.scalar(node, token);
            }
            (State::Scalar { node, last }, kind) if continues(last, kind) => {
                self.scalar(node, token);
            }
            (_, Punctuation(closer @ (b'}' | b'>' | b']'))) => self.close(closer, start),
            (_, Punctuation(b',' | b';')) => {
                let last = self.last.take().or(match self.state {
                    State::Value { node, .. } => Some(node),
                    _ => None,
                });
                if let Some(last) = last {
                    self.tree.nodes[last].span.end = token.span.end;
                }
                self.state = State::Name;
            }
            (State::Name | State::Value { .. } | State::Scalar { .. }, Word) => {
                let node = self.add(token.span.clone(), token.span.clone());
                self.state = State::Value { node, colon: false };
            }
            (State::Name | State::Scalar { .. }, Punctuation(b'[')) => {
                let node = self.add(token.span.clone(), token.span.clone());
                self.state = State::Extension(node);
            }
            (_, Punctuation(open @ (b'{' | b'<'))) => {
                if self.state != State::Lost {
                    self.lost(token);
                }
                self.open(None, open, start);
            }
            (State::Lost, _) => {}
            _ => self.lost(token),
        }
    }

    fn take_in_list(&mut self, token: &Token) {
        use TokenKind::{Punctuation, Text, UnclosedText, Word};
        let start = token.span.start;
        match (self.state, token.kind) {
            (State::Scalar { node, last }, kind) if continues(last, kind) => {
                self.scalar(node, token);
            }
            (_, Punctuation(b',')) => self.state = State::Name,
            (_, Punctuation(closer @ (b'}' | b'>' | b']'))) => self.close(closer, start),
            (_, Punctuation(open @ (b'{' | b'<' | b'['))) => {
                let node = self.add(start..start, token.span.clone());
                self.open(Some(node), open, start);
            }
            (_, Word | Text | UnclosedText | Punctuation(b'-')) => {
                let node = self.add(start..start, token.span.clone());
                self.scalar(node, token);
            }
            (State::Lost, _) => {}
            _ => self.lost(token),
        }
    }

    /// In what was given up only the braces count.
    fn skip(&mut self, token: &Token) {
        match token.kind {
            TokenKind::Punctuation(open @ (b'{' | b'<' | b'[')) => {
                self.open(None, open, token.span.start);
            }
            TokenKind::Punctuation(closer @ (b'}' | b'>' | b']')) => {
                self.close(closer, token.span.start);
            }
            _ => {}
        }
    }

    fn add(&mut self, name: Range<usize>, span: Range<usize>) -> usize {
        let node = self.tree.nodes.len();
        let parent = self.current();
        self.tree.nodes.push(Node {
            parent,
            children: Vec::new(),
            name,
            span,
            value: Value::Missing,
            broken: false,
        });
        match parent {
            Some(parent) => self.tree.nodes[parent].children.push(node),
            None => self.tree.roots.push(node),
        }
        self.last = None;
        node
    }

    fn scalar(&mut self, node: usize, token: &Token) {
        let field = &mut self.tree.nodes[node];
        field.span.end = token.span.end;
        let start = match &field.value {
            Value::Scalar(value) => value.start,
            _ => token.span.start,
        };
        field.value = Value::Scalar(start..token.span.end);
        let last = token.kind;
        self.state = State::Scalar { node, last };
        self.last = Some(node);
    }

    /// Without a node what is inside is given up.
    fn open(&mut self, node: Option<usize>, open: u8, offset: usize) {
        let too_deep = node.is_some() && self.frames.len() >= MAX_DEPTH;
        if too_deep {
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            self.fault(node, offset, message);
        }
        let node = node.filter(|_| !too_deep);
        if let Some(node) = node {
            let body = offset + 1;
            self.tree.nodes[node].value = match open {
                b'[' => Value::List,
                _ => Value::Message(body..body),
            };
        }
        self.frames.push(Frame {
            offset,
            closer: closer_of(open),
            node,
        });
        self.state = State::Name;
        self.last = None;
    }

    fn close(&mut self, closer: u8, offset: usize) {
        let Some(frame) = self.frames.last() else {
            if self.state != State::Lost {
                let message = format!("`{}` closes nothing", char::from(closer));
                self.fault(None, offset, message);
            }
            self.state = State::Lost;
            return;
        };
        if frame.closer != closer {
            let message = format!(
                "`{}` does not close the `{}` of line {}",
                char::from(closer),
                &self.tree.text[frame.offset..=frame.offset],
                self.lines.line(frame.offset),
            );
            let node = self.current();
            self.fault(node, offset, message);
            if !self.frames.iter().any(|frame| frame.closer == closer) {
                return;
            }
        }
        while let Some(frame) = self.frames.pop() {
            self.finish(&frame, offset);
            if frame.closer == closer {
                break;
            }
        }
    }

    fn finish(&mut self, frame: &Frame, offset: usize) {
        self.state = State::Name;
        let Some(node) = frame.node else { return };
        let field = &mut self.tree.nodes[node];
        field.span.end = (offset + 1).min(self.tree.text.len());
        if let Value::Message(body) = &mut field.value {
            body.end = offset;
        }
        self.last = Some(node).filter(|_| !self.in_list());
    }

    /// Gives up on all that is open; `message` holds `{}` for the brace.
    fn close_all(&mut self, offset: usize, message: &str) {
        if let Some(frame) = self.frames.last().filter(|frame| frame.node.is_some()) {
            let brace = &self.tree.text[frame.offset..=frame.offset];
            let message = message.replace("{}", brace);
            let (node, opened) = (self.current(), frame.offset);
            self.fault(node, opened, message);
        }
        while let Some(frame) = self.frames.pop() {
            self.finish(&frame, offset);
            if let Some(node) = frame.node {
                // The text at `offset` is not a closing brace but the next entry.
                self.tree.nodes[node].span.end = offset;
            }
        }
    }

    fn lost(&mut self, token: &Token) {
        let found = &self.tree.text[token.span.clone()];
        let expected = match self.state {
            State::Value { colon: true, .. } => "a value",
            State::Value { .. } => "`:` or `{`",
            State::Extension(_) => "`]`",
            _ if self.in_list() => "a value",
            _ => "a field name",
        };
        let message = format!("expected {expected}, but found `{found}`");
        let help = match found.chars().next() {
            Some('\u{ab}' | '\u{bb}' | '\u{2018}'..='\u{201f}') => {
                Some("use straight quotes: \"…\"")
            }
            Some(c) if c.is_alphabetic() => Some("names have ASCII letters only"),
            Some('{') if self.frames.is_empty() => Some(
                "this is no JSON file: write `distributor_configs { key: \"NAME\" value { KIND { … } } }`",
            ),
            _ => None,
        };
        self.fault(self.awaiting(), token.span.start, message);
        if let Some(fault) = self.tree.faults.last_mut() {
            fault.help = help.map(str::to_owned);
        }
        self.state = State::Lost;
    }

    /// The field that the next token belongs to.
    fn awaiting(&self) -> Option<usize> {
        match self.state {
            State::Value { node, .. } | State::Extension(node) => Some(node),
            _ => self.current(),
        }
    }

    fn fault(&mut self, node: Option<usize>, offset: usize, message: String) {
        self.tree.faults.push(Fault {
            node,
            offset,
            message,
            help: None,
        });
        let mut next = node;
        while let Some(node) = next {
            self.tree.nodes[node].broken = true;
            next = self.tree.nodes[node].parent;
        }
    }

    /// The innermost field that is open.
    fn current(&self) -> Option<usize> {
        // Frames without a node are innermost, and can be many.
        let known = &self.frames[..self.frames.len().min(MAX_DEPTH)];
        known.iter().rev().find_map(|frame| frame.node)
    }

    fn in_list(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.closer == b']')
    }

    fn at_line_start(&self, offset: usize) -> bool {
        offset == 0 || self.tree.text.as_bytes()[offset - 1] == b'\n'
    }

    fn is_name(&self, token: &Token) -> bool {
        let first = self.tree.text.as_bytes()[token.span.start];
        first.is_ascii_alphabetic() || first == b'_'
    }
}

fn closer_of(open: u8) -> u8 {
    match open {
        b'{' => b'}',
        b'<' => b'>',
        _ => b']',
    }
}

fn continues(last: TokenKind, next: TokenKind) -> bool {
    use TokenKind::{Punctuation, Text, UnclosedText, Word};
    match last {
        Text | UnclosedText => matches!(next, Text | UnclosedText),
        Punctuation(b'-') => next == Word,
        _ => false,
    }
}
