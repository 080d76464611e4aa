//! `watch`: shows the changes at a service as they happen.

use clap::Args;
use distributor_core::AttemptId;
use serde_json::json;

use super::args::{Global, Json, with_exit_codes};
use super::exit::{Exit, Failure};
use super::ids::{self, Id};
use super::output::{self, Reader};
use super::place::Place;
use super::signals::Signals;

/// Arguments of `watch`.
#[derive(Debug, Args)]
#[command(after_long_help = with_exit_codes(HELP))]
pub(crate) struct Arguments {
    /// Only these attempts; a quest means its newest attempt. None: all
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    json: Json,
}

const HELP: &str = "\
Examples:
  distributor watch --server http://127.0.0.1:8650
  distributor watch xq1Z --json

One line for each change, until it is interrupted. With --json: {\"attempt\", \"state\", \"execution\",
\"execution_state\"}; {\"missed\": true} if it was too slow and something is left out.";

pub(super) fn watch(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let place = Place::of_service(global)?;
    let Some(remote) = place.remote.clone() else {
        return Err(Failure::Input(
            "watch needs a service: give --server, or set DISTRIBUTOR_SERVER".to_owned(),
        ));
    };
    let records = place.records()?;
    let mut attempts: Vec<AttemptId> = Vec::new();
    for id in &arguments.ids {
        attempts.push(match ids::find(records.as_ref(), &place, id)? {
            Id::Quest(quest) => ids::newest_attempt(records.as_ref(), &place, quest)?,
            Id::Attempt(attempt) => attempt,
            Id::Execution(execution) => execution.attempt,
        });
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::system("start the runtime"))?;
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let mut changes = remote.watch(&attempts).await?;
        loop {
            let change = tokio::select! {
                change = changes.next() => change?,
                () = signals.next() => return Ok(Exit::Interrupted),
            };
            let reader = match change {
                Some(change) if arguments.json.json => output::line(json!({
                    "attempt": change.id.to_string(),
                    "state": change.state.as_str_name(),
                    "execution": change.execution,
                    "execution_state": change.execution_state.map(|it| it.as_str_name()),
                }))?,
                Some(change) => {
                    let execution = match change.execution_state {
                        Some(state) => format!("{} {}", change.execution, state.as_str_name()),
                        None => String::new(),
                    };
                    let state = change.state.as_str_name();
                    output::line(format!("{}  {state:<17}  {execution}", change.id))?
                }
                None if arguments.json.json => output::line(json!({ "missed": true }))?,
                None => {
                    output::note("some changes were missed");
                    Reader::There
                }
            };
            if reader == Reader::Gone {
                return Ok(Exit::Finished);
            }
        }
    })
}
