//! The normal form of results: [`normalize_result`].

use crate::dm;
use crate::json_object::{JsonObjectError, normalize_object};

/// The longest object that is parsed, in bytes: a tenth more than
/// [`MAX_RESULT_SIZE`], for whitespace.
pub const MAX_RAW_RESULT_SIZE: usize = 288_358;

/// The longest normalized object, in bytes.
pub const MAX_RESULT_SIZE: usize = 262_144;

/// A result that has no normal form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResultError {
    /// The object is too long to be parsed.
    #[error("object is too large before normalization: {0} > {MAX_RAW_RESULT_SIZE} bytes")]
    RawTooLarge(usize),
    /// The normalized object is too long.
    #[error("object is too large: {0} > {MAX_RESULT_SIZE} bytes")]
    TooLarge(usize),
    /// The object is not a JSON object.
    #[error("object is malformed: {0}")]
    Malformed(#[from] JsonObjectError),
}

/// Normalizes the object and sets the size to its length, whatever it was. An
/// empty text stays empty. The expiration is kept.
///
/// # Errors
///
/// The object is too long, before or after normalization, or not a JSON object.
/// Then nothing is changed.
pub fn normalize_result(result: &mut dm::JsonResult) -> Result<(), ResultError> {
    let raw_length = result.object.len();
    if raw_length == 0 {
        result.size = 0;
        return Ok(());
    }
    if raw_length > MAX_RAW_RESULT_SIZE {
        return Err(ResultError::RawTooLarge(raw_length));
    }
    let object = normalize_object(&result.object)?;
    if object.len() > MAX_RESULT_SIZE {
        return Err(ResultError::TooLarge(object.len()));
    }
    result.size = u32::try_from(object.len()).unwrap_or(u32::MAX);
    result.object = object;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(object: &str) -> dm::JsonResult {
        dm::JsonResult {
            object: object.to_owned(),
            size: 7,
            expiration: Some(prost_types::Timestamp {
                seconds: 1,
                nanos: 2,
            }),
        }
    }

    /// An object of `length` bytes that is normal already.
    fn object(length: usize) -> String {
        format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8))
    }

    #[test]
    fn size_is_the_length_of_the_normal_form() {
        for (text, expected, size) in [
            ("", "", 0),
            ("{ }", "{}", 2),
            (r#"{"something": "valid"}"#, r#"{"something":"valid"}"#, 21),
        ] {
            let mut actual = result(text);
            assert_eq!(normalize_result(&mut actual), Ok(()));
            assert_eq!(
                actual,
                dm::JsonResult {
                    size,
                    ..result(expected)
                }
            );
        }
    }

    #[test]
    fn limits_are_inclusive() {
        let mut largest = result(&object(MAX_RESULT_SIZE));
        assert_eq!(normalize_result(&mut largest), Ok(()));
        assert_eq!(largest.size, 262_144);

        let mut spaced = result(&object(MAX_RESULT_SIZE));
        spaced.object += &" ".repeat(MAX_RAW_RESULT_SIZE - MAX_RESULT_SIZE);
        assert_eq!(normalize_result(&mut spaced), Ok(()));
        assert_eq!(spaced.size, 262_144);
    }

    #[test]
    fn too_large_objects_are_refused_and_left_alone() {
        let too_large = object(MAX_RESULT_SIZE + 1);
        // Longer than is parsed: that it is no object does not matter.
        let too_large_to_parse = "x".repeat(MAX_RAW_RESULT_SIZE + 1);
        for (text, expected) in [
            (too_large, "object is too large: 262145 > 262144 bytes"),
            (
                too_large_to_parse,
                "object is too large before normalization: 288359 > 288358 bytes",
            ),
            (
                "not JSON".to_owned(),
                "object is malformed: invalid character 'n': expected a JSON object at line 1 column 1",
            ),
        ] {
            let mut actual = result(&text);
            let message = normalize_result(&mut actual).map_err(|error| error.to_string());
            assert_eq!(message, Err(expected.to_owned()));
            assert_eq!(actual, result(&text));
        }
    }
}
