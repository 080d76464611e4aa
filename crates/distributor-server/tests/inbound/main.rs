//! What other systems send on their own, over a real port: pushes of Pub/Sub, tasks of external queues.
//!
//! Time and backend are scripted. Nothing here sleeps; whoever waits, waits for an event.

#[path = "../support/mod.rs"]
mod ground;
mod support;

mod callers;
mod garbage;
mod pushes;
mod queue;
mod refusals;
mod settling;
