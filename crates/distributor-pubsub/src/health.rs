//! Whether something works, said once for each change: what fails for a day is one line of the log.

use std::mem::Discriminant;
use std::time::Duration;

use crate::backoff::Backoff;
use crate::error::CallError;
use crate::subscription::Subscription;

/// Whether one kind of calls works.
#[derive(Debug)]
pub(crate) struct Health {
    subscription: Subscription,
    /// As in "cannot …".
    what: &'static str,
    backoff: Backoff,
    /// How it fails, as it was said last.
    said: Option<(Discriminant<CallError>, u16)>,
}

impl Health {
    pub(crate) fn new(subscription: &Subscription, what: &'static str) -> Self {
        Health {
            subscription: subscription.clone(),
            what,
            backoff: Backoff::default(),
            said: None,
        }
    }

    pub(crate) fn worked(&mut self) {
        self.backoff.worked();
        if self.said.take().is_some() {
            tracing::info!("{}: can {} again", self.subscription, self.what);
        }
    }

    /// Returns how long to wait now: longer with every failure in a row, and as the server asks.
    pub(crate) fn failed(&mut self, error: &CallError) -> Duration {
        let kind = Some(error.kind());
        if self.said != kind {
            let (subscription, what) = (&self.subscription, self.what);
            tracing::warn!("{subscription}: cannot {what}: {error}; trying until it works");
            self.said = kind;
        }
        let pause = self.backoff.failed();
        pause.max(error.retry_after().unwrap_or_default())
    }
}
