//! How single values are written and read.

use std::fmt;
use std::time::UNIX_EPOCH;

use distributor_core::Timestamp;
use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserialize, Deserializer, Serializer};

/// Most bytes of an unreadable text that an error repeats.
const MOST_QUOTED: usize = 100;

/// A whole number as a string.
pub(super) fn write_int64<S: Serializer>(value: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// A whole number, from a number or a string; `null` for none.
pub(super) fn read_int64<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_any(Int64)
}

/// The default for `null`.
pub(super) fn read_or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A list without its `null`s.
pub(super) fn read_list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let list: Option<Vec<Option<T>>> = Option::deserialize(deserializer)?;
    Ok(list.unwrap_or_default().into_iter().flatten().collect())
}

/// The value, or nothing if it is not of this form.
pub(super) fn read_if_understood<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// A date and time in UTC, with or without a `Z`; a text that is none is as good as absent, because
/// nothing depends on it that could not do without.
pub(super) fn read_date<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    Ok(text.as_deref().and_then(date))
}

fn date(text: &str) -> Option<Timestamp> {
    let time = humantime::parse_rfc3339_weak(text).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::default().after(since))
}

struct Int64;

impl<'de> Visitor<'de> for Int64 {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of 64 bits, or a string that holds one")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        let value = i64::try_from(value).map_err(|_| out_of_range(&value))?;
        Ok(Some(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        // What some clients make of a number on the way; exact within these bounds.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.fract() != 0.0 || value.abs() > EXACT {
            return Err(out_of_range(&value));
        }
        #[expect(clippy::cast_possible_truncation, reason = "whole and within bounds")]
        Ok(Some(value as i64))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let value = text.parse().map_err(|_| {
            let end = text.floor_char_boundary(MOST_QUOTED);
            out_of_range(&text.get(..end).unwrap_or_default())
        })?;
        Ok(Some(value))
    }
}

fn out_of_range<E: Error>(value: &dyn fmt::Display) -> E {
    E::custom(format_args!("{value} is no whole number of 64 bits"))
}
