//! Waiting, by the service's own clock.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use distributor_api::Api;

/// A moment to wait for.
pub(crate) type Moment = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Gives moments to wait for. Clones go by the same clock.
#[derive(Clone)]
pub(crate) struct Time(Arc<dyn Fn(Duration) -> Moment + Send + Sync>);

impl Time {
    /// By the clock of the service.
    pub(crate) fn of(api: &Api) -> Self {
        let clock = api.parts().clock.clone();
        Time::new(move |delay| {
            let clock = clock.clone();
            let deadline = clock.now().after(delay);
            Box::pin(async move { clock.sleep_until(deadline).await })
        })
    }

    pub(crate) fn new(after: impl Fn(Duration) -> Moment + Send + Sync + 'static) -> Self {
        Time(Arc::new(after))
    }

    /// A moment that does not come.
    pub(crate) fn never() -> Moment {
        Box::pin(std::future::pending())
    }

    /// So long from now.
    pub(crate) fn after(&self, delay: Duration) -> Moment {
        (self.0)(delay)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Time").finish_non_exhaustive()
    }
}
