//! Stored records as people and programs see them: the API's words, and never a secret.
//!
//! Only what is named here leaves the store; tokens that authenticate are not.

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{DistributorSource, dm};
use distributor_store::records::{AttemptRecord, ExecutionRecord, Outcome, QuestRecord};
use serde::Serialize;
use serde_json::value::RawValue;

use super::exit::Failure;

/// An attempt in JSON.
#[derive(Debug, Serialize)]
pub(super) struct Attempt {
    attempt: String,
    state: &'static str,
    status: Option<&'static str>,
    distributor: String,
    executions: u32,
    created: String,
    modified: String,
    result: Option<Box<RawValue>>,
    reason: Option<String>,
}

impl Attempt {
    /// With its result if `with_result`.
    pub(super) fn new(record: &AttemptRecord, with_result: bool) -> Result<Self, Failure> {
        let outcome = record.outcome.as_ref();
        Ok(Attempt {
            attempt: record.id.to_string(),
            state: record.state.as_str_name(),
            status: status(outcome),
            distributor: record.config_name.to_string(),
            executions: record.current_execution,
            created: record.created.to_string(),
            modified: record.modified.to_string(),
            result: match with_result {
                true => result(outcome)?,
                false => None,
            },
            reason: reason(outcome).map(str::to_owned),
        })
    }
}

/// An execution in JSON.
#[derive(Debug, Serialize)]
pub(super) struct Execution {
    execution: String,
    state: &'static str,
    status: Option<&'static str>,
    distributor: String,
    config_version: String,
    token: String,
    url: Option<String>,
    created: String,
    started: String,
    modified: String,
    last_error: Option<String>,
    result: Option<Box<RawValue>>,
    reason: Option<String>,
}

impl Execution {
    /// `backends` tell where to look at it.
    pub(super) fn new(
        id: String,
        record: &ExecutionRecord,
        backends: &dyn DistributorSource,
    ) -> Result<Self, Failure> {
        let outcome = record.outcome.as_ref();
        Ok(Execution {
            execution: id,
            state: record.state.as_str_name(),
            status: status(outcome),
            distributor: record.config.name.clone(),
            config_version: record.config.version.clone(),
            token: record.token.to_string(),
            url: url(record, backends),
            created: record.created.to_string(),
            started: record.started.to_string(),
            modified: record.modified.to_string(),
            last_error: record.last_error.clone(),
            result: result(outcome)?,
            reason: reason(outcome).map(str::to_owned),
        })
    }
}

/// Where to look at an execution; nothing if its backend is not compiled in.
pub(super) fn url(record: &ExecutionRecord, backends: &dyn DistributorSource) -> Option<String> {
    let distributor = backends.distributor(&record.config).ok()?;
    Some(distributor.info_url(&record.token)).filter(|url| !url.is_empty())
}

/// The class of an abnormal end.
pub(super) fn status(outcome: Option<&Outcome>) -> Option<&'static str> {
    abnormal(outcome).map(|(status, _)| status.as_str_name())
}

/// Why something ended abnormally.
pub(super) fn reason(outcome: Option<&Outcome>) -> Option<&str> {
    abnormal(outcome).map(|(_, reason)| reason)
}

/// The abnormal end, if it is one.
pub(super) fn abnormal(outcome: Option<&Outcome>) -> Option<(Status, &str)> {
    match outcome {
        Some(Outcome::Abnormal(finish)) => Some((finish.status(), &finish.reason)),
        Some(Outcome::Data(_)) | None => None,
    }
}

/// The result's object as it is stored, number for number.
pub(super) fn result(outcome: Option<&Outcome>) -> Result<Option<Box<RawValue>>, Failure> {
    match outcome {
        Some(Outcome::Data(data)) => object(&data.object),
        Some(Outcome::Abnormal(_)) | None => Ok(None),
    }
}

/// A stored JSON object, which may be empty text for "none".
pub(super) fn object(text: &str) -> Result<Option<Box<RawValue>>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    match RawValue::from_string(text.to_owned()) {
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(Failure::Internal(format!(
            "a stored result is not JSON: {error}"
        ))),
    }
}

/// A description as proto JSON.
pub(super) fn description(record: &QuestRecord) -> Result<Box<RawValue>, Failure> {
    let text = distributor_proto::text::to_json(record.desc.as_ref())
        .map_err(|error| Failure::Internal(error.to_string()))?;
    let value = object(&text)?;
    value.ok_or_else(|| Failure::Internal("an empty description".to_owned()))
}

/// The state for a table: the class of an abnormal end says more than that it is one.
pub(super) fn short_state(state: dm::attempt::State, outcome: Option<&Outcome>) -> &'static str {
    match status(outcome) {
        Some(status) => status,
        None => state.as_str_name(),
    }
}
