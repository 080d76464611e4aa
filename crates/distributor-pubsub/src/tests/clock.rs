//! A clock that stands still until somebody sleeps as long as the test expects.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use distributor_core::{Clock, ManualClock, Timestamp};
use tokio::sync::watch;

#[derive(Debug)]
pub(super) struct TestClock {
    inner: ManualClock,
    sleepers: watch::Sender<Sleepers>,
}

#[derive(Debug, Default)]
struct Sleepers {
    next: u64,
    deadlines: BTreeMap<u64, Timestamp>,
}

impl TestClock {
    pub(super) fn new() -> Self {
        TestClock {
            inner: ManualClock::new(Timestamp::from_micros(0)),
            sleepers: watch::Sender::default(),
        }
    }

    /// Waits until somebody sleeps for exactly so long from now, and lets the time pass.
    pub(super) async fn pass(&self, delay: Duration) {
        let deadline = self.now().after(delay);
        let asleep = |it: &Sleepers| it.deadlines.values().any(|other| *other == deadline);
        let mut sleepers = self.sleepers.subscribe();
        sleepers.wait_for(asleep).await.unwrap();
        self.inner.advance(delay);
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    async fn sleep_until(&self, deadline: Timestamp) {
        struct Asleep<'a>(&'a TestClock, u64);
        impl Drop for Asleep<'_> {
            fn drop(&mut self) {
                self.0.sleepers.send_modify(|it| {
                    it.deadlines.remove(&self.1);
                });
            }
        }
        let mut key = 0;
        self.sleepers.send_modify(|it| {
            key = it.next;
            it.next += 1;
            it.deadlines.insert(key, deadline);
        });
        let _asleep = Asleep(self, key);
        self.inner.sleep_until(deadline).await;
    }
}
