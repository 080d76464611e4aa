//! The backend against a graph that lives in memory.

mod behaviour;
mod cancelling;
mod clock;
mod contract;
mod crashes;
mod graph;
mod hostile;
mod retrying;
mod support;
