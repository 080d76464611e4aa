//! What is wrong with a phrase, and where.

use std::fmt;

/// A phrase that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PhraseError {
    /// Outermost last: the error travels outwards.
    path: Vec<String>,
    message: String,
}

impl PhraseError {
    /// An error of the thing itself.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        PhraseError {
            path: Vec::new(),
            message: message.into(),
        }
    }

    /// The same, seen from the thing that holds it as `field`.
    #[must_use]
    pub(crate) fn within(mut self, field: impl Into<String>) -> Self {
        self.path.push(field.into());
        self
    }
}

impl fmt::Display for PhraseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, field) in self.path.iter().rev().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            write!(f, "{dot}{field}")?;
        }
        let colon = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{colon}{}", self.message)
    }
}
