//! Holds the host's committer when it looks at the time, which it does for every batch.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex};

use async_trait::async_trait;
use distributor_core::{Clock, ManualClock, Timestamp};
use tokio::sync::Notify;

/// The name of the committer's thread.
const COMMITTER: &str = "committer";

/// A manual clock that the committer may have to wait for.
pub(crate) struct HoldingClock {
    clock: Arc<ManualClock>,
    held: Mutex<bool>,
    released: Condvar,
    arrived: Notify,
}

impl HoldingClock {
    pub(crate) fn new(clock: Arc<ManualClock>) -> Self {
        HoldingClock {
            clock,
            held: Mutex::new(false),
            released: Condvar::new(),
            arrived: Notify::new(),
        }
    }

    /// From now on nothing is committed.
    pub(crate) fn hold(&self) {
        *self.held.lock().unwrap() = true;
    }

    /// Returns once the committer has something to commit, and may not.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    pub(crate) fn release(&self) {
        *self.held.lock().unwrap() = false;
        self.released.notify_all();
    }
}

impl fmt::Debug for HoldingClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HoldingClock").finish_non_exhaustive()
    }
}

#[async_trait]
impl Clock for HoldingClock {
    fn now(&self) -> Timestamp {
        if std::thread::current().name() == Some(COMMITTER) {
            let mut held = self.held.lock().unwrap();
            while *held {
                self.arrived.notify_one();
                held = self.released.wait(held).unwrap();
            }
        }
        self.clock.now()
    }

    async fn sleep_until(&self, deadline: Timestamp) {
        self.clock.sleep_until(deadline).await;
    }
}
