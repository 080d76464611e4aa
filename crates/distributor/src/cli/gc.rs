//! `gc`: removes old ended attempts from the state, or says how many it would remove.
//!
//! Then each backend removes what it keeps of executions that are no longer known, such as outputs.

use distributor_core::{Clock, Swept, SystemClock};
use distributor_store::{Collected, Store};
use serde_json::json;

use super::args::{Gc, Global};
use super::exit::{Exit, Failure};
use super::output;
use super::place::Place;
use super::remote::Remote;

pub(super) fn gc(global: &Global, arguments: &Gc) -> Result<Exit, Failure> {
    let place = Place::of_service(global)?;
    let (collected, swept) = match &place.remote {
        Some(remote) => collect_there(remote, arguments)?,
        None => collect_here(&place, arguments)?,
    };
    if arguments.json.json {
        output::json(&place.origin().with(json!({
            "dry_run": arguments.dry_run,
            "attempts": collected.attempts,
            "quests": collected.quests,
            "bytes_before": collected.bytes_before,
            "bytes_after": collected.bytes_after,
            "files_of_backends": swept.files,
            "bytes_of_backends": swept.bytes,
        })))?;
    } else if arguments.dry_run {
        output::line(format_args!(
            "would remove {} attempts and {} quests, with what backends keep of them; \
             the state has {} bytes",
            collected.attempts, collected.quests, collected.bytes_before
        ))?;
    } else {
        output::line(format_args!(
            "removed {} attempts and {} quests, and {} files of backends with {} bytes; \
             the state has {} bytes, before {}",
            collected.attempts,
            collected.quests,
            swept.files,
            swept.bytes,
            collected.bytes_after,
            collected.bytes_before
        ))?;
    }
    Ok(Exit::Finished)
}

fn collect_here(place: &Place, arguments: &Gc) -> Result<(Collected, Swept), Failure> {
    let now = SystemClock.now();
    // Opened for reading first: what is not there must not be made in order to be cleaned.
    let reading = place.read()?;
    if arguments.dry_run {
        let collected = reading.would_collect(now, arguments.older_than)?;
        return Ok((collected, Swept::default()));
    }
    drop(reading);
    let store = place.write()?;
    let collected = store.collect(now, arguments.older_than)?;
    Ok((collected, sweep(place, &store)?))
}

fn collect_there(remote: &Remote, arguments: &Gc) -> Result<(Collected, Swept), Failure> {
    let done = remote.collect(arguments.older_than, arguments.dry_run)?;
    let collected = Collected {
        attempts: done.attempts,
        quests: done.quests,
        bytes_before: done.bytes_before,
        bytes_after: done.bytes_after,
    };
    let swept = Swept {
        files: done.backend_files,
        bytes: done.backend_bytes,
    };
    Ok((collected, swept))
}

/// Lets every backend that was ever used here clean up. One that cannot is told about, and the others
/// go on.
fn sweep(place: &Place, store: &dyn Store) -> Result<Swept, Failure> {
    let (_entrance, backends) = place.stored_backends()?;
    let (swept, problems) = distributor_api::sweep(store, backends.as_ref())?;
    for problem in problems {
        output::note(format_args!(
            "configuration `{}` could not be cleaned up: {}",
            problem.config, problem.error
        ));
    }
    Ok(swept)
}
