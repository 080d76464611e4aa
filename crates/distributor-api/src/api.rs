//! The parts that every call works with, joined.

use std::fmt;
use std::sync::Arc;

use distributor_core::Clock;
use distributor_host::Engine;
use tokio::sync::Semaphore;

use crate::access::Access;
use crate::notify::Inbound;
use crate::templates::Templates;
use crate::walk::WALKS_AT_ONCE;

/// The service. Clones are the same service.
#[derive(Clone)]
pub struct Api {
    parts: Arc<Parts>,
    /// Turns of walks.
    walks: Arc<Semaphore>,
}

/// What an [`Api`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// The host.
    pub engine: Engine,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who may do what.
    pub access: Arc<Access>,
    /// Quest templates.
    pub templates: Arc<Templates>,
    /// What takes in all that comes from outside (DC-69).
    pub inbound: Inbound,
}

impl Api {
    /// Joins the parts.
    pub fn new(parts: Parts) -> Self {
        Api {
            parts: Arc::new(parts),
            walks: Arc::new(Semaphore::new(WALKS_AT_ONCE)),
        }
    }

    /// The parts.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Turns of walks: each takes memory, so only some go on at a time.
    pub(crate) fn walks(&self) -> &Arc<Semaphore> {
        &self.walks
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}
