//! Simulated jobs that use the real API.

mod generated;

pub use generated::jobsim as proto;
