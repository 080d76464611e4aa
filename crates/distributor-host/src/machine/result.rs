//! Results as the host keeps them: normalized on every path (DC-59), and never too large.

use std::sync::Arc;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{TaskResult, dm};
use distributor_proto::normalize_result;
use distributor_store::records::Outcome;

/// Longest reason that is kept, in bytes; the rest is cut off and marked.
pub const MAX_REASON_BYTES: usize = 16 * 1024;

/// A result that went through [`FinalResult::normalize`]: the machine takes no other.
#[derive(Debug, Clone, PartialEq)]
pub struct FinalResult(Outcome);

impl FinalResult {
    /// Data that is no JSON object becomes `RESULT_MALFORMED` with the error and the beginning of the
    /// text; so does an abnormal end without a legal status.
    pub fn normalize(result: TaskResult) -> Self {
        FinalResult(match result {
            TaskResult::Data(mut data) => match normalize_result(&mut data) {
                Ok(()) => Outcome::Data(Arc::new(data)),
                Err(error) => {
                    let start: String = data.object.chars().take(256).collect();
                    malformed(format!("{error} in: {start}"))
                }
            },
            TaskResult::Abnormal(finish) => match Status::try_from(finish.status) {
                Ok(Status::Invalid) | Err(_) => malformed(format!(
                    "the backend gave the illegal status {} with reason: {}",
                    finish.status, finish.reason
                )),
                Ok(_) => Outcome::Abnormal(Arc::new(cap(finish))),
            },
        })
    }

    pub(super) fn into_outcome(self) -> Outcome {
        self.0
    }
}

fn malformed(reason: String) -> Outcome {
    Outcome::Abnormal(super::abnormal(Status::ResultMalformed, reason))
}

/// Cuts an overlong reason.
pub(super) fn cap(finish: dm::AbnormalFinish) -> dm::AbnormalFinish {
    dm::AbnormalFinish {
        reason: cap_text(finish.reason),
        ..finish
    }
}

pub(super) fn cap_text(mut text: String) -> String {
    if text.len() > MAX_REASON_BYTES {
        text.truncate(text.floor_char_boundary(MAX_REASON_BYTES));
        text.push_str(" … (cut)");
    }
    text
}
