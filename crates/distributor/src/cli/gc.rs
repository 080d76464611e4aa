//! `gc`: removes old ended attempts from the state, or says how many it would remove.

use distributor_core::{Clock, SystemClock};
use distributor_store::Store;
use serde_json::json;

use super::args::{Gc, Global};
use super::exit::{Exit, Failure};
use super::output;
use super::place::Place;

pub(super) fn gc(global: &Global, arguments: &Gc) -> Result<Exit, Failure> {
    let place = Place::of(global)?;
    let now = SystemClock.now();
    // Opened for reading first: what is not there must not be made in order to be cleaned.
    let reading = place.read()?;
    let collected = if arguments.dry_run {
        reading.would_collect(now, arguments.older_than)?
    } else {
        drop(reading);
        place.write()?.collect(now, arguments.older_than)?
    };
    if arguments.json.json {
        output::json(&json!({
            "state_directory": place.state.display().to_string(),
            "dry_run": arguments.dry_run,
            "attempts": collected.attempts,
            "quests": collected.quests,
            "bytes_before": collected.bytes_before,
            "bytes_after": collected.bytes_after,
        }))?;
    } else {
        let removed = if arguments.dry_run {
            "would remove"
        } else {
            "removed"
        };
        let size = match arguments.dry_run {
            true => format!("{} bytes", collected.bytes_before),
            false => format!(
                "{} bytes, before {}",
                collected.bytes_after, collected.bytes_before
            ),
        };
        output::line(format_args!(
            "{removed} {} attempts and {} quests; the state has {size}",
            collected.attempts, collected.quests
        ))?;
    }
    let backends = place.state.join("backends");
    if !arguments.dry_run && collected.attempts > 0 && backends.exists() {
        output::note(format_args!(
            "files of backends, such as outputs of processes, stay in {}",
            backends.display()
        ));
    }
    Ok(Exit::Finished)
}
