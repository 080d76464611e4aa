//! The one error of the contract: *what* went wrong, *may it be tried again*, *did it happen*.
//!
//! It refuses to carry a backend's own error types: those are translated where the foreign
//! system is spoken to, so that hosts and layers decide on this type alone (architecture, A10).

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// Result of every fallible method of the contract.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in the few classes a caller may act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request can never be right as it stands.
    InvalidArgument,
    /// The task, name or record does not exist.
    NotFound,
    /// The caller is known and may not do this.
    PermissionDenied,
    /// The caller is not known.
    Unauthenticated,
    /// A quota or limit is used up.
    ResourceExhausted,
    /// The system on the other side cannot be reached or refuses work for now.
    Unavailable,
    /// No answer in time.
    Timeout,
    /// The work was called off before it happened.
    Cancelled,
    /// This backend or build cannot do that.
    Unsupported,
    /// A configuration is wrong.
    Config,
    /// A bug, or a state that should not exist.
    Internal,
}

/// Whether the same call may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It will fail again in the same way. The default.
    Permanent,
    /// It may succeed, not earlier than after the given delay if there is one (DC-23).
    Transient {
        /// What the other side asked for, e.g. with a `Retry-After` header.
        after: Option<Duration>,
    },
}

/// Whether the call had its effect although it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It certainly did not happen.
    No,
    /// It may have happened: a task may exist, look before launching again.
    Unknown,
}

/// The error of the contract. Permanent and not applied unless said otherwise.
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    retry: Retry,
    applied: Applied,
    message: String,
    context: Vec<(&'static str, String)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A permanent error that did not happen. `message` is a lowercase fragment.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error {
            inner: Box::new(Inner {
                kind,
                retry: Retry::Permanent,
                applied: Applied::No,
                message: message.into(),
                context: Vec::new(),
                source: None,
            }),
        }
    }

    /// Marks the error as worth another try, and its effect as unknown (see [`Error::not_applied`]).
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.inner.retry = Retry::Transient { after: None };
        self.inner.applied = Applied::Unknown;
        self
    }

    /// Marks the error as worth another try after `delay`.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self = self.transient();
        self.inner.retry = Retry::Transient { after: Some(delay) };
        self
    }

    /// Says that the call certainly had no effect.
    #[must_use]
    pub fn not_applied(mut self) -> Self {
        self.inner.applied = Applied::No;
        self
    }

    /// Says that the call may have had its effect.
    #[must_use]
    pub fn maybe_applied(mut self) -> Self {
        self.inner.applied = Applied::Unknown;
        self
    }

    /// Adds a fact for the person who reads the report. Never a secret.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.inner.context.push((key, value.into()));
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// Whether to try again.
    pub fn retry(&self) -> Retry {
        self.inner.retry
    }

    /// True for [`Retry::Transient`].
    pub fn is_transient(&self) -> bool {
        matches!(self.inner.retry, Retry::Transient { .. })
    }

    /// Whether it may have happened all the same.
    pub fn applied(&self) -> Applied {
        self.inner.applied
    }

    /// The message alone, without context and cause.
    pub fn message(&self) -> &str {
        &self.inner.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)?;
        for (index, (key, value)) in self.inner.context.iter().enumerate() {
            let open = if index == 0 { " (" } else { ", " };
            write!(f, "{open}{key}: {value}")?;
        }
        if !self.inner.context.is_empty() {
            f.write_str(")")?;
        }
        let mut cause: Option<&(dyn StdError + 'static)> = self.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} [{:?}, applied: {:?}] {self}",
            self.inner.kind, self.inner.retry, self.inner.applied
        )
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permanent_and_not_applied_is_the_default() {
        let error = Error::new(ErrorKind::NotFound, "no task `x`");
        assert_eq!(error.retry(), Retry::Permanent);
        assert_eq!(error.applied(), Applied::No);
    }

    #[test]
    fn transient_means_the_effect_is_unknown_unless_said_otherwise() {
        let error = Error::new(ErrorKind::Timeout, "no answer in 10 s").transient();
        assert_eq!(error.applied(), Applied::Unknown);
        assert_eq!(error.not_applied().applied(), Applied::No);
    }

    #[test]
    fn display_is_one_line_with_context_and_cause() {
        let cause = std::io::Error::other("disk on fire");
        let error = Error::new(ErrorKind::Internal, "failed to spawn")
            .with("program", "cc")
            .with("directory", "/src")
            .because(cause);
        assert_eq!(
            error.to_string(),
            "failed to spawn (program: cc, directory: /src): disk on fire"
        );
    }
}
