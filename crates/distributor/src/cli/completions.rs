//! `completions`: a script that teaches a shell the commands and flags.

use clap::CommandFactory;

use super::args::{Arguments, Completions};
use super::exit::{Exit, Failure};
use super::output;

pub(super) fn completions(arguments: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "distributor",
        &mut script,
    );
    output::data(|out| out.write_all(&script).or_else(output::noticed))?;
    Ok(Exit::Finished)
}
