//! The gRPC transport, over real connections.

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod deadline;
mod standard;
mod watch;
