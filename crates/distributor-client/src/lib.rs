//! Calls the API of a running service.
//!
//! * [`Client`]: one method for each method of the API, over one connection.
//!
//! It refuses to know how a service works: it knows the protos and nothing else of this project.

mod client;

pub use client::{Client, ClientError, ConnectOptions};
pub use tonic::{Code, Streaming};
