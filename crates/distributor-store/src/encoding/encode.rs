//! From records to bodies. It refuses nothing: every record can be encoded.

use std::sync::Arc;
use std::time::Duration;

use distributor_core::dm;
use distributor_core::{ConfigSnapshot, Timestamp};
use prost::Message;

use super::bodies::{
    AttemptBody, BuiltByBody, ExecutionBody, JournalBody, OutcomeBody, OutcomesBody, PolicyBody,
    PreparedBody, RetriesBody, SpanBody, TaskBody,
};
use crate::records::{
    AttemptRecord, ExecutionRecord, JournalKind, JournalRecord, Outcome, Policy, Prepared, Retries,
};
use crate::{QueueRecord, QueueState, Result};

/// Outcomes that take more bytes are stored apart, so that a change of the attempt does not write
/// them again.
const LARGEST_INLINE: usize = 1024;

/// An attempt in bytes.
pub(crate) struct Encoded {
    pub(crate) body: Vec<u8>,
    /// The outcomes, if they go apart.
    pub(crate) outcomes: Option<Vec<u8>>,
}

/// Encodes an attempt; `key_of` numbers configuration snapshots.
pub(crate) fn attempt(
    record: &AttemptRecord,
    mut key_of: impl FnMut(&Arc<ConfigSnapshot>) -> Result<u64>,
) -> Result<Encoded> {
    let prepared = match &record.prepared {
        Some(prepared) => Some(prepared_body(prepared, key_of(&prepared.config)?)),
        None => None,
    };
    let execution = match &record.execution {
        Some(execution) => Some(execution_body(execution, key_of(&execution.config)?)),
        None => None,
    };
    let mut outcomes = outcomes_body(record);
    let apart = outcomes
        .as_ref()
        .filter(|outcomes| outcomes.encoded_len() > LARGEST_INLINE)
        .map(Message::encode_to_vec);
    if apart.is_some() {
        outcomes = None;
    }
    let body = AttemptBody {
        created: record.created.as_micros(),
        policy: Some(policy_body(&record.policy)),
        failures: retries_body(record.failures),
        current_execution: record.current_execution,
        last_successful_execution: record.last_successful_execution,
        dependencies: match record.dependencies.size() {
            0 => Vec::new(),
            _ => record.dependencies.encode(),
        },
        prepared,
        execution,
        outcomes,
        outcomes_apart: apart.is_some(),
    };
    Ok(Encoded {
        body: body.encode_to_vec(),
        outcomes: apart,
    })
}

/// Encodes a past execution that uses the snapshot number `config`.
pub(crate) fn execution(record: &ExecutionRecord, config: u64) -> Vec<u8> {
    ExecutionBody {
        outcome: record.outcome.as_ref().map(outcome_body),
        ..execution_body(record, config)
    }
    .encode_to_vec()
}

/// Encodes what the columns of a journal row do not hold; `config` is the number of the target's
/// snapshot. `None` if there is nothing more.
pub(crate) fn journal(record: &JournalRecord, config: Option<u64>) -> Option<Vec<u8>> {
    if record.target.is_none() && record.payload.is_empty() {
        return None;
    }
    let token = record.target.as_ref().map(|(_, token)| token.0.clone());
    let body = JournalBody {
        config,
        token: token.unwrap_or_default(),
        payload: record.payload.clone(),
    };
    Some(body.encode_to_vec())
}

/// Encodes what a backend has written into a queued task.
pub(crate) fn task(record: &QueueRecord) -> Vec<u8> {
    TaskBody {
        headers: record.headers.clone(),
        body: record.body.clone(),
    }
    .encode_to_vec()
}

/// The number of a queued task's state.
pub(crate) fn queue_state_number(state: QueueState) -> i64 {
    match state {
        QueueState::Pending => 1,
        QueueState::Dead => 2,
    }
}

/// Encodes a quest's description.
pub(crate) fn description(desc: &dm::quest::Desc) -> Vec<u8> {
    desc.encode_to_vec()
}

/// Encodes the templates that made a quest.
pub(crate) fn built_by(templates: &[dm::quest::TemplateSpec]) -> Vec<u8> {
    if templates.is_empty() {
        return Vec::new();
    }
    let templates = templates.to_vec();
    BuiltByBody { templates }.encode_to_vec()
}

/// The number of a state.
pub(crate) fn attempt_state_number(state: dm::attempt::State) -> i64 {
    i64::from(i32::from(state))
}

/// The number of a journal row's kind.
pub(crate) fn journal_kind_number(kind: JournalKind) -> i64 {
    match kind {
        JournalKind::Run => 1,
        JournalKind::GetStatus => 2,
        JournalKind::Cancel => 3,
        JournalKind::HandleNotification => 4,
        JournalKind::Propagate => 5,
    }
}

fn outcomes_body(record: &AttemptRecord) -> Option<OutcomesBody> {
    let of_attempt = record.outcome.as_ref();
    let of_execution = record
        .execution
        .as_ref()
        .and_then(|execution| execution.outcome.as_ref());
    if of_attempt.is_none() && of_execution.is_none() {
        return None;
    }
    let same = of_attempt == of_execution;
    Some(OutcomesBody {
        attempt: of_attempt.map(outcome_body),
        execution: of_execution.filter(|_| !same).map(outcome_body),
        same,
    })
}

fn outcome_body(outcome: &Outcome) -> OutcomeBody {
    match outcome {
        Outcome::Data(data) => OutcomeBody {
            data: Some(dm::JsonResult::clone(data)),
            abnormal: None,
        },
        Outcome::Abnormal(abnormal) => OutcomeBody {
            data: None,
            abnormal: Some(dm::AbnormalFinish::clone(abnormal)),
        },
    }
}

fn prepared_body(prepared: &Prepared, config: u64) -> PreparedBody {
    PreparedBody {
        execution: prepared.execution,
        activation_token: prepared.activation_token.0.expose().to_vec(),
        config,
        created: prepared.created.as_micros(),
        poke: prepared.poke,
        ending: prepared.ending.as_deref().cloned(),
        give_up_at: prepared.give_up_at.map(Timestamp::as_micros),
    }
}

fn execution_body(record: &ExecutionRecord, config: u64) -> ExecutionBody {
    ExecutionBody {
        number: record.number,
        state: record.state.into(),
        created: record.created.as_micros(),
        modified: record.modified.as_micros(),
        started: record.started.as_micros(),
        config,
        token: record.token.0.clone(),
        auth_token: record.auth_token.0.expose().to_vec(),
        poll_timeout: span_body(record.poll_timeout),
        deadline: record.deadline.map(Timestamp::as_micros),
        poll_at: record.poll_at.map(Timestamp::as_micros),
        polls: record.polls,
        polling: record.polling,
        ask_again: record.ask_again,
        outcome: None,
        last_error: record.last_error.clone(),
        activation_digest: record.activation_digest.clone(),
        ending: record.ending.as_deref().cloned(),
    }
}

fn policy_body(policy: &Policy) -> PolicyBody {
    PolicyBody {
        retries: retries_body(policy.retries),
        start_timeout: span_body(policy.start_timeout),
        run_timeout: span_body(policy.run_timeout),
        stop_timeout: span_body(policy.stop_timeout),
        simple: policy.simple,
        run_anyway: policy.run_anyway,
    }
}

fn retries_body(retries: Retries) -> Option<RetriesBody> {
    (retries != Retries::default()).then_some(RetriesBody {
        failed: retries.failed,
        crashed: retries.crashed,
        expired: retries.expired,
        timed_out: retries.timed_out,
    })
}

fn span_body(span: Duration) -> Option<SpanBody> {
    (!span.is_zero()).then_some(SpanBody {
        seconds: span.as_secs(),
        nanos: span.subsec_nanos(),
    })
}
