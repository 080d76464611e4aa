//! `explain`: why an attempt is not running, or what it is doing.

use clap::Args;
use distributor_core::AttemptId;
use distributor_proto::control::ExplainResponse;
use serde_json::{Map, json};

use super::args::{Global, Json};
use super::exit::{Exit, Failure};
use super::findings::one_line;
use super::ids::{self, Id};
use super::output;
use super::place::Place;
use super::table::{Cell, Table};

/// Arguments of `explain`.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    /// Quest, attempt or execution
    id: String,
    #[command(flatten)]
    json: Json,
}

const HELP: &str = "\
An id is QUEST (the first 4 or more characters are enough if they are unique), 'QUEST|N' for an
attempt or 'QUEST|N|E' for an execution, which stands for its attempt. Quote the `|`.

Examples:
  distributor explain xq1Z
  distributor explain 'xq1Z|2' --server http://127.0.0.1:8650

With --json: {\"attempt\", \"state\", \"sentence\", \"facts\": {NAME: VALUE}}.";

pub(super) fn explain(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let place = Place::of_service(global)?;
    let records = place.records()?;
    let attempt = match ids::find(records.as_ref(), &place, &arguments.id)? {
        Id::Quest(quest) => ids::newest_attempt(records.as_ref(), &place, quest)?,
        Id::Attempt(attempt) => attempt,
        Id::Execution(execution) => execution.attempt,
    };
    let answer = ask(&place, attempt)?;
    if arguments.json.json {
        let facts = answer.facts.iter();
        let facts: Map<_, _> = facts
            .map(|fact| (fact.name.clone(), fact.value.clone().into()))
            .collect();
        output::json(&json!({
            "attempt": attempt.to_string(),
            "state": answer.state().as_str_name(),
            "sentence": answer.sentence,
            "facts": facts,
        }))?;
        return Ok(Exit::Finished);
    }
    let mut facts = Table::new(&["FACT", "VALUE"]);
    for fact in &answer.facts {
        facts.row([Cell::plain(&fact.name), Cell::plain(&fact.value)]);
    }
    let mut out = one_line(&answer.sentence);
    out.push_str("\n\n");
    out.push_str(&facts.render(output::colours()));
    output::data(|to| to.write_all(out.as_bytes()).or_else(output::noticed))?;
    Ok(Exit::Finished)
}

fn ask(place: &Place, attempt: AttemptId) -> Result<ExplainResponse, Failure> {
    match &place.remote {
        Some(remote) => remote.explain(attempt),
        None => {
            let store = place.read()?;
            let (_entrance, backends) = place.stored_backends()?;
            Ok(distributor_api::explain(
                &store,
                backends.as_ref(),
                attempt,
            )?)
        }
    }
}
