//! Why a task did not run to its end, for people.

use std::fmt::Write as _;

use crate::state::State;
use crate::wire;

/// Most bytes of a state's name, and of a thing that is missing, that are repeated.
const MOST_QUOTED: usize = 200;
/// Most missing things that are listed.
const MOST_LISTED: usize = 20;

/// `swarming: STATE`, with what helps to correct the quest.
pub(super) fn of(task: &wire::TaskResult) -> String {
    let state = cut(&task.state);
    match State::parse(&task.state) {
        State::Unknown => format!("swarming: unknown state {state}"),
        State::NoResource => format!("swarming: {state}: no bot has these dimensions"),
        State::ClientError => format!("swarming: {state}{}", missing(task)),
        _ => format!("swarming: {state}"),
    }
}

fn missing(task: &wire::TaskResult) -> String {
    let packages = task.missing_cipd.iter().map(|package| {
        let version = &package.version;
        let folder = match package.path.as_str() {
            "" => String::new(),
            folder => format!(" in {folder}"),
        };
        format!("missing package {}@{version}{folder}", package.package_name)
    });
    let trees = task.missing_cas.iter().map(|tree| {
        let size = tree.digest.size_bytes.unwrap_or(0);
        format!("missing input {}/{size}", tree.digest.hash)
    });
    let count = task
        .missing_cipd
        .len()
        .saturating_add(task.missing_cas.len());
    let mut text = String::new();
    for (index, one) in packages.chain(trees).take(MOST_LISTED).enumerate() {
        let separator = if index == 0 { ": " } else { ", " };
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{separator}{}", cut(&one));
    }
    if count > MOST_LISTED {
        let _infallible = write!(text, " and {} more", count - MOST_LISTED);
    }
    text
}

fn cut(text: &str) -> &str {
    let end = text.floor_char_boundary(MOST_QUOTED);
    text.get(..end).unwrap_or_default()
}
