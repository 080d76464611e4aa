//! The id of a quest: the hash of its normalized description.
//!
//! Ids are those of the original for every description that it knows. Nothing is
//! filled in or expanded, and presence counts: a zero duration that is there and
//! one that is not are two quests.

use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::dm;
use crate::id::{IdError, QuestId};
use crate::json_object::{JsonObjectError, normalize_object};
use crate::time::{DurationError, duration_to_std};

/// The longest `parameters` and `distributor_parameters` together, in bytes,
/// before normalization.
pub const MAX_PARAMETERS_SIZE: usize = 262_144;

/// A quest description that has no normal form. Messages begin with the name of
/// the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescError {
    /// A time limit is no length of time.
    #[error("meta.timeouts.{field}: {source}")]
    Timeout {
        /// `start`, `run` or `stop`.
        field: &'static str,
        /// What is wrong with it.
        #[source]
        source: DurationError,
    },
    /// The parameters are too long.
    #[error(
        "parameters and distributor_parameters: too large: {0} > {MAX_PARAMETERS_SIZE} bytes together"
    )]
    TooLarge(usize),
    /// The parameters are not a JSON object.
    #[error("{field}: {source}")]
    Parameters {
        /// `parameters` or `distributor_parameters`.
        field: &'static str,
        /// What is wrong with them.
        #[source]
        source: JsonObjectError,
    },
    /// A needed quest has no name by which the job calls it.
    #[error("meta.simple.needs[{0}].name: is empty: name what is needed")]
    NeedWithoutName(usize),
    /// Two needed quests have the same name.
    #[error("meta.simple.needs: {0:?} is used twice: give each need its own name")]
    DuplicateNeed(String),
    /// A needed quest is no quest.
    #[error("meta.simple.needs[{index}].quest: {source}")]
    NeededQuest {
        /// Which entry, from 0.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: IdError,
    },
    /// An input has no path.
    #[error("meta.simple.inputs[{0}].path: is empty: name the file")]
    InputWithoutPath(usize),
    /// Two inputs have the same path.
    #[error("meta.simple.inputs: {0:?} is listed twice: list each file once")]
    DuplicateInput(String),
    /// The digest of an input has not the length of a SHA-256.
    #[error("meta.simple.inputs[{index}].sha256: has {length} bytes: a SHA-256 has 32")]
    InputDigest {
        /// Which entry, from 0.
        index: usize,
        /// How many bytes it has.
        length: usize,
    },
}

/// Brings a description into the form that is hashed and stored: meta, retry and
/// timeouts present, both parameters in normal form, and what a simple quest
/// needs and reads sorted by name and path.
///
/// # Errors
///
/// The first field without normal form. The description may then be normalized
/// in part, which does not change what it means.
pub fn normalize_desc(desc: &mut dm::quest::Desc) -> Result<(), DescError> {
    let meta = desc.meta.get_or_insert_default();
    meta.retry.get_or_insert_default();
    let timeouts = meta.timeouts.get_or_insert_default();
    for (field, timeout) in [
        ("start", &timeouts.start),
        ("run", &timeouts.run),
        ("stop", &timeouts.stop),
    ] {
        if let Some(timeout) = timeout {
            duration_to_std(timeout).map_err(|source| DescError::Timeout { field, source })?;
        }
    }
    if let Some(simple) = &mut meta.simple {
        normalize_simple(simple)?;
    }

    let size = desc.parameters.len() + desc.distributor_parameters.len();
    if size > MAX_PARAMETERS_SIZE {
        return Err(DescError::TooLarge(size));
    }
    for (field, parameters) in [
        ("parameters", &mut desc.parameters),
        ("distributor_parameters", &mut desc.distributor_parameters),
    ] {
        *parameters = normalize_object(parameters)
            .map_err(|source| DescError::Parameters { field, source })?;
    }
    Ok(())
}

/// The id of a *normalized* description; see [`normalize_desc`].
#[must_use]
pub fn quest_id(desc: &dm::quest::Desc) -> QuestId {
    // Fields are encoded in the order of their numbers, and there are no maps.
    let digest = Sha256::digest(desc.encode_to_vec());
    QuestId::from_bytes(digest.into())
}

fn normalize_simple(simple: &mut dm::quest::desc::meta::Simple) -> Result<(), DescError> {
    for (index, need) in simple.needs.iter().enumerate() {
        if need.name.is_empty() {
            return Err(DescError::NeedWithoutName(index));
        }
        let quest: Result<QuestId, IdError> = need.quest.parse();
        quest.map_err(|source| DescError::NeededQuest { index, source })?;
    }
    for (index, input) in simple.inputs.iter().enumerate() {
        if input.path.is_empty() {
            return Err(DescError::InputWithoutPath(index));
        }
        let length = input.sha256.len();
        if length != 32 {
            return Err(DescError::InputDigest { index, length });
        }
    }

    simple
        .needs
        .sort_by(|left, right| left.name.cmp(&right.name));
    for pair in simple.needs.windows(2) {
        if pair[0].name == pair[1].name {
            return Err(DescError::DuplicateNeed(pair[0].name.clone()));
        }
    }
    simple
        .inputs
        .sort_by(|left, right| left.path.cmp(&right.path));
    for pair in simple.inputs.windows(2) {
        if pair[0].path == pair[1].path {
            return Err(DescError::DuplicateInput(pair[0].path.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
