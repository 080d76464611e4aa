//! Time as a parameter (architecture, A11): wall-clock instants, a system clock, a manual clock.
//!
//! Nothing else in the project reads the time, so a test that holds a [`ManualClock`] holds it all.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// A moment, in microseconds since the Unix epoch: the precision of the original's records.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Timestamp(micros)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The moment `delay` later; the end of time if that overflows.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        let micros = i64::try_from(delay.as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_add(micros))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Timestamp) -> Duration {
        let micros = self.0.saturating_sub(earlier.0).max(0);
        Duration::from_micros(micros.unsigned_abs())
    }

    /// As the wire has it.
    pub fn to_proto(self) -> prost_types::Timestamp {
        prost_types::Timestamp {
            seconds: self.0.div_euclid(1_000_000),
            nanos: i32::try_from(self.0.rem_euclid(1_000_000)).unwrap_or(0) * 1_000,
        }
    }

    /// From the wire; what does not fit is clamped.
    pub fn from_proto(timestamp: &prost_types::Timestamp) -> Self {
        let micros = timestamp.seconds.saturating_mul(1_000_000);
        Timestamp(micros.saturating_add(i64::from(timestamp.nanos) / 1_000))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_proto().fmt(f)
    }
}

/// Where the time comes from.
#[async_trait]
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Returns once [`Clock::now`] is at or after `deadline`; at once if it already is.
    async fn sleep_until(&self, deadline: Timestamp);
}

/// The machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::default().after(since_epoch)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that sleeps by the wall clock"
    )]
    async fn sleep_until(&self, deadline: Timestamp) {
        // A long sleep is cut so that a wall clock that was set is noticed.
        const LONGEST: Duration = Duration::from_secs(60);
        loop {
            let left = deadline.since(self.now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LONGEST)).await;
        }
    }
}

/// A clock that stands still until it is told to move: for tests and simulation.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
    advancing: Mutex<()>,
}

impl ManualClock {
    /// Starts at `now`.
    pub fn new(now: Timestamp) -> Self {
        ManualClock {
            now: watch::Sender::new(now),
            advancing: Mutex::new(()),
        }
    }

    /// Moves on by `delay` and wakes whoever waited for that.
    pub fn advance(&self, delay: Duration) {
        let _one_at_a_time = self.advancing.lock();
        self.now.send_modify(|now| *now = now.after(delay));
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep_until(&self, deadline: Timestamp) {
        let mut now = self.now.subscribe();
        // An error means that the clock is gone, and with it whoever could ask the time.
        let _gone = now.wait_for(|now| *now >= deadline).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proto_round_trip_keeps_microseconds_before_and_after_the_epoch() {
        for micros in [-1_500_001, -1, 0, 1, 1_444_945_245_000_123] {
            let timestamp = Timestamp::from_micros(micros);
            assert_eq!(Timestamp::from_proto(&timestamp.to_proto()), timestamp);
        }
    }

    #[test]
    fn the_end_of_time_is_not_passed() {
        let last = Timestamp::from_micros(i64::MAX);
        assert_eq!(last.after(Duration::MAX), last);
    }

    #[tokio::test]
    async fn a_manual_clock_wakes_sleepers_exactly_at_the_deadline() {
        let clock = ManualClock::new(Timestamp::from_micros(0));
        let sleep = clock.sleep_until(Timestamp::from_micros(1_000_000));
        tokio::pin!(sleep);
        clock.advance(Duration::from_micros(999_999));
        tokio::select! { biased;
            () = &mut sleep => panic!("woke early"),
            () = std::future::ready(()) => {}
        }
        clock.advance(Duration::from_micros(1));
        sleep.await;
    }
}
