//! `notifications`: what has become of the notifications that came to a service.

use clap::Args;
use serde_json::{Map, Value};

use super::args::{Global, Json, with_exit_codes};
use super::exit::{Exit, Failure};
use super::output;
use super::place::Place;
use super::table::{Cell, Facts};

/// Arguments of `notifications`.
#[derive(Debug, Args)]
#[command(after_long_help = with_exit_codes(HELP))]
pub(crate) struct Arguments {
    #[command(flatten)]
    json: Json,
}

const HELP: &str = "\
`pending` and `pending_executions` are what waits now; all else is counted since the service started.

Examples:
  distributor notifications --server http://127.0.0.1:8650
  distributor notifications --json | jq .bad_token

With --json: {\"server\", \"recorded\", \"condensed\", \"unsettled\", \"unknown\", \"over\",
\"other_configuration\", \"bad_token\", \"malformed\", \"failed\", \"deferred\", \"refused_callers\",
\"pending\", \"pending_executions\"}.";

pub(super) fn notifications(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let place = Place::of_service(global)?;
    let Some(remote) = &place.remote else {
        return Err(Failure::Input(
            "notifications needs a service: give --server, or set DISTRIBUTOR_SERVER".to_owned(),
        ));
    };
    let counts = remote.count_notifications()?;
    let counts = [
        ("recorded", counts.recorded),
        ("condensed", counts.condensed),
        ("unsettled", counts.unsettled),
        ("unknown", counts.unknown),
        ("over", counts.over),
        ("other_configuration", counts.other_configuration),
        ("bad_token", counts.bad_token),
        ("malformed", counts.malformed),
        ("failed", counts.failed),
        ("deferred", counts.deferred),
        ("refused_callers", counts.refused_callers),
        ("pending", counts.pending),
        ("pending_executions", counts.pending_executions),
    ];
    if arguments.json.json {
        let counts = counts.map(|(name, count)| (name.to_owned(), Value::from(count)));
        let counts: Map<String, Value> = counts.into_iter().collect();
        output::json(&place.origin().with(Value::Object(counts)))?;
    } else {
        let mut facts = Facts::default();
        for (name, count) in counts {
            facts.add(name, Cell::plain(count.to_string()));
        }
        let text = facts.render("", output::colours());
        output::data(|out| out.write_all(text.as_bytes()).or_else(output::noticed))?;
    }
    Ok(Exit::Finished)
}
