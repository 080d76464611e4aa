//! The sentence. Pure.
//!
//! A predicate is short and follows the attempt's name, or "which" where the attempt is one that another
//! waits for; details follow only in the sentence about the attempt itself.

use std::fmt::Write;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::{AbnormalFinish, attempt, execution};
use distributor_host::machine::STOPPING_POLLS;
use distributor_store::records::{AttemptRecord, ExecutionRecord, Outcome, Prepared};

use super::situation::{
    Absent, Count, Line, NoRoom, Others, Pending, Room, Situation, Surroundings, Tries,
};

/// Characters of a text of others, such as a reason, that go into a sentence; all of it is a fact.
const LONGEST_QUOTE: usize = 300;

/// Of whom the backend has room for.
const ROOM_FOR_IT: &str = "it starts once the host, which limits how many are starting and how many are \
                           unfinished in all, gets to it";

/// One honest sentence.
pub(super) fn sentence(situation: &Situation) -> String {
    let predicate = predicate(situation);
    let details = details(situation);
    format!("Attempt {} {predicate}{details}.", situation.id)
}

fn predicate(situation: &Situation) -> String {
    use attempt::State;
    let Some(record) = &situation.record else {
        return "does not exist".to_owned();
    };
    match (record.state, &situation.surroundings) {
        (State::Waiting, Surroundings::Others(others)) => waits(others),
        (State::Scheduling, Surroundings::Line(line)) => stands_in(line, &record.config_name),
        (State::Scheduling, _) => match &record.prepared {
            Some(prepared) => is_started(prepared),
            None => "is about to be put in line".to_owned(),
        },
        (State::Executing, _) => match &record.execution {
            Some(execution) => executes(record, execution),
            None => "is executing".to_owned(),
        },
        (State::Waiting, _) => "waits for other attempts".to_owned(),
        (State::Finished, _) => format!("finished at {}", record.modified),
        (State::AbnormalFinished, _) => match &record.outcome {
            Some(Outcome::Abnormal(finish)) => {
                format!("ended {} at {}", end(finish), record.modified)
            }
            _ => format!("ended abnormally at {}", record.modified),
        },
    }
}

fn details(situation: &Situation) -> String {
    use attempt::State;
    let Some(record) = &situation.record else {
        return match &situation.surroundings {
            Surroundings::Absent(absent) => about_the_absent(absent),
            _ => String::new(),
        };
    };
    match (record.state, &situation.surroundings) {
        (State::Waiting, _) => asked_by(record),
        (State::Scheduling, Surroundings::Line(line)) => {
            about_the_line(line) + &about_the_last(record)
        }
        (State::Scheduling, Surroundings::Start(tries)) => {
            about_the_start(record.prepared.as_ref(), *tries) + &about_the_last(record)
        }
        (State::Scheduling, _) => about_the_last(record),
        (State::Executing, _) => match &record.execution {
            Some(execution) => about_the_execution(record, execution),
            None => String::new(),
        },
        (State::Finished, _) => about_the_result(record),
        (State::AbnormalFinished, _) => about_retries(record),
    }
}

fn about_the_absent(absent: &Absent) -> String {
    match absent {
        Absent::Quest => {
            ", because its quest does not either: it was never asked for here, or was \
                          removed when it was over"
                .to_owned()
        }
        Absent::Attempt { newest: None, .. } => {
            ", and neither does any other of its quest".to_owned()
        }
        Absent::Attempt {
            others,
            newest: Some(newest),
        } => format!(
            ", but its quest does, with {}, the newest of which is number {newest}",
            plural(*others, "attempt")
        ),
    }
}

fn waits(others: &Others) -> String {
    let names = others.shown.iter().map(name_and_state);
    let names: Vec<String> = names.collect();
    let mut text = match (others.pending, names.as_slice()) {
        (0, _) => return "waits for nothing any more and is about to go on".to_owned(),
        (_, []) => {
            return format!(
                "waits for {} whose end it is about to be told",
                plural(others.pending, "attempt")
            );
        }
        (1, [name]) => format!("waits for {name}"),
        (pending, names) => {
            let more = match pending.saturating_sub(names.len()) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("waits for {pending} attempts, {}{more}", names.join(", "))
        }
    };
    if let Some(first) = &others.first {
        let about = match others.pending {
            1 => "which".to_owned(),
            _ => format!("of which {}", first.id),
        };
        let predicate = match &first.record {
            Some(record) if record.is_final() => {
                "has ended, and which it is about to be told".to_owned()
            }
            _ => predicate(first),
        };
        push(&mut text, format_args!(", {about} {predicate}"));
    } else if !others.shown.is_empty() {
        text.push_str(", and so on");
    }
    text
}

fn name_and_state(pending: &Pending) -> String {
    match pending.state {
        Some(state) => format!("{} ({})", pending.id, state.as_str_name()),
        None => format!("{} (gone)", pending.id),
    }
}

fn asked_by(record: &AttemptRecord) -> String {
    match record.current_execution {
        0 => "; it was created with this need".to_owned(),
        number => format!("; its execution {number} asked for that and has ended"),
    }
}

fn stands_in(line: &Line, name: &str) -> String {
    let room = match &line.room {
        Err(NoRoom::Impossible(error)) => {
            return format!(
                "cannot start, because configuration \"{name}\" cannot be used now: {}",
                quote(error)
            );
        }
        Err(NoRoom::Later(error)) => {
            return format!(
                "cannot start for the moment, because configuration \"{name}\" cannot be read: {}",
                quote(error)
            );
        }
        Ok(room) => backend(room, name),
    };
    match line.ahead {
        None => format!("is about to be started at {room}"),
        Some(Count {
            number: 0,
            or_more: false,
        }) => format!("is next in line at {room}"),
        Some(ahead) => {
            let others = match (ahead.number, ahead.or_more) {
                (1, false) => "1 other".to_owned(),
                _ => format!("{} others", count(ahead)),
            };
            format!("is queued behind {others} at {room}")
        }
    }
}

fn backend(room: &Room, name: &str) -> String {
    let slots = match room.capacity {
        Some(capacity) => plural(capacity, "slot"),
        None => "no limit of its own".to_owned(),
    };
    match room.config == name {
        true => format!("configuration \"{name}\" ({slots})"),
        false => format!(
            "configuration \"{name}\" (now \"{}\", {slots})",
            room.config
        ),
    }
}

fn about_the_line(line: &Line) -> String {
    let room = match &line.room {
        Err(NoRoom::Impossible(_)) => {
            return "; unless that is put right before its turn comes, it ends as REJECTED: then correct \
                    the configuration and ask for another attempt"
                .to_owned();
        }
        Err(NoRoom::Later(_)) => return "; the host tries again every second".to_owned(),
        Ok(room) => room,
    };
    match room.capacity {
        Some(capacity) if room.unfinished.number >= capacity => {
            ", all of which are taken".to_owned()
        }
        Some(_) => format!(
            ", of which {} are taken: {ROOM_FOR_IT}",
            count(room.unfinished)
        ),
        None => format!(
            ", where {} executions are unfinished: {ROOM_FOR_IT}",
            count(room.unfinished)
        ),
    }
}

fn is_started(prepared: &Prepared) -> String {
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

fn about_the_start(prepared: Option<&Prepared>, tries: Tries) -> String {
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

/// For an attempt that runs again.
fn about_the_last(record: &AttemptRecord) -> String {
    let Some(last) = &record.execution else {
        return String::new();
    };
    match &last.outcome {
        Some(Outcome::Abnormal(finish)) => format!(
            "; it runs again because execution {} ended {}{}",
            last.number,
            end(finish),
            retries_used(record, finish.status())
        ),
        Some(Outcome::Data(_)) => format!(
            "; it runs again because all that execution {} asked for is over",
            last.number
        ),
        None => String::new(),
    }
}

fn executes(record: &AttemptRecord, execution: &ExecutionRecord) -> String {
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

fn about_the_execution(record: &AttemptRecord, execution: &ExecutionRecord) -> String {
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

fn about_polls(polls: u32, deadline: distributor_core::Timestamp) -> String {
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

fn about_the_result(record: &AttemptRecord) -> String {
    let executions = plural_of(record.current_execution, "execution", "executions");
    match &record.outcome {
        Some(Outcome::Data(data)) => format!(
            ", after {executions}, with a result of {}",
            plural_of(data.size, "byte", "bytes")
        ),
        _ => format!(", after {executions}"),
    }
}

fn about_retries(record: &AttemptRecord) -> String {
    match &record.outcome {
        Some(Outcome::Abnormal(finish)) if record.current_execution > 0 => {
            retries_used(record, finish.status())
        }
        Some(Outcome::Abnormal(_)) => ", without any execution".to_owned(),
        _ => String::new(),
    }
}

fn retries_used(record: &AttemptRecord, status: Status) -> String {
    match retries(record, status) {
        Some((used, budget)) => format!(
            ", with {used} of {} used",
            plural_of(budget, "retry", "retries")
        ),
        None => ", which is never tried again".to_owned(),
    }
}

/// Retries used and allowed for this class of failure, if it is one that is retried.
pub(super) fn retries(record: &AttemptRecord, status: Status) -> Option<(u32, u32)> {
    let (failures, budget) = (record.failures, record.policy.retries);
    let (failed, budget) = match status {
        Status::Failed => (failures.failed, budget.failed),
        Status::Crashed => (failures.crashed, budget.crashed),
        Status::Expired => (failures.expired, budget.expired),
        Status::TimedOut => (failures.timed_out, budget.timed_out),
        Status::Invalid
        | Status::Cancelled
        | Status::Rejected
        | Status::Missing
        | Status::ResultMalformed => return None,
    };
    // Every failure counts, also the one that is not retried any more.
    Some((failed.min(budget), budget))
}

fn end(finish: &AbnormalFinish) -> String {
    let status = finish.status().as_str_name();
    match finish.reason.as_str() {
        "" => status.to_owned(),
        reason => format!("{status}: {}", quote(reason)),
    }
}

/// A text of others, on one line and not too long.
fn quote(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{} …", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

fn count(count: Count) -> String {
    match count.or_more {
        true => format!("{} or more", count.number),
        false => count.number.to_string(),
    }
}

fn plural(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

fn plural_of(number: u32, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
    }
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _infallible = text.write_fmt(more);
}
