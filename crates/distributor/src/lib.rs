//! The one program, as a library: a build with backends of your own is three lines.
//!
//! ```no_run
//! // Also: `use my_backend as _;`, or the linker drops the crate and its kind with it.
//! fn main() -> std::process::ExitCode {
//!     distributor::main()
//! }
//! ```
//!
//! * [`main`]: the whole command-line program.
//! * [`core`]: what a backend crate needs.
//! * [`graph_file`]: reads graphs of jobs.
//!
//! Which backends are compiled in is a matter of cargo features, one each (`backend-noop`,
//! `backend-local-process`; both are on by default). This crate joins what the others do, and
//! refuses to do any of it itself: the rules of life cycles, stores and backends are theirs.

pub mod graph_file;

mod backends;
mod cli;
mod config_source;

use std::process::ExitCode;

pub use distributor_core as core;

/// The program: reads the process's arguments, does what they ask, and answers with the exit code
/// that `distributor --help` documents.
///
/// Call it first in `main`: a backend's helper process is the same program, told apart by its
/// arguments.
pub fn main() -> ExitCode {
    match core::helper::dispatch(std::env::args_os()) {
        Some(code) => code,
        None => cli::main(std::env::args_os()),
    }
}
