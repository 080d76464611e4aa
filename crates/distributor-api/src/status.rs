//! Why a call failed: a code that all transports share, and a message for people.

use std::fmt;

use distributor_host::driver::CallError;
use distributor_host::machine::Refusal;

/// The canonical codes of gRPC, numbers included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the canonical names say what they mean")]
pub enum Code {
    Canceled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

/// The longest message, in bytes: it may quote what a client sent, and has to fit into headers.
const MAX_MESSAGE: usize = 4096;

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What class of failure.
    pub code: Code,
    /// For people; names the field that is wrong, and holds no secret.
    pub message: String,
}

impl Status {
    /// A failure. Of a message of more than 4096 bytes the rest is cut off and marked.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Status {
            code,
            message: cut(message.into(), MAX_MESSAGE),
        }
    }

    /// A request that can never be right; `field` is the path of what is wrong.
    pub fn invalid(field: impl fmt::Display, problem: impl fmt::Display) -> Self {
        Status::new(Code::InvalidArgument, format!("{field}: {problem}"))
    }
}

/// Cuts a text that is longer than `max` bytes off, and marks it.
pub(crate) fn cut(mut text: String, max: usize) -> String {
    const MARK: &str = " … (cut)";
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max.saturating_sub(MARK.len())));
        text.push_str(MARK);
    }
    text
}

/// What the host's errors mean to a client. `Internal` and `Unavailable` are what clients try again
/// (`dm-api.md`, section 7): nothing was changed, or the same call does no harm.
impl From<CallError> for Status {
    fn from(error: CallError) -> Self {
        let code = match &error {
            CallError::Invalid { .. } | CallError::AbsentQuest(_) => Code::InvalidArgument,
            CallError::Cycle(_) | CallError::NotDead(_) => Code::FailedPrecondition,
            CallError::TooEntangled(_) => Code::ResourceExhausted,
            CallError::NotFound(_) | CallError::NoTask(_) => Code::NotFound,
            CallError::Refused(Refusal::AlreadyActivated) => Code::AlreadyExists,
            CallError::Refused(Refusal::NotSettled) => Code::Unavailable,
            CallError::Refused(_) => Code::PermissionDenied,
            CallError::Unavailable(_) | CallError::Stopped => Code::Unavailable,
            _ => Code::Internal,
        };
        Status::new(code, error.to_string())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.code, self.message)
    }
}

impl std::error::Error for Status {}

#[cfg(test)]
mod tests {
    use distributor_core::QuestId;

    use super::*;

    #[test]
    fn messages_are_bounded() {
        let long = Status::new(Code::Internal, "ä".repeat(10_000));
        assert!(long.message.len() <= 4096 && long.message.ends_with("ä … (cut)"));
        let fits = "x".repeat(4096);
        assert_eq!(Status::new(Code::Internal, &fits).message, fits);
    }

    #[test]
    fn every_error_of_the_host_has_a_code_and_its_own_words() {
        let quest = QuestId::from_bytes([7; 32]);
        let attempts = vec![quest.attempt(1), quest.attempt(2), quest.attempt(1)];
        let invalid = CallError::Invalid {
            field: "quest[1]".to_owned(),
            message: "is wrong".to_owned(),
        };
        for (error, code, part) in [
            (invalid, Code::InvalidArgument, "quest[1]: is wrong"),
            (
                CallError::AbsentQuest(quest),
                Code::InvalidArgument,
                "cannot create attempts for absent quest \"BwcHB",
            ),
            (
                CallError::Cycle(attempts),
                Code::FailedPrecondition,
                "|1 -> BwcHB",
            ),
            (
                CallError::NotFound(quest.attempt(3)),
                Code::NotFound,
                "no attempt BwcHB",
            ),
            (
                Refusal::Denied("wrong token").into(),
                Code::PermissionDenied,
                "wrong token",
            ),
            (
                Refusal::AlreadyActivated.into(),
                Code::AlreadyExists,
                "activated already",
            ),
            (Refusal::NotSettled.into(), Code::Unavailable, "try again"),
            (
                CallError::TooEntangled(quest.attempt(1)),
                Code::ResourceExhausted,
                "ask again when",
            ),
            (
                CallError::Unavailable("later".to_owned()),
                Code::Unavailable,
                "later",
            ),
            (CallError::Stopped, Code::Unavailable, "stopped"),
            (
                CallError::NotStored("disk full".to_owned()),
                Code::Internal,
                "try again: disk full",
            ),
        ] {
            let status = Status::from(error);
            assert_eq!(status.code, code, "{status}");
            assert!(status.message.contains(part), "{status}");
        }
    }
}
