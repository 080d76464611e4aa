//! Why a call failed: a code that all transports share, and a message for people.

use std::fmt;

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

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What class of failure.
    pub code: Code,
    /// For people; names the field that is wrong, and holds no secret.
    pub message: String,
}

impl Status {
    /// A failure.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Status {
            code,
            message: message.into(),
        }
    }

    /// A request that can never be right; `field` is the path of what is wrong.
    pub fn invalid(field: impl fmt::Display, problem: impl fmt::Display) -> Self {
        Status::new(Code::InvalidArgument, format!("{field}: {problem}"))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.code, self.message)
    }
}

impl std::error::Error for Status {}
