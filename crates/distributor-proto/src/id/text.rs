//! From text, and to and from serde's texts.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::{AttemptId, ExecutionId, IdError, QuestId};

impl FromStr for QuestId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        // The decoder wants room for an estimate that exceeds 32 bytes.
        let mut bytes = [0; 33];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(32) => {
                let mut id = [0; 32];
                id.copy_from_slice(&bytes[..32]);
                Ok(QuestId(id))
            }
            _ => Err(IdError::Quest(text.to_owned())),
        }
    }
}

impl FromStr for AttemptId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let parts: Vec<&str> = text.splitn(3, '|').collect();
        let [quest, number] = parts[..] else {
            return Err(IdError::Parts {
                expected: "QUEST|N",
                text: text.to_owned(),
            });
        };
        let quest: QuestId = quest.parse()?;
        Ok(quest.attempt(parse_number("attempt", number)?))
    }
}

impl FromStr for ExecutionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let parts: Vec<&str> = text.splitn(4, '|').collect();
        let [quest, attempt, execution] = parts[..] else {
            return Err(IdError::Parts {
                expected: "QUEST|N|E",
                text: text.to_owned(),
            });
        };
        let quest: QuestId = quest.parse()?;
        let attempt = quest.attempt(parse_number("attempt", attempt)?);
        Ok(attempt.execution(parse_number("execution", execution)?))
    }
}

/// Accepts exactly what `Display` writes: one name must not have two texts.
fn parse_number(kind: &'static str, text: &str) -> Result<u32, IdError> {
    let starts_well = text.starts_with(|first| matches!(first, '1'..='9'));
    match text.parse() {
        Ok(number) if starts_well => Ok(number),
        _ => Err(IdError::Number {
            kind,
            text: text.to_owned(),
        }),
    }
}

/// Serde sees the text.
macro_rules! serde_as_text {
    ($($id:ty),*) => {$(
        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

serde_as_text!(QuestId, AttemptId, ExecutionId);
