//! From the messages of the API to records. What the API does not tell stays at its default.

use std::sync::Arc;
use std::time::Duration;

use distributor_core::dm::attempt::data::AttemptType;
use distributor_core::dm::execution::data::ExecutionType;
use distributor_core::{AttemptId, ConfigSnapshot, Timestamp, Token, dm};
use distributor_store::bits::Bits;
use distributor_store::records::{
    AttemptRecord, ExecutionRecord, Outcome, Policy, QuestRecord, Retries, StoredSecret,
};

/// A quest that exists; nothing if its data is missing.
pub(super) fn quest(id: distributor_core::QuestId, quest: &dm::Quest) -> Option<QuestRecord> {
    let data = quest.data.as_ref()?;
    Some(QuestRecord {
        id,
        desc: Arc::new(data.desc.clone().unwrap_or_default()),
        created: time(data.created.as_ref()),
        built_by: data.built_by.clone(),
    })
}

/// An attempt that exists; nothing if its data is missing.
pub(super) fn attempt(
    id: AttemptId,
    config_name: &str,
    data: &dm::attempt::Data,
    execution: Option<ExecutionRecord>,
) -> AttemptRecord {
    use dm::attempt::State;
    let (state, outcome) = match &data.attempt_type {
        Some(AttemptType::Executing(_)) => (State::Executing, None),
        Some(AttemptType::Waiting(_)) => (State::Waiting, None),
        Some(AttemptType::Finished(finished)) => {
            let result = finished.data.clone().unwrap_or_default();
            (State::Finished, Some(Outcome::Data(Arc::new(result))))
        }
        Some(AttemptType::AbnormalFinish(finish)) => {
            let finish = Outcome::Abnormal(Arc::new(finish.clone()));
            (State::AbnormalFinished, Some(finish))
        }
        Some(AttemptType::Scheduling(_)) | None => (State::Scheduling, None),
    };
    AttemptRecord {
        id,
        version: 0,
        config_name: config_name.into(),
        policy: Policy::default(),
        state,
        created: time(data.created.as_ref()),
        modified: time(data.modified.as_ref()),
        failures: Retries::default(),
        current_execution: data.num_executions,
        last_successful_execution: 0,
        dependencies: Bits::default(),
        ready: None,
        prepared: None,
        execution,
        outcome,
    }
}

/// An execution, and where to look at it.
pub(super) fn execution(number: u32, data: &dm::execution::Data) -> (ExecutionRecord, String) {
    use dm::execution::State;
    let (state, outcome) = match &data.execution_type {
        Some(ExecutionType::Running(_)) => (State::Running, None),
        Some(ExecutionType::Stopping(_)) => (State::Stopping, None),
        Some(ExecutionType::Finished(finished)) => {
            let result = finished.data.clone().unwrap_or_default();
            (State::Finished, Some(Outcome::Data(Arc::new(result))))
        }
        Some(ExecutionType::AbnormalFinish(finish)) => {
            let finish = Outcome::Abnormal(Arc::new(finish.clone()));
            (State::AbnormalFinished, Some(finish))
        }
        Some(ExecutionType::Scheduling(_)) | None => (State::Scheduling, None),
    };
    let info = data.distributor_info.clone().unwrap_or_default();
    let created = time(data.created.as_ref());
    let record = ExecutionRecord {
        number,
        state,
        created,
        modified: time(data.modified.as_ref()),
        started: created,
        config: Arc::new(ConfigSnapshot {
            name: info.config_name,
            version: info.config_version,
            config_type: String::new(),
            content: Vec::new(),
            dm_host: String::new(),
        }),
        token: Token(info.token),
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
        outcome,
    };
    (record, info.url)
}

fn time(timestamp: Option<&prost_types::Timestamp>) -> Timestamp {
    timestamp.map(Timestamp::from_proto).unwrap_or_default()
}
