//! The supervisor as a program of its own: for this crate's tests, and for hosts that do not
//! re-execute themselves. It refuses to do anything that the library function does not.

use std::process::ExitCode;

fn main() -> ExitCode {
    distributor_backend_local_process::supervisor_main(std::env::args_os().skip(1).collect())
}
