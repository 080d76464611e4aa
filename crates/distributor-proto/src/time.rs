//! Durations and points in time, to and from their messages.
//!
//! Durations are never negative here: every duration of the API is a limit or a
//! wait. Points in time have microsecond precision, as all stored ones do.

use std::time::Duration;

use prost_types::{Duration as DurationMessage, Timestamp};

/// The longest duration that a message may hold, in seconds: 10,000 years.
pub const MAX_DURATION_SECONDS: i64 = 315_576_000_000;

/// A duration message that is not a length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// It is negative.
    #[error("duration is negative: use zero or more")]
    Negative,
    /// Its seconds exceed [`MAX_DURATION_SECONDS`], or it has a second or more
    /// of nanoseconds.
    #[error("duration is out of range: use at most {MAX_DURATION_SECONDS} s and 999999999 ns")]
    OutOfRange,
}

/// The length of time of a message.
///
/// # Errors
///
/// The message is negative or out of range.
pub fn duration_to_std(duration: &DurationMessage) -> Result<Duration, DurationError> {
    if duration.seconds < 0 || duration.nanos < 0 {
        return Err(DurationError::Negative);
    }
    let seconds = u64::try_from(duration.seconds).map_err(|_| DurationError::Negative)?;
    let nanos = u32::try_from(duration.nanos).map_err(|_| DurationError::Negative)?;
    if duration.seconds > MAX_DURATION_SECONDS || nanos > 999_999_999 {
        return Err(DurationError::OutOfRange);
    }
    Ok(Duration::new(seconds, nanos))
}

/// The message of a length of time; what is longer than
/// [`MAX_DURATION_SECONDS`] becomes that.
#[must_use]
pub fn duration_from_std(duration: Duration) -> DurationMessage {
    match i64::try_from(duration.as_secs()) {
        Ok(seconds) if seconds < MAX_DURATION_SECONDS => DurationMessage {
            seconds,
            // Below 1,000,000,000, so it fits.
            nanos: i32::try_from(duration.subsec_nanos()).unwrap_or(0),
        },
        _ => DurationMessage {
            seconds: MAX_DURATION_SECONDS,
            nanos: 0,
        },
    }
}

/// Microseconds since 1970-01-01T00:00:00Z, rounded down. What does not fit
/// becomes the nearest that does.
#[must_use]
pub fn timestamp_to_micros(timestamp: &Timestamp) -> i64 {
    timestamp
        .seconds
        .saturating_mul(1_000_000)
        .saturating_add(i64::from(timestamp.nanos.div_euclid(1_000)))
}

/// The message of a point in time, in microseconds since 1970-01-01T00:00:00Z.
#[must_use]
pub fn timestamp_from_micros(micros: i64) -> Timestamp {
    Timestamp {
        seconds: micros.div_euclid(1_000_000),
        // Below 1,000,000,000, so it fits.
        nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_survive_both_ways() {
        for (seconds, nanos) in [
            (0, 0),
            (0, 1),
            (300, 0),
            (1, 999_999_999),
            (MAX_DURATION_SECONDS, 0),
        ] {
            let message = DurationMessage { seconds, nanos };
            let duration = duration_to_std(&message);
            assert_eq!(duration.map(duration_from_std), Ok(message));
        }
    }

    #[test]
    fn what_is_no_length_of_time_is_refused() {
        for (seconds, nanos, expected) in [
            (-1, 0, DurationError::Negative),
            (0, -1, DurationError::Negative),
            (1, -1, DurationError::Negative),
            (i64::MIN, 0, DurationError::Negative),
            (0, 1_000_000_000, DurationError::OutOfRange),
            (MAX_DURATION_SECONDS + 1, 0, DurationError::OutOfRange),
            (i64::MAX, 0, DurationError::OutOfRange),
        ] {
            let message = DurationMessage { seconds, nanos };
            assert_eq!(duration_to_std(&message), Err(expected), "{message:?}");
        }
    }

    #[test]
    fn too_long_durations_are_cut() {
        let expected = DurationMessage {
            seconds: MAX_DURATION_SECONDS,
            nanos: 0,
        };
        assert_eq!(duration_from_std(Duration::MAX), expected);
    }

    #[test]
    fn points_in_time_survive_both_ways() {
        for (micros, seconds, nanos) in [
            (0, 0, 0),
            (1, 0, 1_000),
            (1_700_000_000_123_456, 1_700_000_000, 123_456_000),
            (-1, -1, 999_999_000),
        ] {
            let message = Timestamp { seconds, nanos };
            assert_eq!(timestamp_from_micros(micros), message);
            assert_eq!(timestamp_to_micros(&message), micros);
        }
        let rounded = timestamp_to_micros(&Timestamp {
            seconds: 1,
            nanos: 1_999,
        });
        assert_eq!(rounded, 1_000_001);
        let largest = timestamp_to_micros(&Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        });
        assert_eq!(largest, i64::MAX);
    }
}
