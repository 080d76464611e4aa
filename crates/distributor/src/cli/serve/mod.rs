//! `serve`: the API on a port, in front of a host.

use clap::Args;

use super::args::Global;
use super::exit::{Exit, Failure};

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

pub(super) fn serve(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let _to_be_written = (global, arguments);
    Err(Failure::Internal("to be written".to_owned()))
}
