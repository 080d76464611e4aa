//! `status`: how many attempts are in which state, and a list of them.

use distributor_store::records::AttemptRecord;
use distributor_store::{AttemptFilter, StateCounts};
use serde_json::json;

use super::args::{Global, Status};
use super::exit::{Exit, Failure};
use super::place::Place;
use super::table::{Cell, Table};
use super::{output, view};

/// Attempts that are read at once.
const PAGE: usize = 500;

pub(super) fn status(global: &Global, arguments: &Status) -> Result<Exit, Failure> {
    let place = Place::of_service(global)?;
    let store = place.records()?;
    let counts = store.counts()?;
    let filter = AttemptFilter {
        unfinished: !arguments.all,
    };
    let mut attempts = Vec::new();
    let mut next = None;
    loop {
        let wanted = (arguments.limit - attempts.len()).min(PAGE);
        let page = store.list(filter, next, wanted)?;
        attempts.extend(page.attempts);
        next = page.next;
        if next.is_none() || attempts.len() >= arguments.limit {
            break;
        }
    }
    if arguments.json.json {
        let listed: Result<Vec<_>, _> = attempts
            .iter()
            .map(|attempt| view::Attempt::new(attempt, false))
            .collect();
        output::json(&place.origin().with(json!({
            "counts": counted(counts).into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            "attempts": listed?,
            "more": next.is_some(),
        })))?;
    } else {
        let text = text(counts, &attempts, output::colours());
        output::data(|out| out.write_all(text.as_bytes()).or_else(output::noticed))?;
        if next.is_some() {
            output::note(format_args!(
                "there are more; `--limit N` lists more than {}",
                arguments.limit
            ));
        }
    }
    Ok(Exit::Finished)
}

fn counted(counts: StateCounts) -> [(&'static str, u64); 5] {
    [
        ("SCHEDULING", counts.scheduling),
        ("EXECUTING", counts.executing),
        ("WAITING", counts.waiting),
        ("FINISHED", counts.finished),
        ("ABNORMAL_FINISHED", counts.abnormal_finished),
    ]
}

fn text(counts: StateCounts, attempts: &[AttemptRecord], colours: bool) -> String {
    let counts = counted(counts).map(|(state, count)| format!("{state} {count}"));
    let mut out = counts.join("  ");
    out.push('\n');
    if attempts.is_empty() {
        return out;
    }
    let mut table = Table::new(&[
        "ATTEMPT",
        "STATE",
        "EXECUTIONS",
        "DISTRIBUTOR",
        "CHANGED",
        "REASON",
    ]);
    for attempt in attempts {
        let outcome = attempt.outcome.as_ref();
        table.row([
            Cell::plain(attempt.id.to_string()),
            Cell::state(view::short_state(attempt.state, outcome)),
            Cell::plain(attempt.current_execution.to_string()),
            Cell::plain(&attempt.config_name),
            Cell::plain(attempt.modified.to_string()),
            Cell::plain(view::reason(outcome).unwrap_or_default()),
        ]);
    }
    out.push('\n');
    out.push_str(&table.render(colours));
    out
}
