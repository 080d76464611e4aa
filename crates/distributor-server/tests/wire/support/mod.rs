//! What the scenarios share: a service on a port, with a host in memory, whose backend, time and groups
//! are scripted. Nothing here sleeps; whoever waits, waits for an event.

mod answer;
mod backend;
mod request;
mod world;

use std::time::Duration;

use crate::wire::Wire;

pub(crate) use answer::{names, result, shown, shown_in, state};
pub(crate) use backend::{CONFIG, INSTANT_RESULT, OUTPUT, instant, slow};
pub(crate) use request::{
    all_of, desc, everything, id_of, list, nothing, nums, range, raw, request, results, walk,
    with_results,
};
pub(crate) use world::{Job, World};

const GUARD: Duration = Duration::from_secs(60);

/// Runs a scenario in a world of its own, with a generous guard against hanging for ever. The server
/// has to end well too.
pub(crate) async fn run<W: Wire>(scenario: impl AsyncFnOnce(&World<W>)) {
    let whole = async {
        let world = World::new().await;
        scenario(&world).await;
        world.stopped().await;
    };
    let in_time = tokio::time::timeout(GUARD, whole).await;
    in_time.expect("the test hangs");
}
