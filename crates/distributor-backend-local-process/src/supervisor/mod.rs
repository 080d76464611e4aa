//! The supervisor: a small process that starts tasks, reaps them and writes down how they ended.
//!
//! It is the service's own binary, re-executed as a helper, one for the lifetime of a service. It
//! outlives a killed service until its last task has ended, so no exit status is ever lost. It
//! refuses to decide anything but when a slot is free: which task comes next, and what an end means,
//! is the service's business. There is no async runtime in it.

mod kill;
pub(crate) mod log;
pub(crate) mod protocol;
mod reap;
mod serve;
mod spawn;
mod state;
mod wait;

pub(crate) use kill::signal_group;
pub(crate) use serve::SLOTS_OPTION;
pub use serve::main;
