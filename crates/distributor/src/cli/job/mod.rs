//! `job`: lets a shell script be a job that calls the API.

use clap::Args;

use super::exit::{Exit, Failure};

/// Arguments of `job`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

pub(super) fn job(arguments: &Arguments) -> Result<Exit, Failure> {
    let _to_be_written = arguments;
    Err(Failure::Internal("to be written".to_owned()))
}
