//! What all transports have in common.

use std::sync::Arc;

use distributor_api::{Api, Callers};

use crate::budget::Budget;
use crate::time::Time;

/// What every request handler needs. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) api: Api,
    pub(crate) callers: Arc<dyn Callers>,
    /// Anybody may do everything.
    pub(crate) open: bool,
    pub(crate) time: Time,
    pub(crate) budget: Budget,
}

impl Shared {
    /// With a budget that is all there.
    pub(crate) fn new(api: Api, callers: Arc<dyn Callers>, open: bool) -> Self {
        Shared {
            time: Time::of(&api),
            budget: Budget::new(),
            api,
            callers,
            open,
        }
    }
}
