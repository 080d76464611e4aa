//! Typed access to the fields of a parsed TOML document.
//!
//! Every getter answers with the value or notes a problem with its position and goes on, so that one
//! mistake does not hide the next. Knows TOML, nothing of jobs.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::lines::LineIndex;
use super::problem::{Position, Problem, Problems};
use super::relative::Refusal;
use super::suggest::Suggestions;

/// A value and the bytes of the file that hold it.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// The name of a field, as a list that grows at its end; it becomes a text only in a problem.
#[derive(Clone, Copy)]
pub(super) enum FieldPath<'p> {
    Root,
    Key(&'p FieldPath<'p>, &'p str),
    Item(&'p FieldPath<'p>, usize),
}

impl fmt::Display for FieldPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(parent, key) => {
                if !matches!(parent, Self::Root) {
                    write!(f, "{parent}.")?;
                }
                write!(f, "{}", self::key(key))
            }
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// The text of the file and the problems found in it so far.
pub(super) struct Reader<'t> {
    lines: LineIndex<'t>,
    pub(super) problems: Problems,
    pub(super) suggestions: Suggestions,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, problems: Problems) -> Self {
        Self {
            lines: LineIndex::new(text),
            problems,
            suggestions: Suggestions::new(),
        }
    }

    pub(super) fn position(&self, span: &Range<usize>) -> Position {
        self.lines.position(span.start)
    }

    pub(super) fn report(
        &mut self,
        span: &Range<usize>,
        at: FieldPath<'_>,
        message: impl Into<String>,
    ) {
        let problem = Problem::new(self.position(span), at.to_string(), message);
        self.problems.push(problem);
    }

    pub(super) fn report_with_help(
        &mut self,
        span: &Range<usize>,
        at: FieldPath<'_>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = Problem::new(self.position(span), at.to_string(), message).with_help(help);
        self.problems.push(problem);
    }

    pub(super) fn refuse(&mut self, span: &Range<usize>, at: FieldPath<'_>, refusal: Refusal) {
        self.problems.push(Problem {
            position: Some(self.position(span)),
            path: at.to_string(),
            message: refusal.message,
            help: refusal.help,
        });
    }

    /// Notes every field of `table` that is not one of `known`.
    pub(super) fn only(&mut self, table: &DeTable<'t>, at: FieldPath<'_>, known: &[&'static str]) {
        for key in table.keys() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let all = known.join(", ");
            let help = match self.suggestions.nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`? the fields here are {all}"),
                None => format!("the fields here are {all}"),
            };
            self.report_with_help(
                &key.span(),
                FieldPath::Key(&at, name),
                "unknown field",
                help,
            );
        }
    }

    pub(super) fn table<'a>(
        &mut self,
        value: &'a Value<'t>,
        at: FieldPath<'_>,
    ) -> Option<&'a DeTable<'t>> {
        let found = value.get_ref().as_table();
        self.expect(found, value, at, "a table")
    }

    pub(super) fn array<'a>(
        &mut self,
        value: &'a Value<'t>,
        at: FieldPath<'_>,
    ) -> Option<&'a [Value<'t>]> {
        let found = value.get_ref().as_array().map(|array| &array[..]);
        self.expect(found, value, at, "an array of strings")
    }

    pub(super) fn text<'a>(&mut self, value: &'a Value<'t>, at: FieldPath<'_>) -> Option<&'a str> {
        let found = value.get_ref().as_str();
        self.expect(found, value, at, "a string")
    }

    pub(super) fn flag(&mut self, value: &Value<'t>, at: FieldPath<'_>) -> Option<bool> {
        let found = value.get_ref().as_bool();
        self.expect(found, value, at, "true or false")
    }

    /// A number from 0 to `u32::MAX`.
    pub(super) fn number(&mut self, value: &Value<'t>, at: FieldPath<'_>) -> Option<u32> {
        let integer = value.get_ref().as_integer();
        let integer = self.expect(integer, value, at, "a number")?;
        // Digits that do not even fit 128 bits are out of range as well.
        let number = i128::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.and_then(|number| u32::try_from(number).ok());
        if number.is_none() {
            let message = format!("{integer} is out of range");
            self.report_with_help(&value.span(), at, message, format!("use 0 to {}", u32::MAX));
        }
        number
    }

    fn expect<T>(
        &mut self,
        found: Option<T>,
        value: &Value<'t>,
        at: FieldPath<'_>,
        wanted: &str,
    ) -> Option<T> {
        if found.is_none() {
            let message = format!("expected {wanted}, found {}", kind(value.get_ref()));
            self.report(&value.span(), at, message);
        }
        found
    }
}

/// What a value is, with its article.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// The entries of a table in the order of the file (the parser keeps them in the order of their names).
pub(super) fn in_file_order<'a, 't>(
    table: &'a DeTable<'t>,
) -> Vec<(&'a str, Range<usize>, &'a Value<'t>)> {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| (&**key.get_ref(), key.span(), value))
        .collect();
    entries.sort_by_key(|(_, span, _)| span.start);
    entries
}

/// A name as a key of a TOML document.
pub(super) fn key(name: &str) -> impl fmt::Display + '_ {
    struct Key<'k>(&'k str);
    impl fmt::Display for Key<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if !self.0.is_empty() && self.0.chars().all(bare) {
                f.write_str(self.0)
            } else {
                write!(f, "{:?}", self.0)
            }
        }
    }
    Key(name)
}
