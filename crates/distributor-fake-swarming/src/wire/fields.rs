//! Reads a JSON object field by field, by type: what is missing or null is absent, what is of another
//! type, or not asked for, is refused with its path.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::Refusal;

/// An object that is being read.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    object: &'a Map<String, Value>,
    path: String,
    read: BTreeSet<&'static str>,
}

impl<'a> Fields<'a> {
    /// Of a whole request.
    pub(crate) fn of(value: &'a Value) -> Result<Self, Refusal> {
        Self::at(value, String::new())
    }

    fn at(value: &'a Value, path: String) -> Result<Self, Refusal> {
        match value {
            Value::Object(object) => Ok(Fields {
                object,
                path,
                read: BTreeSet::new(),
            }),
            other => Err(Refusal::new(
                if path.is_empty() { "request" } else { &path },
                format_args!("expected an object, found {}", kind(other)),
            )),
        }
    }

    /// The path of a field.
    pub(crate) fn path(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }

    /// A refusal because of a field.
    pub(crate) fn refuse(&self, name: &str, problem: impl std::fmt::Display) -> Refusal {
        Refusal::new(&self.path(name), problem)
    }

    fn value(&mut self, name: &'static str) -> Option<&'a Value> {
        self.read.insert(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn expected(&self, name: &str, expected: &str, found: &Value) -> Refusal {
        self.refuse(
            name,
            format_args!("expected {expected}, found {}", kind(found)),
        )
    }

    /// A string.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<String>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.expected(name, "a string", other)),
        }
    }

    /// A string that must be there and not be empty.
    pub(crate) fn required(&mut self, name: &'static str) -> Result<String, Refusal> {
        match self.text(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(self.refuse(name, "is required")),
        }
    }

    /// An int64, as a number or as text.
    pub(crate) fn int(&mut self, name: &'static str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let int = match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => int(text),
            _ => None,
        };
        match int {
            Some(int) => Ok(Some(int)),
            None => Err(self.refuse(name, format_args!("expected an int64, found {value}"))),
        }
    }

    /// An int64 of this range.
    pub(crate) fn int_in(
        &mut self,
        name: &'static str,
        least: i64,
        most: i64,
    ) -> Result<Option<i64>, Refusal> {
        match self.int(name)? {
            Some(int) if !(least..=most).contains(&int) => Err(self.refuse(
                name,
                format_args!("must be between {least} and {most}, got {int}"),
            )),
            int => Ok(int),
        }
    }

    /// A number, for moments in seconds.
    pub(crate) fn double(&mut self, name: &'static str) -> Result<Option<f64>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            Some(other) => Err(self.expected(name, "a number", other)),
        }
    }

    /// A boolean; absent is false.
    pub(crate) fn flag(&mut self, name: &'static str) -> Result<bool, Refusal> {
        match self.value(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.expected(name, "a boolean", other)),
        }
    }

    /// Bytes of at most this length, which stay in base64.
    pub(crate) fn bytes(
        &mut self,
        name: &'static str,
        most: usize,
    ) -> Result<Option<String>, Refusal> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        // What is secret is not in the reason.
        let bytes = STANDARD
            .decode(&text)
            .map_err(|_| self.refuse(name, "is not standard base64 with padding"))?;
        match bytes.len() {
            0 => Ok(None),
            length if length > most => Err(self.refuse(
                name,
                format_args!("must be at most {most} bytes, got {length}"),
            )),
            _ => Ok(Some(text)),
        }
    }

    /// One of these names.
    pub(crate) fn choice(
        &mut self,
        name: &'static str,
        names: &[&str],
    ) -> Result<Option<String>, Refusal> {
        match self.text(name)? {
            Some(text) if !names.contains(&text.as_str()) => {
                let names = names.join(", ");
                Err(self.refuse(name, format_args!("must be one of {names}, got {text:?}")))
            }
            text => Ok(text),
        }
    }

    fn list(&mut self, name: &'static str, most: usize) -> Result<&'a [Value], Refusal> {
        match self.value(name) {
            None => Ok(&[]),
            Some(Value::Array(list)) if list.len() > most => Err(self.refuse(
                name,
                format_args!("must have at most {most} elements, got {}", list.len()),
            )),
            Some(Value::Array(list)) => Ok(list),
            Some(other) => Err(self.expected(name, "a list", other)),
        }
    }

    /// Strings, at most so many.
    pub(crate) fn texts(
        &mut self,
        name: &'static str,
        most: usize,
    ) -> Result<Vec<String>, Refusal> {
        let list = self.list(name, most)?;
        let texts = list.iter().enumerate().map(|(number, value)| match value {
            Value::String(text) => Ok(text.clone()),
            other => Err(self.expected(&format!("{name}[{number}]"), "a string", other)),
        });
        texts.collect()
    }

    /// Objects, at most so many.
    pub(crate) fn objects(
        &mut self,
        name: &'static str,
        most: usize,
    ) -> Result<Vec<Fields<'a>>, Refusal> {
        let list = self.list(name, most)?;
        let objects = list
            .iter()
            .enumerate()
            .map(|(number, value)| Fields::at(value, format!("{}[{number}]", self.path(name))));
        objects.collect()
    }

    /// An object.
    pub(crate) fn object(&mut self, name: &'static str) -> Result<Option<Fields<'a>>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(value) => Fields::at(value, self.path(name)).map(Some),
        }
    }

    /// A map of strings, whatever its keys are.
    pub(crate) fn all_texts(self) -> Result<BTreeMap<String, String>, Refusal> {
        let texts = self.object.iter().map(|(name, value)| match value {
            Value::String(text) => Ok((name.clone(), text.clone())),
            other => Err(self.expected(name, "a string", other)),
        });
        texts.collect()
    }

    /// Refuses what was not read.
    pub(crate) fn finish(self) -> Result<(), Refusal> {
        let mut names = self.object.keys();
        match names.find(|name| !self.read.contains(name.as_str())) {
            None => Ok(()),
            Some(name) => Err(self.refuse(name, "there is no such field")),
        }
    }
}

/// An int64 in text.
pub(crate) fn int(text: &str) -> Option<i64> {
    match text.starts_with('+') {
        true => None,
        false => text.parse().ok(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
