//! Writing: from a flat document to normal form.

use std::collections::btree_map;
use std::fmt::Write as _;
use std::slice;

use super::parse::{Document, Node};

/// An array or object that is being written.
enum Open<'a> {
    Array(slice::Iter<'a, usize>),
    Object(btree_map::Iter<'a, String, usize>),
}

/// The text of the document; `capacity` is a guess of its length.
pub(super) fn write(document: &Document, capacity: usize) -> String {
    let mut text = String::with_capacity(capacity);
    let mut open = Vec::new();
    write_or_open(&mut text, &document.nodes[document.root], &mut open);
    while let Some(innermost) = open.last_mut() {
        let (next, end) = match innermost {
            Open::Array(elements) => (elements.next().map(|value| (None, value)), ']'),
            Open::Object(members) => (members.next().map(|(key, value)| (Some(key), value)), '}'),
        };
        let Some((key, &value)) = next else {
            text.push(end);
            open.pop();
            continue;
        };
        if !text.ends_with(['[', '{']) {
            text.push(',');
        }
        if let Some(key) = key {
            push_string(&mut text, key);
            text.push(':');
        }
        write_or_open(&mut text, &document.nodes[value], &mut open);
    }
    text
}

fn write_or_open<'a>(text: &mut String, node: &'a Node, open: &mut Vec<Open<'a>>) {
    match node {
        Node::Scalar(form) => text.push_str(form),
        Node::Array(elements) => {
            text.push('[');
            open.push(Open::Array(elements.iter()));
        }
        Node::Object(members) => {
            text.push('{');
            open.push(Open::Object(members.iter()));
        }
    }
}

/// Appends a string with its quotes. What HTML or JavaScript could mistake is
/// escaped, as the original did.
pub(super) fn push_string(text: &mut String, characters: &str) {
    text.push('"');
    for character in characters.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\u{:04x}", u32::from(character));
            }
            _ => text.push(character),
        }
    }
    text.push('"');
}
