//! One sentence for every state: a table of what is known and what is said.

mod going_on;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::{AbnormalFinish, JsonResult, attempt, execution};
use distributor_core::{AttemptId, ConfigSnapshot, QuestId, Timestamp, Token};
use distributor_store::bits::Bits;
use distributor_store::records::{
    AttemptRecord, ExecutionRecord, Outcome, Policy, Prepared, Retries, StoredSecret,
};

use super::facts::{culprit, facts};
use super::sentence::sentence;
use super::situation::{
    Absent, Count, Line, NoRoom, Others, Pending, Room, Situation, Surroundings, Tries,
};

fn id(byte: u8) -> AttemptId {
    QuestId::from_bytes([byte; 32]).attempt(1)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(0).after(Duration::from_secs(seconds))
}

fn config(name: &str) -> Arc<ConfigSnapshot> {
    Arc::new(ConfigSnapshot {
        name: name.to_owned(),
        version: "v1".to_owned(),
        config_type: String::new(),
        content: Vec::new(),
        dm_host: String::new(),
    })
}

fn abnormal(status: Status, reason: &str) -> Arc<AbnormalFinish> {
    Arc::new(AbnormalFinish {
        status: status.into(),
        reason: reason.to_owned(),
    })
}

fn record(state: attempt::State) -> AttemptRecord {
    let (record, _) = distributor_host::machine::create(id(1), "farm", Policy::default(), 0, at(0));
    AttemptRecord {
        state,
        modified: at(10),
        ..record
    }
}

fn execution(state: execution::State) -> ExecutionRecord {
    ExecutionRecord {
        number: 1,
        state,
        created: at(1),
        modified: at(3),
        started: at(2),
        config: config("farm"),
        token: Token::default(),
        auth_token: StoredSecret::default(),
        poll_timeout: Duration::ZERO,
        deadline: None,
        poll_at: None,
        polls: 0,
        polling: false,
        ask_again: false,
        last_error: None,
        activation_digest: Vec::new(),
        ending: None,
        outcome: None,
    }
}

fn executing(execution: ExecutionRecord) -> AttemptRecord {
    AttemptRecord {
        current_execution: execution.number,
        execution: Some(execution),
        ..record(attempt::State::Executing)
    }
}

fn prepared() -> Prepared {
    Prepared {
        execution: 1,
        activation_token: StoredSecret::default(),
        config: config("farm"),
        created: at(1),
        poke: false,
        ending: None,
        give_up_at: None,
    }
}

fn starting(prepared: Prepared) -> AttemptRecord {
    AttemptRecord {
        prepared: Some(prepared),
        ..record(attempt::State::Scheduling)
    }
}

fn of(id: AttemptId, record: AttemptRecord, surroundings: Surroundings) -> Situation {
    Situation {
        id,
        record: Some(record),
        surroundings,
    }
}

fn exactly(number: usize) -> Count {
    Count {
        number,
        or_more: false,
    }
}

fn line(ahead: Option<usize>, capacity: Option<usize>, unfinished: usize) -> Surroundings {
    Surroundings::Line(Line {
        ahead: ahead.map(exactly),
        room: Ok(Room {
            config: "farm".to_owned(),
            capacity,
            unfinished: exactly(unfinished),
        }),
    })
}

fn no_room(room: NoRoom) -> Surroundings {
    Surroundings::Line(Line {
        ahead: Some(exactly(0)),
        room: Err(room),
    })
}

fn others(
    pending: usize,
    shown: &[(u8, attempt::State)],
    first: Option<Situation>,
) -> Surroundings {
    let shown = shown.iter().map(|(byte, state)| Pending {
        id: id(*byte),
        state: Some(*state),
    });
    Surroundings::Others(Others {
        pending,
        shown: shown.collect(),
        first: first.map(Box::new),
    })
}

/// The sentence says all of `parts` in this order, begins with the name, is one, and the facts name it too.
#[track_caller]
fn check(situation: &Situation, parts: &[&str]) {
    let sentence = sentence(situation);
    let begin = format!("Attempt {} ", situation.id);
    let mut rest = sentence
        .strip_prefix(&begin)
        .unwrap_or_else(|| panic!("{sentence}"));
    assert!(rest.ends_with('.') && !rest.contains('\n'), "{sentence}");
    for part in parts {
        let part = named(part);
        match rest.split_once(&part) {
            Some((_, after)) => rest = after,
            None => panic!("no {part:?} (in this order) in: {sentence}"),
        }
    }
    let facts = facts(situation);
    assert_eq!(facts[0].name, "attempt");
    assert_eq!(facts[0].value, situation.id.to_string());
    for fact in facts {
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(fact.name.chars().all(plain), "{}", fact.name);
    }
}

/// `#2` is the attempt of quest 2.
fn named(part: &str) -> String {
    (1..=9).fold(part.to_owned(), |text, byte: u8| {
        text.replace(&format!("#{byte}"), &id(byte).to_string())
    })
}

#[track_caller]
fn check_fact(situation: &Situation, name: &str, value: &str) {
    let facts = facts(situation);
    let found = facts
        .iter()
        .any(|it| it.name == name && it.value == named(value));
    assert!(found, "no {name} = {value} in {facts:?}");
}
