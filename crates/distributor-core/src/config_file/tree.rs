//! The fields of a configuration file and where they are: enough to cut the file into entries
//! that are parsed one by one, and to say which field a position belongs to.
//!
//! Reading never fails and never recurses. What does not fit is recorded as a [`Fault`], the
//! fields around it are marked as broken, and reading goes on with the next field. It refuses to
//! judge names and values: it knows no schema.

use std::collections::HashMap;
use std::ops::Range;

use super::lex::{Lexer, Token, TokenKind};
use super::lines::Lines;
use crate::registry::CONFIG_FIELD;

/// How deep a file may nest; the real parser recurses.
const MAX_DEPTH: usize = 64;

/// After so many problems nobody reads on, and neither do we.
pub(super) const MAX_FAULTS: usize = 100;

/// Something wrong, before its path is known.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) node: Option<usize>,
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// What follows a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Missing,
    Scalar(Range<usize>),
    /// What is between the braces.
    Message(Range<usize>),
    List,
}

/// A field, or an element of a list, which has no name.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) parent: Option<usize>,
    pub(super) children: Vec<usize>,
    pub(super) name: Range<usize>,
    pub(super) span: Range<usize>,
    pub(super) value: Value,
    pub(super) broken: bool,
}

pub(super) struct Tree<'t> {
    pub(super) text: &'t str,
    pub(super) nodes: Vec<Node>,
    pub(super) roots: Vec<usize>,
    pub(super) faults: Vec<Fault>,
    /// Keys of the entries, as far as they are legal; whoever knows the schema fills them in.
    pub(super) keys: HashMap<usize, String>,
}

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

    pub(super) fn name(&self, node: usize) -> &'t str {
        &self.text[self.nodes[node].name.clone()]
    }

    /// The first child of that name.
    pub(super) fn child(&self, node: usize, name: &str) -> Option<usize> {
        let mut children = self.nodes[node].children.iter().copied();
        children.find(|&child| self.name(child) == name)
    }

    /// The innermost node in `node` that `offset` belongs to.
    pub(super) fn deepest(&self, mut node: usize, offset: usize) -> usize {
        loop {
            let mut children = self.nodes[node].children.iter().copied();
            match children.find(|&child| self.nodes[child].span.contains(&offset)) {
                Some(child) => node = child,
                None => return node,
            }
        }
    }

    /// The nearest node outwards that is a field.
    pub(super) fn named(&self, mut node: usize) -> usize {
        while self.nodes[node].name.is_empty() {
            match self.nodes[node].parent {
                Some(parent) => node = parent,
                None => break,
            }
        }
        node
    }

    /// For people: `distributor_configs["sim"].noop.delay`.
    pub(super) fn path(&self, node: usize) -> String {
        let mut parts = Vec::new();
        let mut next = Some(node);
        while let Some(node) = next {
            next = self.nodes[node].parent;
            // An entry is named by its key, and `value` only says that this is a map.
            let key = self.keys.get(&node).map(|key| format!("[{key:?}]"));
            let in_entry = next.is_some_and(|parent| self.is_entry(parent));
            parts.push(match key {
                Some(key) if self.nodes[node].name.is_empty() => key,
                Some(key) => format!("{}{key}", self.name(node)),
                None if in_entry && self.name(node) == "value" => continue,
                None => self.step(node),
            });
        }
        let mut path = String::new();
        for part in parts.iter().rev() {
            // An element of a list with a key replaces the index.
            if !path.is_empty() && !part.starts_with('[') {
                path.push('.');
            }
            path.push_str(part);
        }
        path
    }

    fn is_entry(&self, node: usize) -> bool {
        let top = self.named(node);
        self.nodes[top].parent.is_none() && self.name(top) == CONFIG_FIELD
    }

    /// The name, and an index if the field occurs more than once.
    fn step(&self, node: usize) -> String {
        let name = self.name(node);
        let siblings = match self.nodes[node].parent {
            Some(parent) => &self.nodes[parent].children,
            None => &self.roots,
        };
        let same: Vec<_> = siblings
            .iter()
            .filter(|&&sibling| self.name(sibling) == name)
            .collect();
        match same.iter().position(|&&sibling| sibling == node) {
            Some(index) if same.len() > 1 || name.is_empty() => format!("{name}[{index}]"),
            _ => name.to_owned(),
        }
    }
}

/// A brace or bracket that is open.
struct Frame {
    offset: usize,
    closer: u8,
    /// None if it is nested too deep to be kept.
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
        if text == CONFIG_FIELD && !self.frames.is_empty() && self.at_line_start(start) {
            let line = self.lines.line(start);
            self.close_all(
                start,
                &format!("`{{}}` is not closed before the next entry on line {line}"),
            );
        }
        if self.frames.len() > MAX_DEPTH {
            return self.skip(token);
        }
        if token.kind == TokenKind::UnclosedText {
            let node = self.current();
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
                self.open(node, open, start);
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
                let node = self.add(start..start, token.span.clone());
                self.tree.nodes[node].broken = true;
                self.open(node, open, start);
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
                self.open(node, open, start);
            }
            (_, Word | Text | UnclosedText | Punctuation(b'-')) => {
                let node = self.add(start..start, token.span.clone());
                self.scalar(node, token);
            }
            (State::Lost, _) => {}
            _ => self.lost(token),
        }
    }

    /// Beyond the depth limit only the braces count.
    fn skip(&mut self, token: &Token) {
        match token.kind {
            TokenKind::Punctuation(open @ (b'{' | b'<' | b'[')) => {
                self.frames.push(Frame {
                    offset: token.span.start,
                    closer: closer_of(open),
                    node: None,
                });
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

    fn open(&mut self, node: usize, open: u8, offset: usize) {
        let body = offset + 1;
        self.tree.nodes[node].value = match open {
            b'[' => Value::List,
            _ => Value::Message(body..body),
        };
        self.frames.push(Frame {
            offset,
            closer: closer_of(open),
            node: Some(node),
        });
        self.state = State::Name;
        self.last = None;
        if self.frames.len() > MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            self.fault(Some(node), offset, message);
        }
    }

    fn close(&mut self, closer: u8, offset: usize) {
        let Some(frame) = self.frames.last() else {
            let message = format!("`{}` closes nothing", char::from(closer));
            return self.fault(None, offset, message);
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
        if let Some(frame) = self.frames.last() {
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
        let expected = if self.in_list() { "a value" } else { "a field name" };
        let message = match self.state {
            State::Value { colon: true, .. } => format!("expected a value, but found `{found}`"),
            State::Extension(_) => format!("expected `]`, but found `{found}`"),
            _ => format!("expected {expected}, but found `{found}`"),
        };
        let node = match self.state {
            State::Value { node, .. } | State::Extension(node) => Some(node),
            _ => self.current(),
        };
        self.fault(node, token.span.start, message);
        self.state = State::Lost;
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
        // Only frames beyond the depth limit have no node, and they are skipped quickly enough.
        let known = &self.frames[..self.frames.len().min(MAX_DEPTH + 1)];
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
