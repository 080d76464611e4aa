//! The parts that every call works with, joined.

use std::fmt;
use std::sync::Arc;

use distributor_core::Clock;
use distributor_host::Engine;

use crate::access::Access;
use crate::templates::Templates;

/// The service. Clones are the same service.
#[derive(Clone)]
pub struct Api {
    parts: Arc<Parts>,
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
}

impl Api {
    /// Joins the parts.
    pub fn new(parts: Parts) -> Self {
        Api {
            parts: Arc::new(parts),
        }
    }

    /// The parts.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}
