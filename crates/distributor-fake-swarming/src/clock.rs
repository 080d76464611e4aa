//! Time as a parameter, and the one place where the machine's time is read.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;

/// A moment, in microseconds since the Unix epoch.
pub type Micros = i64;

/// One second.
pub(crate) const SECOND: Micros = 1_000_000;

/// Where the time comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time now.
    fn now(&self) -> Micros;

    /// Returns once [`Clock::now`] is at or after `deadline`; at once if it already is.
    fn sleep_until(&self, deadline: Micros) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the only place where the farm reads the time"
    )]
    fn now(&self) -> Micros {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .ok()
            .and_then(|since| Micros::try_from(since.as_micros()).ok())
            .unwrap_or_default()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the only place where the farm waits for time to pass"
    )]
    fn sleep_until(&self, deadline: Micros) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        /// The wall clock can be set while one sleeps, so it is looked at again.
        const LONGEST: Duration = Duration::from_secs(10);
        Box::pin(async move {
            loop {
                let left = deadline.saturating_sub(self.now());
                if left <= 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_micros(left.unsigned_abs()).min(LONGEST)).await;
            }
        })
    }
}

/// A clock that stands still until it is told otherwise, for tests.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Micros>,
}

impl ManualClock {
    /// Stands at `now`.
    pub fn new(now: Micros) -> Self {
        ManualClock {
            now: watch::Sender::new(now),
        }
    }

    /// Goes on by `step` and wakes whoever waits for a moment until then.
    pub fn advance(&self, step: Duration) {
        let step = Micros::try_from(step.as_micros()).unwrap_or(Micros::MAX);
        self.now.send_modify(|now| *now = now.saturating_add(step));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Micros {
        *self.now.borrow()
    }

    fn sleep_until(&self, deadline: Micros) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            // The sender lives as long as `self`, which this borrows.
            let _reached = now.wait_for(|now| *now >= deadline).await;
        })
    }
}

/// Seconds as a script or a variable gives them; nothing negative, nothing beyond a year.
pub(crate) fn seconds(seconds: f64) -> Micros {
    const YEAR: f64 = 366.0 * 86_400.0;
    // In range by the clamp; a fraction of a microsecond does not matter.
    #[expect(clippy::cast_possible_truncation, reason = "clamped to a year")]
    let micros = (seconds.clamp(0.0, YEAR) * 1e6) as Micros;
    micros
}
