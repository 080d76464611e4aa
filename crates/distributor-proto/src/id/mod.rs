//! Typed names of quests, attempts and executions.
//!
//! A value of one of these types is a well-formed name; whether such a thing
//! exists is another matter. Their text is for people and for the edges of the
//! service; as keys of a sorted store they have another form, see [`crate::key`].
//!
//! | Type | Text |
//! |---|---|
//! | [`QuestId`] | `QUEST`, 43 characters |
//! | [`AttemptId`] | `QUEST\|N` |
//! | [`ExecutionId`] | `QUEST\|N\|E` |

mod message;
mod text;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Characters of a quest id.
const QUEST_TEXT_LENGTH: usize = 43;

/// The name of a quest: the SHA-256 of its normalized description.
///
/// Its text is unpadded base64url, always 43 characters. The order is that of
/// the bytes, which is not that of the texts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuestId([u8; 32]);

/// The name of an attempt. Ordered by quest, then number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptId {
    /// The quest it tries.
    pub quest: QuestId,
    /// Its number; from 1, chosen by whoever asks for the attempt.
    pub number: u32,
}

/// The name of an execution. Ordered by attempt, then number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExecutionId {
    /// The attempt it belongs to.
    pub attempt: AttemptId,
    /// Its number; from 1, contiguous within the attempt.
    pub number: u32,
}

/// A text or message that is not the name of a quest, attempt or execution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The quest part is not the base64url text of 32 bytes.
    #[error("quest id {0:?} is malformed: expected 43 characters of unpadded base64url")]
    Quest(String),
    /// A number is not a decimal number from 1 to 4294967295.
    #[error("{kind} number {text:?} is malformed: expected a decimal number from 1")]
    Number {
        /// What it is the number of.
        kind: &'static str,
        /// What was found.
        text: String,
    },
    /// There are more or fewer parts than such a name has.
    #[error("id {text:?} is malformed: expected {expected}")]
    Parts {
        /// The form of such a name.
        expected: &'static str,
        /// What was found.
        text: String,
    },
    /// A message has no id where one is required.
    #[error("id is missing")]
    Missing,
}

impl QuestId {
    /// The name made of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        QuestId(bytes)
    }

    /// The bytes that the text encodes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// An attempt of this quest.
    #[must_use]
    pub const fn attempt(self, number: u32) -> AttemptId {
        AttemptId {
            quest: self,
            number,
        }
    }
}

impl AttemptId {
    /// An execution of this attempt.
    #[must_use]
    pub const fn execution(self, number: u32) -> ExecutionId {
        ExecutionId {
            attempt: self,
            number,
        }
    }
}

impl fmt::Display for QuestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = [0; QUEST_TEXT_LENGTH];
        let length = URL_SAFE_NO_PAD
            .encode_slice(self.0, &mut buffer)
            .map_err(|_| fmt::Error)?;
        let text = std::str::from_utf8(&buffer[..length]).map_err(|_| fmt::Error)?;
        formatter.pad(text)
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}|{}", self.quest, self.number)
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}|{}", self.attempt, self.number)
    }
}

impl fmt::Debug for QuestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "QuestId({self})")
    }
}

impl fmt::Debug for AttemptId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AttemptId({self})")
    }
}

impl fmt::Debug for ExecutionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ExecutionId({self})")
    }
}

#[cfg(test)]
mod tests;
