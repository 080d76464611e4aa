//! The harness of the end-to-end tests: the real binary, in a folder of its own.
//!
//! It refuses to look inside: what a test knows of the program it learns from files, output and exit
//! codes, as a user would.

mod binary;
mod changes;
mod farm;
mod gate;
mod http;
mod ledger;
mod place;
mod processes;
mod random;
mod running;
mod service;

pub use binary::example;
pub use farm::{Farm, PUSH_PATH, TOPIC, ask_all, farm_quest};
pub use gate::Gate;
pub use http::{Connection, Reply, get, post};
pub use ledger::{Event, Ledger};
pub use place::{Done, Place};
pub use processes::Process;
pub use random::Random;
pub use running::Running;
pub use rustix::process::Signal;
pub use service::Service;
