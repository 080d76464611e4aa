//! TOML values as JSON, for the tables that the file only passes on.
//!
//! What JSON cannot say (dates, `nan`, `inf`) is a problem here, at its place, rather than a surprise in a
//! backend.

use serde_json::{Map, Number, Value as Json};
use toml::de::{DeTable, DeValue};

use super::fields::{FieldPath, Reader, Value};

/// JSON readers commonly refuse 128 levels; the object is nested into others before it reaches one.
const MAX_DEPTH: usize = 64;

/// The table as a JSON object, without the parts that were reported as problems.
pub(super) fn object<'t>(
    reader: &mut Reader<'t>,
    table: &DeTable<'t>,
    at: FieldPath<'_>,
) -> Map<String, Json> {
    nested_object(reader, table, at, MAX_DEPTH)
}

fn nested_object<'t>(
    reader: &mut Reader<'t>,
    table: &DeTable<'t>,
    at: FieldPath<'_>,
    depth: usize,
) -> Map<String, Json> {
    let mut object = Map::new();
    for (key, value) in table {
        let name: &str = key.get_ref();
        if let Some(value) = convert(reader, value, FieldPath::Key(&at, name), depth) {
            object.insert(name.to_owned(), value);
        }
    }
    object
}

fn convert<'t>(
    reader: &mut Reader<'t>,
    value: &Value<'t>,
    at: FieldPath<'_>,
    depth: usize,
) -> Option<Json> {
    let span = value.span();
    match value.get_ref() {
        DeValue::String(text) => Some(Json::String(text.to_string())),
        DeValue::Boolean(flag) => Some(Json::Bool(*flag)),
        DeValue::Integer(integer) => {
            let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
            if number.is_none() {
                let help = format!("use {} to {}, or a string", i64::MIN, i64::MAX);
                reader.report_with_help(&span, at, format!("{integer} is out of range"), help);
            }
            number.map(Json::from)
        }
        DeValue::Float(float) => {
            let text = float.as_str();
            let number = text.parse().ok().and_then(Number::from_f64);
            if number.is_none() {
                let message = format!("{text} has no JSON form");
                reader.report_with_help(&span, at, message, "use a finite number, or a string");
            }
            number.map(Json::Number)
        }
        DeValue::Datetime(date) => {
            let message = "a date or time has no JSON form";
            reader.report_with_help(
                &span,
                at,
                message,
                format!("write it as a string: \"{date}\""),
            );
            None
        }
        DeValue::Array(_) | DeValue::Table(_) if depth == 0 => {
            reader.report(&span, at, format!("nested deeper than {MAX_DEPTH} levels"));
            None
        }
        DeValue::Array(items) => {
            let items = items.iter().enumerate();
            let items = items
                .filter_map(|(i, item)| convert(reader, item, FieldPath::Item(&at, i), depth - 1));
            Some(Json::Array(items.collect()))
        }
        DeValue::Table(table) => Some(Json::Object(nested_object(reader, table, at, depth - 1))),
    }
}
