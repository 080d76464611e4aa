//! What the tests of the service share: a host in memory, whose backend, time and callers are scripted.
//! Nothing here sleeps; whoever waits, waits for an event.
#![allow(
    dead_code,
    unused_imports,
    reason = "each of the test programs uses a part of it"
)]

mod backend;
mod request;
mod world;

use std::time::Duration;

use distributor_api::{Code, Status};

pub(crate) use backend::{CONFIG, OTHER_CONFIG};
pub(crate) use request::{desc, id_of, nums, raw, request};
pub(crate) use world::{Job, World, anonymous, named, shown, state};

const GUARD: Duration = Duration::from_secs(60);

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

/// The call failed with this code, and its message contains this.
#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(
    answer: Result<T, Status>,
    code: Code,
    message: &str,
) {
    let status = answer.expect_err("a refusal");
    assert_eq!(status.code, code, "{status}");
    assert!(status.message.contains(message), "{status}");
}
