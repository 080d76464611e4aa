//! The harness of the end-to-end tests: the real binary, in a folder of its own.
//!
//! It refuses to look inside: what a test knows of the program it learns from files, output and exit
//! codes, as a user would.

mod binary;
mod ledger;
mod place;
mod running;

pub use ledger::{Event, Ledger};
pub use place::{Done, Place};
pub use running::Running;
