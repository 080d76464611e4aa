//! To and from the messages that hold names.

use super::{AttemptId, ExecutionId, IdError, QuestId};
use crate::dm;

impl From<QuestId> for dm::quest::Id {
    fn from(id: QuestId) -> Self {
        dm::quest::Id { id: id.to_string() }
    }
}

impl From<AttemptId> for dm::attempt::Id {
    fn from(id: AttemptId) -> Self {
        dm::attempt::Id {
            quest: id.quest.to_string(),
            id: id.number,
        }
    }
}

impl From<ExecutionId> for dm::execution::Id {
    fn from(id: ExecutionId) -> Self {
        dm::execution::Id {
            quest: id.attempt.quest.to_string(),
            attempt: id.attempt.number,
            id: id.number,
        }
    }
}

impl TryFrom<&dm::quest::Id> for QuestId {
    type Error = IdError;

    fn try_from(id: &dm::quest::Id) -> Result<Self, IdError> {
        id.id.parse()
    }
}

impl TryFrom<&dm::attempt::Id> for AttemptId {
    type Error = IdError;

    fn try_from(id: &dm::attempt::Id) -> Result<Self, IdError> {
        let quest: QuestId = id.quest.parse()?;
        Ok(quest.attempt(positive("attempt", id.id)?))
    }
}

impl TryFrom<&dm::execution::Id> for ExecutionId {
    type Error = IdError;

    fn try_from(id: &dm::execution::Id) -> Result<Self, IdError> {
        let quest: QuestId = id.quest.parse()?;
        let attempt = quest.attempt(positive("attempt", id.attempt)?);
        Ok(attempt.execution(positive("execution", id.id)?))
    }
}

impl TryFrom<&dm::execution::Auth> for ExecutionId {
    type Error = IdError;

    fn try_from(auth: &dm::execution::Auth) -> Result<Self, IdError> {
        auth.id.as_ref().ok_or(IdError::Missing)?.try_into()
    }
}

fn positive(kind: &'static str, number: u32) -> Result<u32, IdError> {
    if number == 0 {
        let text = number.to_string();
        return Err(IdError::Number { kind, text });
    }
    Ok(number)
}
