//! Durations of quests and configurations as whole seconds within Swarming's bounds.
//!
//! Always rounded up: a task must not be ended before its quest's time is over. Total: a duration that no
//! check has seen, negative or beyond all bounds, is clamped like any other.

use prost_types::Duration;

/// Longest wait for a bot, and what is asked for by default: 7 days.
pub(crate) const MOST_EXPIRATION: i64 = 604_800;
/// Longest execution: 7 days less an hour and a minute.
pub(crate) const MOST_EXECUTION: i64 = 601_140;
/// Shortest expiration, execution and I/O timeout.
pub(crate) const LEAST: i64 = 30;
/// Longest time between the request to end and the kill.
const MOST_GRACE: i64 = 3_600;
/// The server's own grace period.
const DEFAULT_GRACE: i64 = 30;

/// Whole seconds, rounded up; `None` for one that is absent, zero or negative, which mean no limit.
pub(crate) fn rounded_up(duration: Option<&Duration>) -> Option<i64> {
    const NANOS: i128 = 1_000_000_000;
    let duration = duration?;
    let nanos = i128::from(duration.seconds) * NANOS + i128::from(duration.nanos);
    if nanos <= 0 {
        return None;
    }
    let seconds = (nanos + NANOS - 1) / NANOS;
    Some(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// How long the task may wait for a bot.
pub(crate) fn expiration(start: Option<i64>, default: i64) -> i64 {
    start.unwrap_or(default).clamp(LEAST, MOST_EXPIRATION)
}

/// How long it may run.
pub(crate) fn execution_timeout(run: Option<i64>) -> i64 {
    run.unwrap_or(MOST_EXECUTION).clamp(LEAST, MOST_EXECUTION)
}

/// How long it has to end itself when asked to.
pub(crate) fn grace_period(stop: Option<i64>) -> i64 {
    stop.unwrap_or(DEFAULT_GRACE).clamp(0, MOST_GRACE)
}

/// How long it may print nothing; 0 for ever.
pub(crate) fn io_timeout(io: Option<i64>) -> i64 {
    io.map_or(0, |io| io.clamp(LEAST, MOST_EXECUTION))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up(seconds: i64, nanos: i32) -> Option<i64> {
        rounded_up(Some(&Duration { seconds, nanos }))
    }

    #[test]
    fn a_part_of_a_second_counts_as_one() {
        assert_eq!(rounded_up(None), None);
        for (seconds, nanos, expected) in [
            (0, 0, None),
            (0, 1, Some(1)),
            (1, 0, Some(1)),
            (1, 1, Some(2)),
            (59, 999_999_999, Some(60)),
            (-1, 0, None),
            (0, -1, None),
            (-1, 999_999_999, None),
            (-1, i32::MAX, Some(2)),
            (i64::MAX, 999_999_999, Some(i64::MAX)),
            (i64::MAX, i32::MAX, Some(i64::MAX)),
            (i64::MIN, i32::MIN, None),
        ] {
            assert_eq!(up(seconds, nanos), expected, "{seconds} s {nanos} ns");
        }
    }

    #[test]
    fn every_timeout_is_within_the_bounds_of_the_server() {
        for (wanted, expiration_, execution, grace, io) in [
            (None, 86_400, 601_140, 30, 0),
            (Some(1), 30, 30, 1, 30),
            (Some(30), 30, 30, 30, 30),
            (Some(3_601), 3_601, 3_601, 3_600, 3_601),
            (Some(604_800), 604_800, 601_140, 3_600, 601_140),
            (Some(i64::MAX), 604_800, 601_140, 3_600, 601_140),
            (Some(i64::MIN), 30, 30, 0, 30),
        ] {
            assert_eq!(expiration(wanted, 86_400), expiration_, "{wanted:?}");
            assert_eq!(execution_timeout(wanted), execution, "{wanted:?}");
            assert_eq!(grace_period(wanted), grace, "{wanted:?}");
            assert_eq!(io_timeout(wanted), io, "{wanted:?}");
        }
    }
}
