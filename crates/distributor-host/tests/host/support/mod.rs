//! What the tests of the host share: a world whose backends, time, randomness and store failures
//! are all scripted. Nothing here sleeps; whoever waits, waits for an event.

mod backend;
mod job;
mod quest;
mod random;
mod source;
mod store;
mod world;

use std::time::Duration;

use distributor_core::{Error, ErrorKind};

pub(crate) use backend::{Gate, Method, Reply, ScriptedBackend, Seen, started};
pub(crate) use job::job;
pub(crate) use quest::{Quest, ensure_all};
pub(crate) use random::Random;
pub(crate) use source::ScriptedSource;
pub(crate) use store::CommitFault;
pub(crate) use world::{World, abnormal_end};

const GUARD: Duration = Duration::from_secs(20);

/// Runs a test on one thread, with a generous guard against hanging for ever.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime
        .block_on(async { tokio::time::timeout(GUARD, test).await })
        .expect("the test hangs");
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn transient(message: &str) -> Error {
    Error::new(ErrorKind::Unavailable, message).transient()
}

pub(crate) fn permanent(message: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}
