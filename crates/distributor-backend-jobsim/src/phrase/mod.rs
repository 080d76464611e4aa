//! Phrases: what a simulated job does.
//!
//! * [`read`]: from the `parameters` of a quest, checked as a whole.
//! * [`expand`]: what a stage with dependencies asks for.
//! * [`chance`]: whether a stage with a chance to fail does.
//!
//! Everything here is a pure function: another execution of the same phrase must ask for the same
//! quests, or it never sees their results. It refuses phrases whose expansion has no sensible bound.

mod attempts;
mod check;
mod error;
mod expand;
mod json;
mod seed;

use crate::proto::Phrase;

pub(crate) use check::delay;
pub(crate) use error::PhraseError;
pub(crate) use expand::{Strategy, Wanted, expand, expanded_size};
pub(crate) use json::{read as read_message, write as write_message};
pub(crate) use seed::chance;

/// The phrase in a quest's `parameters`: proto JSON, strict.
///
/// # Errors
/// What is wrong with the text or with the phrase, naming the place.
pub(crate) fn read(parameters: &str) -> Result<Phrase, PhraseError> {
    let phrase: Phrase = json::read(parameters).map_err(PhraseError::new)?;
    check::check(&phrase)?;
    for index in 0..phrase.stages.len() {
        expanded_size(&phrase, index).map_err(|error| error.within(format!("stages[{index}]")))?;
    }
    Ok(phrase)
}

#[cfg(test)]
mod tests;
