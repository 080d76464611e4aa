//! From a stage with dependencies to the quests it asks for: copies, names, seeds.
//!
//! The phrase has been checked before. It refuses stages whose texts are too many to be sent, and
//! says so before it makes them.

use super::attempts;
use super::error::PhraseError;
use super::json;
use super::seed;
use crate::proto::dependency::AttemptStrategy;
use crate::proto::stage::StageType;
use crate::proto::{Dependency, Phrase, Stage};

/// Most bytes of phrases in one request.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// What a copy's text may have more than that of the phrase that is copied: a suffix of the name and
/// a seed.
const MOST_ADDED: usize = 64;

/// A quest that a stage asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Its phrase, as text.
    pub(crate) parameters: String,
    /// Which of its attempts.
    pub(crate) strategy: Strategy,
}

/// Which attempts of a quest are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// These, all of which must succeed. Ascending.
    All(Vec<u32>),
    /// The first that succeeds, up to this number.
    UpTo(u32),
}

/// What the stage at `index` asks for, in order; nothing for a stage of another kind.
///
/// # Errors
/// The texts are too long in sum, or there is none.
pub(crate) fn expand(phrase: &Phrase, index: usize) -> Result<Vec<Wanted>, PhraseError> {
    expanded_size(phrase, index)?;
    let before: u64 = phrase.stages.iter().take(index).map(copies).sum();
    let mut wanted = Vec::new();
    let mut round = 0;
    for dependency in dependencies(phrase.stages.get(index)) {
        let Some(written) = &dependency.phrase else {
            continue;
        };
        let strategy = strategy(dependency)?;
        let mut copy = written.clone();
        for shard in 0..dependency.shards.max(1) {
            if dependency.shards > 0 {
                copy.name = format!("{}_{shard}", written.name);
            }
            copy.seed = seed::of_dependency(
                phrase.seed,
                written.seed,
                dependency.mix_seed,
                round,
                before + round,
            );
            wanted.push(Wanted {
                parameters: json::write(&copy).map_err(PhraseError::new)?,
                strategy: strategy.clone(),
            });
            round += 1;
        }
    }
    Ok(wanted)
}

/// An upper bound of the bytes of texts that the stage at `index` asks for. Makes one text for each
/// dependency, however many copies there are.
///
/// # Errors
/// As for [`expand`].
pub(crate) fn expanded_size(phrase: &Phrase, index: usize) -> Result<usize, PhraseError> {
    let mut size: usize = 0;
    for (at, dependency) in dependencies(phrase.stages.get(index)).iter().enumerate() {
        let here = |message: String| PhraseError::new(message).within(format!("deps.deps[{at}]"));
        let Some(written) = &dependency.phrase else {
            continue;
        };
        let text = json::write(written).map_err(here)?;
        let copies = usize::try_from(dependency.shards.max(1)).unwrap_or(usize::MAX);
        size = size.saturating_add(copies.saturating_mul(text.len() + MOST_ADDED));
        if size > MOST_BYTES {
            return Err(here(format!(
                "makes, with what comes before it, phrases of up to {size} bytes: {MOST_BYTES} are \
                 the most in one stage; use fewer shards, or smaller phrases"
            )));
        }
    }
    Ok(size)
}

fn dependencies(stage: Option<&Stage>) -> &[Dependency] {
    match stage.and_then(|stage| stage.stage_type.as_ref()) {
        Some(StageType::Deps(deps)) => &deps.deps,
        _ => &[],
    }
}

fn copies(stage: &Stage) -> u64 {
    let dependencies = dependencies(Some(stage)).iter();
    dependencies
        .map(|dependency| dependency.shards.max(1))
        .fold(0, u64::saturating_add)
}

fn strategy(dependency: &Dependency) -> Result<Strategy, PhraseError> {
    Ok(match &dependency.attempt_strategy {
        None => Strategy::All(vec![1]),
        Some(AttemptStrategy::Attempts(range)) => Strategy::All(attempts::numbers(range)?),
        Some(AttemptStrategy::Retries(retries)) => Strategy::UpTo(retries.saturating_add(1)),
    })
}
