//! Numbers, and texts of others, within a sentence. Pure.

use std::fmt::Write;

use distributor_core::dm::AbnormalFinish;

use super::situation::Count;

/// Characters of a text of others, such as a reason, that go into a sentence; all of it is a fact.
const LONGEST_QUOTE: usize = 300;

pub(super) fn end(finish: &AbnormalFinish) -> String {
    let status = finish.status().as_str_name();
    match finish.reason.as_str() {
        "" => status.to_owned(),
        reason => format!("{status}: {}", quote(reason)),
    }
}

/// A text of others, on one line and not too long.
pub(super) fn quote(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{} …", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

pub(super) fn count(count: Count) -> String {
    match count.or_more {
        true => format!("{} or more", count.number),
        false => count.number.to_string(),
    }
}

pub(super) fn plural(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

pub(super) fn plural_of(number: u32, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
    }
}

pub(super) fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _infallible = text.write_fmt(more);
}
