//! How a task stands, as it is told to the host and as it is written into the log.
//!
//! The form `{"Status":..,"StateOrReason":..}` is the original's; with a failure it holds the reason,
//! which there was lost.

use distributor_core::TaskResult;
use distributor_core::dm::abnormal_finish;
use serde::{Deserialize, Serialize};

use crate::task::End;

/// How a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Runnable,
    Running,
    Finished,
    Failed,
    Cancelled,
}

/// How a task stands, and what it left or why it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Outcome {
    status: Status,
    state_or_reason: String,
}

impl Outcome {
    fn new(status: Status, state_or_reason: impl Into<String>) -> Self {
        Outcome {
            status,
            state_or_reason: state_or_reason.into(),
        }
    }

    /// Of a task that ended by itself.
    pub(super) fn of(end: End) -> Self {
        match end {
            End::Finished(state) | End::Stranger(state) => Outcome::new(Status::Finished, state),
            End::Failed(reason) => Outcome::new(Status::Failed, reason),
        }
    }

    /// Of a task that was called off.
    pub(super) fn cancelled() -> Self {
        Outcome::new(Status::Cancelled, "cancelled before its end")
    }

    /// What it means to a host; nothing yet if the task is not over.
    pub(super) fn result(&self) -> Option<TaskResult> {
        let text = self.state_or_reason.as_str();
        match self.status {
            Status::Runnable | Status::Running => None,
            Status::Finished => Some(TaskResult::data(text)),
            Status::Failed => Some(TaskResult::abnormal(abnormal_finish::Status::Failed, text)),
            Status::Cancelled => Some(TaskResult::abnormal(
                abnormal_finish::Status::Cancelled,
                text,
            )),
        }
    }

    /// The body of a notification.
    pub(super) fn to_json(&self) -> Vec<u8> {
        // Two strings always have a text; an empty body would be refused, and the host would ask.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the body of a notification.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_its_reason_and_not_its_state() {
        let outcome = Outcome::of(End::Failed("why".to_owned()));
        let body = outcome.to_json();
        assert_eq!(body, br#"{"Status":"failed","StateOrReason":"why"}"#);
        assert_eq!(Outcome::read(&body).unwrap(), outcome);
        let expected = TaskResult::abnormal(abnormal_finish::Status::Failed, "why");
        assert_eq!(outcome.result(), Some(expected));
    }

    #[test]
    fn dc_46_a_task_that_is_not_over_has_no_result() {
        for status in ["runnable", "running"] {
            let body = format!(r#"{{"Status":"{status}","StateOrReason":""}}"#);
            assert_eq!(Outcome::read(body.as_bytes()).unwrap().result(), None);
        }
        assert!(Outcome::read(br#"{"Status":"lost","StateOrReason":""}"#).is_err());
    }
}
