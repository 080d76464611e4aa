//! The sentence. Pure.
//!
//! A predicate is short and follows the attempt's name, or "which" where the attempt is one that another
//! waits for; details follow only in the sentence about the attempt itself. The words for each state are
//! in `waiting`, `executing` and `ended`.

use distributor_core::dm::attempt;
use distributor_store::records::Outcome;

use super::ended::{about_retries, about_the_last, about_the_result};
use super::executing::{about_the_execution, about_the_start, executes, is_started};
use super::situation::{Absent, Situation, Surroundings};
use super::waiting::{about_the_line, asked_by, stands_in, waits};
use super::words::{end, plural};

/// One honest sentence.
pub(super) fn sentence(situation: &Situation) -> String {
    let predicate = predicate(situation);
    let details = details(situation);
    format!("Attempt {} {predicate}{details}.", situation.id)
}

pub(super) fn predicate(situation: &Situation) -> String {
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
