//! Values of template parameters: what a parameter accepts, and how a value is written as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use distributor_proto::json_object::JsonObjectError;
use distributor_proto::normalize_object;
use distributor_proto::templateproto::schema::Schema;
use distributor_proto::templateproto::value::Value as Kind;
use distributor_proto::templateproto::{Value, file::template::Parameter};
use serde::de::IgnoredAny;

/// From here on, doubles skip whole numbers, so a reader of JSON could get another one.
const FIRST_INEXACT: u64 = 1 << 53;

/// Why a value cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValueError {
    #[error("has no value: set one of int, uint, float, bool, str, bytes, object, array and null")]
    Unset,
    #[error("{0} cannot be written as JSON: give a finite number")]
    NotFinite(f64),
    #[error("is no JSON object: {0}")]
    NotAnObject(JsonObjectError),
    #[error("is no JSON array: {0}")]
    NotAnArray(serde_json::Error),
    #[error("is no JSON array: {0}")]
    ArrayElement(JsonObjectError),
    #[error("is null, which is not accepted: give a value of type {0}")]
    NotNullable(&'static str),
    #[error("has type {found}: give a value of type {expected}")]
    WrongType {
        found: &'static str,
        expected: &'static str,
    },
    #[error("is too long: {length} > {max} bytes")]
    TooLong { length: usize, max: u32 },
    #[error("{token:?} is not one of the accepted texts: {}", .accepted.join(", "))]
    NotAccepted {
        token: String,
        accepted: Vec<String>,
    },
}

/// Checks that there is a value that JSON can hold, and brings JSON in it into normal form.
pub(crate) fn normalize_value(value: &mut Value) -> Result<(), ValueError> {
    match &mut value.value {
        None => return Err(ValueError::Unset),
        Some(Kind::Float(float)) if !float.is_finite() => {
            return Err(ValueError::NotFinite(*float));
        }
        Some(Kind::Object(text)) => {
            *text = normalize_object(text).map_err(ValueError::NotAnObject)?;
        }
        Some(Kind::Array(text)) => *text = normalize_array(text)?,
        Some(_) => {}
    }
    Ok(())
}

/// Is this value, normalized, one for this parameter?
pub(super) fn check_value(parameter: &Parameter, value: &Value) -> Result<(), ValueError> {
    let kind = value.value.as_ref().ok_or(ValueError::Unset)?;
    let schema = parameter.schema.as_ref();
    let Some(schema) = schema.and_then(|schema| schema.schema.as_ref()) else {
        // A parameter without a schema does not pass the check of its file.
        return Ok(());
    };
    let expected = schema_name(schema);
    match (schema, kind) {
        (_, Kind::Null(())) if parameter.nullable => Ok(()),
        (_, Kind::Null(())) => Err(ValueError::NotNullable(expected)),
        (Schema::Int(_), Kind::Int(_))
        | (Schema::Uint(_), Kind::Uint(_))
        | (Schema::Float(_), Kind::Float(_))
        | (Schema::Bool(_), Kind::Bool(_)) => Ok(()),
        (Schema::Str(limit), Kind::Str(text)) => check_length(text.len(), limit.max_length),
        (Schema::Bytes(limit), Kind::Bytes(bytes)) => check_length(bytes.len(), limit.max_length),
        (Schema::Object(limit), Kind::Object(text)) | (Schema::Array(limit), Kind::Array(text)) => {
            check_length(text.len(), limit.max_length)
        }
        (Schema::Enum(set), Kind::Str(text)) => {
            if set.entry.iter().any(|entry| entry.token == *text) {
                return Ok(());
            }
            let accepted = set.entry.iter().map(|entry| format!("{:?}", entry.token));
            Err(ValueError::NotAccepted {
                token: text.clone(),
                accepted: accepted.collect(),
            })
        }
        _ => Err(ValueError::WrongType {
            found: kind_name(kind),
            expected,
        }),
    }
}

/// The value, normalized, as JSON.
pub(super) fn to_json(value: &Value) -> String {
    match &value.value {
        None | Some(Kind::Null(())) => "null".to_owned(),
        Some(Kind::Int(number)) => whole(number, number.unsigned_abs()),
        Some(Kind::Uint(number)) => whole(number, *number),
        Some(Kind::Float(number)) => float(*number),
        Some(Kind::Bool(truth)) => truth.to_string(),
        Some(Kind::Str(text)) => serde_json::Value::from(text.as_str()).to_string(),
        Some(Kind::Bytes(bytes)) => format!("\"{}\"", STANDARD.encode(bytes)),
        Some(Kind::Object(text) | Kind::Array(text)) => text.clone(),
    }
}

/// What stands for a required parameter when its file is checked.
pub(super) fn zero(schema: &Schema) -> Value {
    let kind = match schema {
        Schema::Int(_) => Kind::Int(0),
        Schema::Uint(_) => Kind::Uint(0),
        Schema::Float(_) => Kind::Float(0.0),
        Schema::Bool(_) => Kind::Bool(false),
        Schema::Str(_) => Kind::Str(String::new()),
        Schema::Bytes(_) => Kind::Bytes(Vec::new()),
        Schema::Enum(set) => {
            let first = set.entry.first();
            Kind::Str(first.map(|entry| entry.token.clone()).unwrap_or_default())
        }
        Schema::Object(_) => Kind::Object("{}".to_owned()),
        Schema::Array(_) => Kind::Array("[]".to_owned()),
    };
    Value { value: Some(kind) }
}

/// The array as element of an object, because only objects have a normal form.
fn normalize_array(text: &str) -> Result<String, ValueError> {
    // Exactly one array, so that no text can close the object around it.
    serde_json::from_str::<Vec<IgnoredAny>>(text).map_err(ValueError::NotAnArray)?;
    let object = normalize_object(&format!("{{\"\":{text}}}")).map_err(ValueError::ArrayElement)?;
    let array = object.strip_prefix("{\"\":");
    let array = array.and_then(|array| array.strip_suffix('}'));
    Ok(array.unwrap_or(text).to_owned())
}

fn check_length(length: usize, max: u32) -> Result<(), ValueError> {
    let fits = usize::try_from(max).is_ok_and(|max| length <= max);
    if max == 0 || fits {
        return Ok(());
    }
    Err(ValueError::TooLong { length, max })
}

fn whole(number: &dyn std::fmt::Display, magnitude: u64) -> String {
    match magnitude {
        0..FIRST_INEXACT => number.to_string(),
        _ => format!("\"{number}\""),
    }
}

/// As the original writes it, because the text is part of a quest's identity: the shortest digits, with
/// an exponent only for the very small and the very large.
fn float(number: f64) -> String {
    let magnitude = number.abs();
    if magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

fn schema_name(schema: &Schema) -> &'static str {
    match schema {
        Schema::Int(_) => "int",
        Schema::Uint(_) => "uint",
        Schema::Float(_) => "float",
        Schema::Bool(_) => "bool",
        Schema::Str(_) => "str",
        Schema::Bytes(_) => "bytes",
        Schema::Enum(_) => "str, from a list of texts",
        Schema::Object(_) => "object",
        Schema::Array(_) => "array",
    }
}

fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Int(_) => "int",
        Kind::Uint(_) => "uint",
        Kind::Float(_) => "float",
        Kind::Bool(_) => "bool",
        Kind::Str(_) => "str",
        Kind::Bytes(_) => "bytes",
        Kind::Object(_) => "object",
        Kind::Array(_) => "array",
        Kind::Null(()) => "null",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(kind: Kind) -> Value {
        Value { value: Some(kind) }
    }

    #[test]
    fn values_are_written_as_json() {
        for (kind, expected) in [
            (Kind::Int(-5), "-5"),
            (Kind::Int((1 << 53) - 1), "9007199254740991"),
            (Kind::Int(1 << 53), "\"9007199254740992\""),
            (Kind::Int(-(1 << 53)), "\"-9007199254740992\""),
            (Kind::Int(i64::MIN), "\"-9223372036854775808\""),
            (Kind::Uint(7), "7"),
            (Kind::Uint(u64::MAX), "\"18446744073709551615\""),
            (Kind::Float(1.0), "1"),
            (Kind::Float(-0.5), "-0.5"),
            (Kind::Float(1e-6), "0.000001"),
            (Kind::Float(1.5e-7), "1.5e-7"),
            (Kind::Float(1e20), "100000000000000000000"),
            (Kind::Float(-1.25e21), "-1.25e+21"),
            (Kind::Bool(true), "true"),
            (Kind::Str("a\"b\n${c}".to_owned()), r#""a\"b\n${c}""#),
            (Kind::Bytes(vec![0xfb, 0xff]), "\"+/8=\""),
            (Kind::Object(" { \"a\" : 1 } ".to_owned()), r#"{"a":1}"#),
            (
                Kind::Array(" [ 1.0 , {\"b\":1,\"a\":2} ] ".to_owned()),
                r#"[1.0,{"a":2,"b":1}]"#,
            ),
            (Kind::Null(()), "null"),
        ] {
            let mut value = value(kind);
            normalize_value(&mut value).expect("a good value");
            assert_eq!(to_json(&value), expected);
        }
    }

    #[test]
    fn what_json_cannot_hold_is_refused() {
        for (kind, start) in [
            (None, "has no value"),
            (Some(Kind::Float(f64::NAN)), "NaN cannot"),
            (Some(Kind::Float(f64::NEG_INFINITY)), "-inf cannot"),
            (Some(Kind::Object("[]".to_owned())), "is no JSON object"),
            (Some(Kind::Object(String::new())), "is no JSON object"),
            (Some(Kind::Array("{}".to_owned())), "is no JSON array"),
            (Some(Kind::Array("[1".to_owned())), "is no JSON array"),
            (
                Some(Kind::Array("[1],\"b\":2".to_owned())),
                "is no JSON array",
            ),
            (
                Some(Kind::Array("[1],\"\":[2]".to_owned())),
                "is no JSON array",
            ),
            (Some(Kind::Array("[]]".to_owned())), "is no JSON array"),
        ] {
            let mut value = Value { value: kind };
            let error = normalize_value(&mut value).expect_err("a bad value");
            assert!(error.to_string().starts_with(start), "{error}");
        }
    }

    #[test]
    fn arrays_may_be_nested_deeply() {
        let deep = "[".repeat(9_999) + &"]".repeat(9_999);
        let mut good = value(Kind::Array(deep.clone()));
        normalize_value(&mut good).expect("as deep as parameters may be");
        let mut bad = value(Kind::Array(format!("[{deep}]")));
        assert!(normalize_value(&mut bad).is_err());
    }
}
