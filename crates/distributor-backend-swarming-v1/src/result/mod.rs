//! From the end of a task to the result of its execution.
//!
//! Total: every state that a server may ever name, and every combination of fields, has exactly one
//! meaning. The same task has the same result whenever it is asked for, so the moment when it is asked
//! for counts only if the server does not say when the task was over.

mod data;
mod reason;

use std::time::Duration;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{TaskResult, Timestamp, dm};

use crate::state::State;
use crate::wire;

/// The longest data of an execution, in bytes; a bound of the service.
const MOST_DATA: usize = 262_144;

/// What the quest and the configuration want of a result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Dimensions of the bot that become part of the data.
    pub(crate) snapshot_dimensions: &'a [String],
    /// How long data counts; `None` is for ever.
    pub(crate) expiration: Option<Duration>,
    /// A simple quest: nobody but the task itself says whether the job has failed.
    pub(crate) is_simple: bool,
}

/// The result of a task; `None` if it is not over.
pub(crate) fn finish(
    task: &wire::TaskResult,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Option<TaskResult> {
    let status = match State::parse(&task.state) {
        State::Pending | State::Running => return None,
        State::Completed => return Some(completed(task, wanted, now)),
        State::BotDied => Status::Crashed,
        State::TimedOut => Status::TimedOut,
        State::Expired | State::NoResource => Status::Expired,
        State::Canceled | State::Killed => Status::Cancelled,
        // Another execution would lack the same input.
        State::ClientError => Status::Rejected,
        State::Unknown => Status::ResultMalformed,
    };
    Some(TaskResult::abnormal(status, reason::of(task)))
}

fn completed(task: &wire::TaskResult, wanted: &Wanted<'_>, now: Timestamp) -> TaskResult {
    let abnormal =
        |status, text: String| TaskResult::abnormal(status, format!("swarming: COMPLETED{text}"));
    if task.internal_failure {
        let text = match task.exit_code {
            Some(code) => format!("/InternalFailure({code})"),
            None => "/InternalFailure(no exit code)".to_owned(),
        };
        return abnormal(Status::Crashed, text);
    }
    let code = match (task.exit_code, task.failure) {
        (Some(code), _) => code,
        // As some servers write 0.
        (None, false) => 0,
        (None, true) => {
            let text = ": failed, but without an exit code".to_owned();
            return abnormal(Status::ResultMalformed, text);
        }
    };
    if wanted.is_simple && code != 0 {
        return abnormal(Status::Failed, format!(": exit code {code}"));
    }
    match data::object(task, code, wanted.snapshot_dimensions) {
        Err(problem) => abnormal(Status::ResultMalformed, format!(": {problem}")),
        Ok(object) if object.len() > MOST_DATA => {
            let length = object.len();
            let text = format!(": the result has {length} bytes: {MOST_DATA} are the most");
            abnormal(Status::ResultMalformed, text)
        }
        Ok(object) => TaskResult::Data(dm::JsonResult {
            size: u32::try_from(object.len()).unwrap_or(u32::MAX),
            object,
            expiration: wanted.expiration.map(|expiration| {
                let end = task.completed_ts.unwrap_or(now);
                end.after(expiration).to_proto()
            }),
        }),
    }
}

#[cfg(test)]
mod tests;
