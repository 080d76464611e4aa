//! What is said of an attempt whose execution is started, runs or stops. Pure.

use distributor_core::Timestamp;
use distributor_core::dm::execution;
use distributor_host::machine::STOPPING_POLLS;
use distributor_store::records::{AttemptRecord, ExecutionRecord, Prepared};

use super::situation::Tries;
use super::words::{end, plural_of, push, quote};

pub(super) fn is_started(prepared: &Prepared) -> String {
    let Prepared {
        execution, created, ..
    } = prepared;
    let config = &prepared.config.name;
    match &prepared.ending {
        None => format!(
            "is being started as execution {execution} at configuration \"{config}\" since {created}"
        ),
        Some(ending) => format!(
            "is being called off ({}) while its start as execution {execution} at configuration \
             \"{config}\" is under way",
            end(ending)
        ),
    }
}

pub(super) fn about_the_start(prepared: Option<&Prepared>, tries: Tries) -> String {
    let mut text = match (tries.failed, tries.next) {
        (0, _) | (_, None) => "; the backend has not answered yet".to_owned(),
        (failed, Some(next)) => format!(
            "; {} failed, the next one is at {next}",
            plural_of(failed, "try has", "tries have")
        ),
    };
    if let Some(at) = prepared.and_then(|it| it.give_up_at) {
        push(
            &mut text,
            format_args!(
                "; what it may have started must be over first, at {at} it ends in any case"
            ),
        );
    }
    text
}

pub(super) fn executes(record: &AttemptRecord, execution: &ExecutionRecord) -> String {
    use execution::State;
    let ExecutionRecord {
        number, started, ..
    } = execution;
    let config = &execution.config.name;
    if let Some(ending) = &execution.ending {
        return format!(
            "is being called off ({}): execution {number} at configuration \"{config}\" was told to stop",
            end(ending)
        );
    }
    match execution.state {
        State::Scheduling if record.policy.simple => format!(
            "was handed to configuration \"{config}\" as execution {number} at {started}, and does not run \
             there yet"
        ),
        State::Scheduling => format!(
            "was handed to configuration \"{config}\" as execution {number} at {started}, and its job has \
             not activated it yet"
        ),
        State::Running => format!(
            "is running as execution {number} at configuration \"{config}\" since {}",
            execution.modified
        ),
        State::Stopping => {
            let what = match record.dependencies.size() {
                0 => "has delivered its result".to_owned(),
                size => format!(
                    "is stopping to wait for {}",
                    plural_of(size, "attempt", "attempts")
                ),
            };
            format!(
                "{what}, and waits for the word of configuration \"{config}\" that execution {number} is over"
            )
        }
        State::Finished | State::AbnormalFinished => format!("has just ended execution {number}"),
    }
}

pub(super) fn about_the_execution(record: &AttemptRecord, execution: &ExecutionRecord) -> String {
    use execution::State;
    let mut text = match (execution.state, execution.deadline, &execution.ending) {
        (_, Some(deadline), Some(_)) => {
            format!("; it ends when the backend confirms, at {deadline} in any case")
        }
        (_, None, Some(_)) => "; it ends when the backend confirms".to_owned(),
        (State::Scheduling, Some(deadline), None) => {
            format!("; it has until {deadline}, its start timeout")
        }
        (State::Scheduling, None, None) => "; it has no start timeout".to_owned(),
        (State::Running, Some(deadline), None) => {
            format!("; it has until {deadline}, its run timeout")
        }
        (State::Running, None, None) => "; it has no run timeout".to_owned(),
        (State::Stopping, Some(deadline), None) => about_polls(execution.polls, deadline),
        (State::Stopping, None, None) => {
            "; it has no stop timeout, so only the backend's own word ends it".to_owned()
        }
        (State::Finished | State::AbnormalFinished, _, None) => String::new(),
    };
    if let Some(at) = execution.poll_at {
        push(&mut text, format_args!("; the backend is asked at {at}"));
    }
    if let Some(error) = &execution.last_error {
        push(
            &mut text,
            format_args!("; the last time it was asked it failed: {}", quote(error)),
        );
    }
    if record.current_execution > 1 && execution.ending.is_none() {
        push(
            &mut text,
            format_args!(
                "; this is its execution number {}",
                record.current_execution
            ),
        );
    }
    text
}

fn about_polls(polls: u32, deadline: Timestamp) -> String {
    match polls {
        0 => format!(
            "; if none comes, the backend is asked for the first of {STOPPING_POLLS} times at {deadline}"
        ),
        polls if polls < STOPPING_POLLS => format!(
            "; the backend was asked {polls} of {STOPPING_POLLS} times, the next is at {deadline}"
        ),
        _ => format!(
            "; the backend was asked {STOPPING_POLLS} of {STOPPING_POLLS} times, and at {deadline} it ends \
             as EXPIRED"
        ),
    }
}
