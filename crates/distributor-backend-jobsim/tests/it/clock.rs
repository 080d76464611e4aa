//! A clock that stands still until a test passes over what somebody waits for.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use distributor_core::{Clock, ManualClock, Timestamp};
use tokio::sync::watch;

/// The clock, which knows who sleeps.
#[derive(Debug)]
pub(crate) struct TestClock {
    clock: ManualClock,
    sleepers: watch::Sender<BTreeMap<u64, Timestamp>>,
    next: Mutex<u64>,
}

impl TestClock {
    pub(crate) fn new() -> Self {
        TestClock {
            clock: ManualClock::new(Timestamp::from_micros(1_000_000)),
            sleepers: watch::Sender::new(BTreeMap::new()),
            next: Mutex::new(0),
        }
    }

    /// Waits until somebody sleeps, and moves on to when the first of them wakes. Gives how long
    /// that is.
    pub(crate) async fn pass_a_sleep(&self) -> Duration {
        let now = self.now();
        // Who is to wake now may not have been polled yet.
        let later = |sleepers: &BTreeMap<u64, Timestamp>| {
            let deadlines = sleepers.values().copied();
            deadlines.filter(|deadline| *deadline > now).min()
        };
        let mut sleepers = self.sleepers.subscribe();
        let sleepers = sleepers
            .wait_for(|sleepers| later(sleepers).is_some())
            .await;
        let first = later(&sleepers.expect("the clock exists"));
        let delay = first.expect("somebody sleeps").since(now);
        self.clock.advance(delay);
        delay
    }
}

struct Sleeper<'a>(&'a TestClock, u64);

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let Sleeper(clock, id) = self;
        clock.sleepers.send_modify(|sleepers| {
            sleepers.remove(id);
        });
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn sleep_until(&self, deadline: Timestamp) {
        let id = {
            let mut next = self.next.lock().expect("no panic");
            *next += 1;
            *next
        };
        self.sleepers.send_modify(|sleepers| {
            sleepers.insert(id, deadline);
        });
        let _until_dropped = Sleeper(self, id);
        self.clock.sleep_until(deadline).await;
    }
}
