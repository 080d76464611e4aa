//! What is said of an attempt that is over, and of an execution that is followed by another. Pure.

use distributor_core::dm::abnormal_finish::Status;
use distributor_store::records::{AttemptRecord, Outcome};

use super::words::{end, plural_of};

/// For an attempt that runs again.
pub(super) fn about_the_last(record: &AttemptRecord) -> String {
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

pub(super) fn about_the_result(record: &AttemptRecord) -> String {
    let executions = plural_of(record.current_execution, "execution", "executions");
    match &record.outcome {
        Some(Outcome::Data(data)) => format!(
            ", after {executions}, with a result of {}",
            plural_of(data.size, "byte", "bytes")
        ),
        _ => format!(", after {executions}"),
    }
}

pub(super) fn about_retries(record: &AttemptRecord) -> String {
    match &record.outcome {
        Some(Outcome::Abnormal(finish)) if record.current_execution > 0 => {
            retries_used(record, finish.status())
        }
        Some(Outcome::Abnormal(_)) => ", without any execution".to_owned(),
        _ => String::new(),
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

fn retries_used(record: &AttemptRecord, status: Status) -> String {
    match retries(record, status) {
        Some((used, budget)) => format!(
            ", with {used} of {} used",
            plural_of(budget, "retry", "retries")
        ),
        None => ", which is never tried again".to_owned(),
    }
}
