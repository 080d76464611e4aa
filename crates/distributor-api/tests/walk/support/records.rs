//! Records to store.

use std::sync::Arc;
use std::time::Duration;

use distributor_core::{AttemptId, ConfigSnapshot, QuestId, Secret, Token};
use distributor_proto::{dm, normalize_desc};
use distributor_store::records::{
    AttemptRecord, ExecutionRecord, Outcome, Policy, QuestRecord, Retries, StoredSecret,
};

use super::BEGINNING;

/// The quest of this name.
pub(crate) fn quest(name: &str) -> QuestRecord {
    let mut desc = dm::quest::Desc {
        distributor_config_name: "backend".to_owned(),
        parameters: format!("{{\"name\":\"{name}\"}}"),
        distributor_parameters: "{}".to_owned(),
        meta: None,
    };
    normalize_desc(&mut desc).expect("a description that is right");
    QuestRecord {
        id: distributor_proto::quest_id(&desc),
        desc: Arc::new(desc),
        created: BEGINNING,
        built_by: Vec::new(),
    }
}

pub(crate) fn quest_id(name: &str) -> QuestId {
    quest(name).id
}

pub(crate) fn id(name: &str, number: u32) -> AttemptId {
    quest_id(name).attempt(number)
}

/// A quest for an attempt of which only the id is known.
pub(super) fn quest_of(attempt: AttemptId) -> QuestRecord {
    QuestRecord {
        id: attempt.quest,
        ..quest("any")
    }
}

/// A SCHEDULING attempt of which nothing is decided.
pub(crate) fn attempt(id: AttemptId) -> AttemptRecord {
    AttemptRecord {
        id,
        version: 0,
        config_name: "backend".into(),
        policy: Policy::default(),
        state: dm::attempt::State::Scheduling,
        created: BEGINNING,
        modified: BEGINNING.after(Duration::from_secs(1)),
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

/// A FINISHED attempt without executions.
pub(crate) fn finished(id: AttemptId, object: &str) -> AttemptRecord {
    AttemptRecord {
        state: dm::attempt::State::Finished,
        outcome: Some(data(object)),
        ..attempt(id)
    }
}

/// An EXECUTING attempt with execution 1 RUNNING, and this execution token.
pub(crate) fn executing(id: AttemptId, token: &[u8]) -> AttemptRecord {
    AttemptRecord {
        state: dm::attempt::State::Executing,
        current_execution: 1,
        execution: Some(ExecutionRecord {
            auth_token: StoredSecret(Secret::new(token)),
            ..execution(1, dm::execution::State::Running)
        }),
        ..attempt(id)
    }
}

pub(crate) fn data(object: &str) -> Outcome {
    Outcome::Data(Arc::new(dm::JsonResult {
        object: object.to_owned(),
        size: u32::try_from(object.len()).expect("short"),
        expiration: None,
    }))
}

pub(crate) fn abnormal(reason: &str) -> Outcome {
    Outcome::Abnormal(Arc::new(dm::AbnormalFinish {
        status: dm::abnormal_finish::Status::Crashed.into(),
        reason: reason.to_owned(),
    }))
}

/// An execution without an outcome.
pub(crate) fn execution(number: u32, state: dm::execution::State) -> ExecutionRecord {
    ExecutionRecord {
        number,
        state,
        created: BEGINNING,
        modified: BEGINNING,
        started: BEGINNING,
        config: snapshot("backend", "v1"),
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

pub(crate) fn snapshot(name: &str, version: &str) -> Arc<ConfigSnapshot> {
    Arc::new(ConfigSnapshot {
        name: name.to_owned(),
        version: version.to_owned(),
        config_type: "test.Config".to_owned(),
        content: format!("content of {version}").into_bytes(),
        dm_host: "dm.example.com".to_owned(),
    })
}
