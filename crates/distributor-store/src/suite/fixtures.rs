//! Records to store, and short ways to store them.

use std::sync::Arc;
use std::time::Duration;

use distributor_core::dm;
use distributor_core::{AttemptId, ConfigSnapshot, QuestId, Secret, Timestamp, Token};

use crate::records::{
    AttemptRecord, DependencyRecord, ExecutionRecord, JournalKind, JournalRecord, Outcome, Policy,
    Prepared, QuestRecord, Retries, StoredSecret,
};
use crate::{Batch, QueueRecord, QueueState, Result, Store};

/// A moment, some microseconds after a fixed one.
pub fn moment(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + micros)
}

/// The id of quest number `number`; ids are spread as hashes are.
pub(super) fn quest_id(number: u32) -> QuestId {
    let mut bytes = [0; 32];
    let mut state = u64::from(number) + 1;
    for part in bytes.chunks_mut(8) {
        state = (state ^ (state >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        part.copy_from_slice(&(state ^ (state >> 29)).to_be_bytes());
    }
    QuestId::from_bytes(bytes)
}

/// Attempt 1 of quest number `number`.
pub(super) fn attempt_id(number: u32) -> AttemptId {
    quest_id(number).attempt(1)
}

/// Quest number `number`.
pub fn quest(number: u32) -> QuestRecord {
    let desc = dm::quest::Desc {
        distributor_config_name: "noop".to_owned(),
        parameters: format!("{{\"number\":{number}}}"),
        distributor_parameters: "{}".to_owned(),
        ..Default::default()
    };
    QuestRecord {
        id: quest_id(number),
        desc: Arc::new(desc),
        created: moment(i64::from(number)),
        built_by: Vec::new(),
    }
}

pub(super) fn template(name: &str) -> dm::quest::TemplateSpec {
    dm::quest::TemplateSpec {
        project: "project".to_owned(),
        name: name.to_owned(),
        ..Default::default()
    }
}

/// Attempt 1 of quest number `number`, not stored yet, of which nothing is decided.
pub fn attempt(number: u32) -> AttemptRecord {
    AttemptRecord {
        id: attempt_id(number),
        version: 0,
        config_name: "noop".into(),
        policy: Policy::default(),
        state: dm::attempt::State::Scheduling,
        created: moment(i64::from(number)),
        modified: moment(i64::from(number)),
        failures: Retries::default(),
        current_execution: 0,
        last_successful_execution: 0,
        dependencies: Default::default(),
        ready: None,
        prepared: None,
        execution: None,
        outcome: None,
    }
}

/// A configuration snapshot.
pub fn snapshot(name: &str) -> Arc<ConfigSnapshot> {
    Arc::new(ConfigSnapshot {
        name: name.to_owned(),
        version: "7".to_owned(),
        config_type: "distributor.backend.noop.Config".to_owned(),
        content: vec![0, 1, 0xff],
        dm_host: "dm.example.com".to_owned(),
    })
}

pub(super) fn data(object: impl Into<String>) -> Outcome {
    Outcome::Data(Arc::new(dm::JsonResult {
        object: object.into(),
        size: 17,
        expiration: Some(moment(99).to_proto()),
    }))
}

pub(super) fn abnormal(reason: &str) -> Outcome {
    Outcome::Abnormal(Arc::new(abnormal_finish(reason)))
}

fn abnormal_finish(reason: &str) -> dm::AbnormalFinish {
    dm::AbnormalFinish {
        status: dm::abnormal_finish::Status::TimedOut.into(),
        reason: reason.to_owned(),
    }
}

/// An execution of which little is known.
pub(super) fn execution(number: u32) -> ExecutionRecord {
    ExecutionRecord {
        number,
        state: dm::execution::State::Running,
        created: moment(1),
        modified: moment(2),
        started: moment(3),
        config: snapshot("noop"),
        token: Token(format!("task-{number}")),
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

/// An execution with all that one can have.
pub(super) fn full_execution(number: u32) -> ExecutionRecord {
    ExecutionRecord {
        state: dm::execution::State::Stopping,
        config: snapshot("full"),
        auth_token: StoredSecret(Secret::new(*b"hunter2 of the execution")),
        poll_timeout: Duration::new(3, 7),
        deadline: Some(moment(5_000)),
        poll_at: Some(moment(-5_000)),
        polls: 2,
        polling: true,
        ask_again: false,
        last_error: Some(String::new()),
        activation_digest: vec![0, 0xff, 7],
        ending: Some(Arc::new(abnormal_finish("decided"))),
        outcome: Some(data("{\"a\":1}")),
        ..execution(number)
    }
}

/// Attempt 1 of quest number `number` with all that one can have.
pub fn full_attempt(number: u32) -> AttemptRecord {
    let mut dependencies = crate::bits::Bits::new(19);
    dependencies.set(0);
    dependencies.set(18);
    AttemptRecord {
        config_name: "an alias".into(),
        policy: Policy {
            retries: Retries {
                failed: 1,
                crashed: 2,
                expired: 3,
                timed_out: u32::MAX,
            },
            start_timeout: Duration::new(1, 2),
            run_timeout: Duration::from_secs(315_576_000_000),
            stop_timeout: Duration::from_nanos(1),
            simple: true,
            run_anyway: true,
        },
        state: dm::attempt::State::Executing,
        failures: Retries {
            timed_out: 4,
            ..Retries::default()
        },
        current_execution: 3,
        last_successful_execution: 2,
        dependencies,
        ready: Some(12),
        prepared: Some(Prepared {
            execution: 4,
            activation_token: StoredSecret(Secret::new(*b"hunter2 of the activation")),
            config: snapshot("other"),
            created: moment(8),
            poke: true,
            ending: None,
            give_up_at: None,
        }),
        execution: Some(full_execution(3)),
        outcome: Some(abnormal("too late")),
        ..attempt(number)
    }
}

/// An attempt that is over, changed last at `modified`.
pub(super) fn final_attempt(number: u32, modified: Timestamp) -> AttemptRecord {
    AttemptRecord {
        state: dm::attempt::State::Finished,
        modified,
        outcome: Some(data("{}")),
        ..attempt(number)
    }
}

pub(super) fn dependency(dependent: u32, dependency: u32, bit: u32) -> DependencyRecord {
    DependencyRecord {
        dependent: attempt_id(dependent),
        dependency: attempt_id(dependency),
        bit,
        for_execution: 0,
        propagated: false,
    }
}

pub(super) fn row(id: u64, number: u32) -> JournalRecord {
    JournalRecord {
        id,
        kind: JournalKind::Run,
        attempt: attempt_id(number),
        execution: 1,
        due: None,
        tries: 0,
        target: None,
        payload: Vec::new(),
    }
}

/// A pending task that is due `due` microseconds after a fixed moment.
pub fn task(id: u64, due: i64) -> QueueRecord {
    let headers = [("name", "value"), ("", "ü/ %?")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    QueueRecord {
        id,
        config: snapshot("queue"),
        headers: headers.into(),
        body: vec![0, 0xff, b'a'],
        created: moment(1),
        due: moment(due),
        tries: 0,
        state: QueueState::Pending,
        last_error: None,
    }
}

/// Commits attempts, each with its quest if it is new.
pub(super) fn put(store: &dyn Store, attempts: impl IntoIterator<Item = AttemptRecord>) {
    let mut batch = Batch::default();
    for attempt in attempts {
        if attempt.version == 0 {
            let id = attempt.id.quest;
            batch.quests.push(QuestRecord { id, ..quest(0) });
        }
        batch.attempts.push(attempt);
    }
    must(store.commit(&batch));
}

/// The value of a call that has no reason to fail.
#[track_caller]
pub(super) fn must<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the store failed: {error}"),
    }
}

/// The stored attempt number `number`.
#[track_caller]
pub(super) fn stored(store: &dyn Store, number: u32) -> AttemptRecord {
    let found = must(store.attempts(&[attempt_id(number)]));
    match found.into_iter().next().flatten() {
        Some(attempt) => attempt,
        None => panic!("attempt {number} is not stored"),
    }
}
