//! Calls the API of a running service.
//!
//! * [`Client`]: one method for each method of the API, over one connection.
//! * [`job::JobContext`]: the calls that a job makes for itself.
//!
//! It refuses to know how a service works: it knows the protos and nothing else of this project.

mod client;
pub mod job;
mod retry;

pub use client::{Client, ClientError, ConnectOptions};
pub use retry::RetryPolicy;
pub use tonic::{Code, Streaming};
