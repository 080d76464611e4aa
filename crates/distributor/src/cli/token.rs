//! `token`: creates, lists and revokes the tokens that callers of a service show.

use clap::Args;

use super::args::Global;
use super::exit::{Exit, Failure};

/// Arguments of `token`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

pub(super) fn token(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let _to_be_written = (global, arguments);
    Err(Failure::Internal("to be written".to_owned()))
}
