//! From bodies to records. What does not decode, or has a number that this build does not know, is
//! `Damaged` and names the record; nothing is guessed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use distributor_core::dm;
use distributor_core::{AttemptId, ConfigSnapshot, Secret, Timestamp, Token};
use prost::Message;

use super::bodies::{
    AttemptBody, BuiltByBody, ExecutionBody, JournalBody, OutcomeBody, OutcomesBody, PolicyBody,
    PreparedBody, RetriesBody, SpanBody, TaskBody,
};
use crate::bits::Bits;
use crate::records::{
    AttemptRecord, ExecutionRecord, JournalKind, Outcome, Policy, Prepared, Retries, StoredSecret,
};
use crate::{QueueState, Result, StoreError};

/// Decodes the parts of one record.
pub(crate) struct Decoder<'a> {
    /// The record, for messages.
    pub(crate) what: &'a dyn fmt::Display,
    /// Finds a configuration snapshot by its number.
    pub(crate) snapshots: &'a dyn Fn(u64) -> Result<Arc<ConfigSnapshot>>,
}

/// What an attempt's columns hold.
pub(crate) struct AttemptColumns {
    pub(crate) id: AttemptId,
    pub(crate) version: u64,
    pub(crate) state: i64,
    pub(crate) modified: Timestamp,
    pub(crate) config_name: Arc<str>,
    pub(crate) ready: Option<u64>,
}

impl Decoder<'_> {
    /// An error about this record.
    pub(crate) fn damaged(&self, detail: impl fmt::Display) -> StoreError {
        StoreError::Damaged {
            what: self.what.to_string(),
            detail: detail.to_string(),
        }
    }

    /// An attempt from its columns, its body, and its outcomes if they are stored apart.
    pub(crate) fn attempt(
        &self,
        columns: AttemptColumns,
        body: &[u8],
        outcomes_apart: Option<&[u8]>,
    ) -> Result<AttemptRecord> {
        let body: AttemptBody = self.message(body)?;
        let outcomes = match (body.outcomes_apart, outcomes_apart) {
            (true, Some(apart)) => Some(self.message::<OutcomesBody>(apart)?),
            (true, None) => return Err(self.damaged("its outcomes are missing")),
            (false, _) => body.outcomes,
        };
        let (outcome, execution_outcome) = self.outcomes(outcomes.unwrap_or_default())?;
        let execution = match body.execution {
            Some(execution) => Some(self.execution_body(execution, execution_outcome)?),
            None => None,
        };
        let prepared = match body.prepared {
            Some(prepared) => Some(self.prepared(prepared)?),
            None => None,
        };
        let dependencies = match body.dependencies.as_slice() {
            [] => Bits::default(),
            encoded => Bits::decode(encoded)
                .ok_or_else(|| self.damaged("its dependency map does not decode"))?,
        };
        Ok(AttemptRecord {
            id: columns.id,
            version: columns.version,
            config_name: columns.config_name,
            policy: policy(body.policy.unwrap_or_default()),
            state: self.attempt_state(columns.state)?,
            created: Timestamp::from_micros(body.created),
            modified: columns.modified,
            failures: retries(body.failures),
            current_execution: body.current_execution,
            last_successful_execution: body.last_successful_execution,
            dependencies,
            ready: columns.ready,
            prepared,
            execution,
            outcome,
        })
    }

    /// A past execution.
    pub(crate) fn execution(&self, body: &[u8]) -> Result<ExecutionRecord> {
        let mut body: ExecutionBody = self.message(body)?;
        let outcome = match body.outcome.take() {
            Some(outcome) => Some(self.outcome(outcome)?),
            None => None,
        };
        self.execution_body(body, outcome)
    }

    /// Target and payload of a journal row.
    #[expect(
        clippy::type_complexity,
        reason = "the types of the two fields, as the record has them"
    )]
    pub(crate) fn journal(
        &self,
        body: Option<&[u8]>,
    ) -> Result<(Option<(Arc<ConfigSnapshot>, Token)>, Vec<u8>)> {
        let body: JournalBody = self.message(body.unwrap_or_default())?;
        let target = match body.config {
            Some(config) => Some(((self.snapshots)(config)?, Token(body.token))),
            None => None,
        };
        Ok((target, body.payload))
    }

    /// Headers and body of a queued task.
    pub(crate) fn task(&self, body: &[u8]) -> Result<(BTreeMap<String, String>, Vec<u8>)> {
        let body: TaskBody = self.message(body)?;
        Ok((body.headers, body.body))
    }

    /// A queued task's state.
    pub(crate) fn queue_state(&self, number: i64) -> Result<QueueState> {
        match number {
            1 => Ok(QueueState::Pending),
            2 => Ok(QueueState::Dead),
            unknown => Err(self.damaged(format_args!("unknown state {unknown}"))),
        }
    }

    /// A quest's description.
    pub(crate) fn description(&self, body: &[u8]) -> Result<Arc<dm::quest::Desc>> {
        self.message(body).map(Arc::new)
    }

    /// The templates that made a quest.
    pub(crate) fn built_by(&self, body: &[u8]) -> Result<Vec<dm::quest::TemplateSpec>> {
        self.message(body).map(|body: BuiltByBody| body.templates)
    }

    /// A journal row's kind.
    pub(crate) fn journal_kind(&self, number: i64) -> Result<JournalKind> {
        match number {
            1 => Ok(JournalKind::Run),
            2 => Ok(JournalKind::GetStatus),
            3 => Ok(JournalKind::Cancel),
            4 => Ok(JournalKind::HandleNotification),
            5 => Ok(JournalKind::Propagate),
            unknown => Err(self.damaged(format_args!("unknown kind {unknown}"))),
        }
    }

    fn attempt_state(&self, number: i64) -> Result<dm::attempt::State> {
        i32::try_from(number)
            .ok()
            .and_then(|number| dm::attempt::State::try_from(number).ok())
            .ok_or_else(|| self.damaged(format_args!("unknown attempt state {number}")))
    }

    fn message<M: Message + Default>(&self, bytes: &[u8]) -> Result<M> {
        M::decode(bytes).map_err(|error| self.damaged(error))
    }

    fn outcomes(&self, body: OutcomesBody) -> Result<(Option<Outcome>, Option<Outcome>)> {
        let decode = |outcome: Option<OutcomeBody>| match outcome {
            Some(outcome) => self.outcome(outcome).map(Some),
            None => Ok(None),
        };
        let attempt = decode(body.attempt)?;
        let execution = match body.same {
            true => attempt.clone(),
            false => decode(body.execution)?,
        };
        Ok((attempt, execution))
    }

    fn outcome(&self, body: OutcomeBody) -> Result<Outcome> {
        match (body.data, body.abnormal) {
            (Some(data), None) => Ok(Outcome::Data(Arc::new(data))),
            (None, Some(abnormal)) => Ok(Outcome::Abnormal(self.abnormal(abnormal)?)),
            _ => Err(self.damaged("an outcome is neither data nor abnormal")),
        }
    }

    fn abnormal(&self, abnormal: dm::AbnormalFinish) -> Result<Arc<dm::AbnormalFinish>> {
        let status = abnormal.status;
        dm::abnormal_finish::Status::try_from(status)
            .map_err(|_| self.damaged(format_args!("unknown abnormal finish status {status}")))?;
        Ok(Arc::new(abnormal))
    }

    fn prepared(&self, body: PreparedBody) -> Result<Prepared> {
        Ok(Prepared {
            execution: body.execution,
            activation_token: StoredSecret(Secret::new(body.activation_token)),
            config: (self.snapshots)(body.config)?,
            created: Timestamp::from_micros(body.created),
            poke: body.poke,
            ending: match body.ending {
                Some(ending) => Some(self.abnormal(ending)?),
                None => None,
            },
            give_up_at: body.give_up_at.map(Timestamp::from_micros),
        })
    }

    fn execution_body(
        &self,
        body: ExecutionBody,
        outcome: Option<Outcome>,
    ) -> Result<ExecutionRecord> {
        let state = body.state;
        Ok(ExecutionRecord {
            number: body.number,
            state: dm::execution::State::try_from(state)
                .map_err(|_| self.damaged(format_args!("unknown execution state {state}")))?,
            created: Timestamp::from_micros(body.created),
            modified: Timestamp::from_micros(body.modified),
            started: Timestamp::from_micros(body.started),
            config: (self.snapshots)(body.config)?,
            token: Token(body.token),
            auth_token: StoredSecret(Secret::new(body.auth_token)),
            poll_timeout: span(body.poll_timeout),
            deadline: body.deadline.map(Timestamp::from_micros),
            poll_at: body.poll_at.map(Timestamp::from_micros),
            polls: body.polls,
            polling: body.polling,
            ask_again: body.ask_again,
            last_error: body.last_error,
            activation_digest: body.activation_digest,
            ending: match body.ending {
                Some(ending) => Some(self.abnormal(ending)?),
                None => None,
            },
            outcome,
        })
    }
}

fn policy(body: PolicyBody) -> Policy {
    Policy {
        retries: retries(body.retries),
        start_timeout: span(body.start_timeout),
        run_timeout: span(body.run_timeout),
        stop_timeout: span(body.stop_timeout),
        simple: body.simple,
        run_anyway: body.run_anyway,
    }
}

fn retries(body: Option<RetriesBody>) -> Retries {
    let body = body.unwrap_or_default();
    Retries {
        failed: body.failed,
        crashed: body.crashed,
        expired: body.expired,
        timed_out: body.timed_out,
    }
}

fn span(body: Option<SpanBody>) -> Duration {
    let body = body.unwrap_or_default();
    // A damaged number of nanoseconds must not overflow into a panic.
    Duration::from_secs(body.seconds).saturating_add(Duration::from_nanos(body.nanos.into()))
}
