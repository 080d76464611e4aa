//! Where a host gets its backends, and how their ends get to it: given at the start, not found anywhere.

use std::sync::Arc;

use distributor_core::DistributorSource;
use distributor_host::{Engine, Entrance, Settings};
use distributor_store::{Store, StoreError};

/// The type says it: there is no host without a source, and no global that could be empty.
#[test]
fn dc_65_dc_66_no_host_starts_without_a_source_of_distributors() {
    type Start = fn(
        Entrance,
        Arc<dyn Store>,
        Arc<dyn DistributorSource>,
        Settings,
    ) -> Result<Engine, StoreError>;
    let start: Start = Engine::start;
    let source: fn(&Engine) -> &Arc<dyn DistributorSource> = Engine::source;
    let _both_exist = (start, source);
}
