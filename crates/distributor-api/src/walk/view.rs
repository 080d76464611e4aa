//! Stored records as the messages of `dm`.
//!
//! Only what is named here leaves the store: tokens that authenticate are not (T24). It refuses to
//! decide who may see a result: whoever calls says whether its object is shown.

use distributor_core::{DistributorSource, Timestamp, dm};
use distributor_store::records::{AttemptRecord, ExecutionRecord, Outcome, QuestRecord};

/// What is stored about a quest.
pub(crate) fn quest_data(record: &QuestRecord) -> dm::quest::Data {
    dm::quest::Data {
        created: Some(record.created.to_proto()),
        desc: Some(record.desc.as_ref().clone()),
        built_by: record.built_by.clone(),
    }
}

/// The result of an attempt that has one for good. What a job delivered is none before its
/// execution has ended normally.
pub(crate) fn attempt_result(record: &AttemptRecord) -> Option<&dm::JsonResult> {
    match (record.state, &record.outcome) {
        (dm::attempt::State::Finished, Some(Outcome::Data(data))) => Some(data),
        _ => None,
    }
}

/// What a normally ended execution left for the next one.
pub(crate) fn execution_result(record: &ExecutionRecord) -> Option<&dm::JsonResult> {
    match (record.state, &record.outcome) {
        (dm::execution::State::Finished, Some(Outcome::Data(data))) => Some(data),
        _ => None,
    }
}

/// The worth of this result has passed.
pub(crate) fn is_expired(result: Option<&dm::JsonResult>, now: Timestamp) -> bool {
    result
        .and_then(|result| result.expiration.as_ref())
        .is_some_and(|expiration| Timestamp::from_proto(expiration) <= now)
}

/// The attempt will never have a result.
pub(crate) fn is_abnormal(record: &AttemptRecord) -> bool {
    record.state == dm::attempt::State::AbnormalFinished
}

/// The execution did not end normally.
pub(crate) fn is_execution_abnormal(record: &ExecutionRecord) -> bool {
    record.state == dm::execution::State::AbnormalFinished
}

/// What is stored about an attempt; of its result the object only `with_object`.
pub(crate) fn attempt_data(record: &AttemptRecord, with_object: bool) -> dm::attempt::Data {
    use dm::attempt::State;
    use dm::attempt::data::{AttemptType, Executing, Finished, Scheduling, Waiting};
    let attempt_type = match record.state {
        State::Scheduling => AttemptType::Scheduling(Scheduling {}),
        State::Executing => AttemptType::Executing(Executing {
            cur_execution_id: record.current_execution,
        }),
        State::Waiting => AttemptType::Waiting(Waiting {
            num_waiting: record.dependencies.unset(),
        }),
        State::Finished => AttemptType::Finished(Finished {
            data: attempt_result(record).map(|result| shown(result, with_object)),
        }),
        State::AbnormalFinished => {
            AttemptType::AbnormalFinish(abnormal_finish(record.outcome.as_ref()))
        }
    };
    dm::attempt::Data {
        created: Some(record.created.to_proto()),
        modified: Some(record.modified.to_proto()),
        num_executions: record.current_execution,
        attempt_type: Some(attempt_type),
    }
}

/// What is stored about an execution; of its result the object only `with_object`.
pub(crate) fn execution_data(
    record: &ExecutionRecord,
    with_object: bool,
    backends: &dyn DistributorSource,
) -> dm::execution::Data {
    use dm::execution::State;
    use dm::execution::data::{ExecutionType, Finished, Running, Scheduling, Stopping};
    let execution_type = match record.state {
        State::Scheduling => ExecutionType::Scheduling(Scheduling {}),
        State::Running => ExecutionType::Running(Running {}),
        State::Stopping => ExecutionType::Stopping(Stopping {}),
        State::Finished => ExecutionType::Finished(Finished {
            data: execution_result(record).map(|result| shown(result, with_object)),
        }),
        State::AbnormalFinished => {
            ExecutionType::AbnormalFinish(abnormal_finish(record.outcome.as_ref()))
        }
    };
    dm::execution::Data {
        created: Some(record.created.to_proto()),
        modified: Some(record.modified.to_proto()),
        distributor_info: Some(dm::execution::data::DistributorInfo {
            config_name: record.config.name.clone(),
            config_version: record.config.version.clone(),
            token: record.token.0.clone(),
            url: url(record, backends),
        }),
        execution_type: Some(execution_type),
    }
}

/// Where a person can look at the task (DC-42): told by the configuration that the execution was
/// started with (DC-03). Empty if its backend is not in this build.
fn url(record: &ExecutionRecord, backends: &dyn DistributorSource) -> String {
    match backends.distributor(&record.config) {
        Ok(distributor) => distributor.info_url(&record.token),
        Err(_) => String::new(),
    }
}

fn shown(result: &dm::JsonResult, with_object: bool) -> dm::JsonResult {
    match with_object {
        true => result.clone(),
        false => dm::JsonResult {
            object: String::new(),
            size: result.size,
            expiration: result.expiration,
        },
    }
}

fn abnormal_finish(outcome: Option<&Outcome>) -> dm::AbnormalFinish {
    match outcome {
        Some(Outcome::Abnormal(finish)) => finish.as_ref().clone(),
        Some(Outcome::Data(_)) | None => dm::AbnormalFinish::default(),
    }
}
