//! `cancel`: asks a service for the end of attempts.

use clap::Args;
use serde_json::json;

use super::args::{Global, Json, with_exit_codes};
use super::exit::{Exit, Failure};
use super::ids::{self, Id};
use super::output;
use super::place::Place;

/// Arguments of `cancel`.
#[derive(Debug, Args)]
#[command(after_long_help = with_exit_codes(HELP))]
pub(crate) struct Arguments {
    /// Attempts or executions; a quest means its newest attempt
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Why, for people [default: who cancels]
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    reason: String,
    #[command(flatten)]
    json: Json,
}

const HELP: &str = "\
Examples:
  distributor cancel xq1Z --server http://127.0.0.1:8650
  distributor cancel 'xq1Z|2' 'abcd|1' --reason 'wrong input'

An execution that is no longer its attempt's current one is refused.";

pub(super) fn cancel(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let place = Place::of_service(global)?;
    let Some(remote) = &place.remote else {
        return Err(Failure::Input(
            "cancel needs a service: give --server, or set DISTRIBUTOR_SERVER; jobs of a `run` are \
             cancelled by interrupting it"
                .to_owned(),
        ));
    };
    let records = place.records()?;
    let mut attempts = Vec::new();
    let mut executions = Vec::new();
    for id in &arguments.ids {
        match ids::find(records.as_ref(), &place, id)? {
            Id::Quest(quest) => {
                attempts.push(ids::newest_attempt(records.as_ref(), &place, quest)?);
            }
            Id::Attempt(attempt) => attempts.push(attempt),
            Id::Execution(execution) => executions.push(execution),
        }
    }
    let names = attempts.iter().map(ToString::to_string);
    let names: Vec<String> = names
        .chain(executions.iter().map(ToString::to_string))
        .collect();
    remote.cancel_all(attempts, executions, arguments.reason.clone())?;
    if arguments.json.json {
        output::json(&json!({ "cancelled": names }))?;
    } else {
        for name in names {
            output::line(name)?;
        }
        output::note("being cancelled; `distributor explain` says how far it is");
    }
    Ok(Exit::Finished)
}
