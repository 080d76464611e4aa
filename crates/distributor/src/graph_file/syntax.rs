//! The one problem of a file that is not TOML.
//!
//! After a slip the parser reports whatever it stumbles over; the first cause is what helps.

use toml::de::{DeTable, Error};

use super::fields::Reader;
use super::problem::Problem;

/// Parses the text, or tells why that is impossible.
pub(super) fn parse<'t>(reader: &Reader<'t>, text: &'t str) -> Result<DeTable<'t>, Problem> {
    DeTable::parse(text)
        .map(toml::Spanned::into_inner)
        .map_err(|error| {
            let (_, errors) = DeTable::parse_recoverable(text);
            // A string without end is reported together with all that it leaves open around it.
            let cause = |error: &Error| {
                let start = error.span().map_or(usize::MAX, |span| span.start);
                (start, error.message().starts_with("unclosed"))
            };
            let error = errors.into_iter().min_by_key(cause).unwrap_or(error);
            problem(reader, text, &error)
        })
}

fn problem(reader: &Reader<'_>, text: &str, error: &Error) -> Problem {
    let span = error.span();
    let wrong = span
        .clone()
        .and_then(|span| text.get(span))
        .unwrap_or_default();
    let (message, help) = match error.message() {
        "duplicate key" => (
            format!("duplicate key `{}`", wrong.trim()),
            Some("each field and each job is written once".to_owned()),
        ),
        message if wrong.is_empty() && message.starts_with("string values must be quoted") => {
            ("the value is missing".to_owned(), None)
        }
        message => (message.to_owned(), None),
    };
    Problem {
        position: span.map(|span| reader.position(&span)),
        path: String::new(),
        message: format!("not valid TOML: {message}"),
        help,
    }
}
