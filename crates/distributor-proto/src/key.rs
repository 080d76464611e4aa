//! Names of attempts and executions as keys of a sorted store.
//!
//! Within one quest the keys of newer attempts come first, because the number is
//! written inverted; likewise executions within an attempt. This form is for
//! machines; people see the one of [`crate::id`].

/// Digits of an inverted number.
const DIGITS: usize = 8;

/// A text that is not the key of an attempt or execution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no `|`.
    #[error("key {0:?} has no '|': expected QUEST|HEX")]
    NoDelimiter(String),
    /// The number is not eight lower-case hexadecimal digits.
    #[error("key {0:?} has no valid number: expected 8 lower-case hexadecimal digits")]
    Number(String),
}

/// The key of an attempt: the quest, `|`, and 8 lower-case hexadecimal digits of
/// the inverted number. Works for any quest text, even one with a `|`.
#[must_use]
pub fn encode_attempt(quest: &str, number: u32) -> String {
    format!("{quest}|{}", encode_number(number))
}

/// The quest and number of an attempt's key.
///
/// # Errors
///
/// The text could not have come from [`encode_attempt`].
pub fn decode_attempt(key: &str) -> Result<(&str, u32), KeyError> {
    let (quest, digits) = key
        .rsplit_once('|')
        .ok_or_else(|| KeyError::NoDelimiter(key.to_owned()))?;
    Ok((quest, decode_number(digits)?))
}

/// The key of an execution within its attempt: 8 lower-case hexadecimal digits of
/// the inverted number.
#[must_use]
pub fn encode_number(number: u32) -> String {
    format!("{:08x}", !number)
}

/// The number of an execution's key.
///
/// # Errors
///
/// The text could not have come from [`encode_number`].
pub fn decode_number(key: &str) -> Result<u32, KeyError> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if key.len() != DIGITS || !key.bytes().all(is_digit) {
        return Err(KeyError::Number(key.to_owned()));
    }
    match u32::from_str_radix(key, 16) {
        Ok(inverted) => Ok(!inverted),
        Err(_) => Err(KeyError::Number(key.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_survive_both_ways() {
        for (quest, number, key) in [
            ("", 0, "|ffffffff"),
            ("moo", 0, "moo|ffffffff"),
            ("moo", 10, "moo|fffffff5"),
            ("wat", 5, "wat|fffffffa"),
            ("moo", u32::MAX, "moo|00000000"),
            ("a|b", 1, "a|b|fffffffe"),
        ] {
            assert_eq!(encode_attempt(quest, number), key);
            assert_eq!(decode_attempt(key), Ok((quest, number)));
        }
    }

    #[test]
    fn newer_attempts_come_first() {
        assert!(encode_attempt("q", 10) < encode_attempt("q", 9));
        assert!(encode_attempt("q", u32::MAX) < encode_attempt("q", 1));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for key in ["", "moo", "ffffffff"] {
            assert_eq!(
                decode_attempt(key),
                Err(KeyError::NoDelimiter(key.to_owned()))
            );
        }
        for key in [
            "moo|",
            "moo|nothexno",
            "moo|fffffff",
            "moo|fffffffff",
            "moo|FFFFFFFF",
            "moo|+fffffff",
            "moo|äää",
        ] {
            assert!(
                matches!(decode_attempt(key), Err(KeyError::Number(_))),
                "{key}"
            );
        }
    }
}
