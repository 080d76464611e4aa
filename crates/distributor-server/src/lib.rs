//! Transports of the service: gRPC and pRPC on one port, with or without TLS.
//!
//! It refuses to decide anything about quests or callers: every call goes to
//! [`distributor_api::Api`], by way of the one table in `methods`.

mod budget;
mod call;
mod deadline;
mod grpc;
mod guard;
mod held;
mod inbound;
mod listener;
mod methods;
mod prpc;
mod request;
mod shared;
mod stop;
mod time;

pub use listener::{Bound, Certificate, ServeError, Settings};
