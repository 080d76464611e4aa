//! What a phrase must be, all the way down.
//!
//! It changes nothing: defaults are applied where they are used, so that the text of a phrase, and
//! with it the id of its quest, stays as it was written.

use distributor_core::Timestamp;

use super::attempts::{self, MOST_ATTEMPTS};
use super::error::PhraseError;
use crate::proto::dependency::AttemptStrategy;
use crate::proto::stage::StageType;
use crate::proto::{Dependency, DepsStage, FailureStage, Phrase, Stage, StallStage};

/// How deep phrases may be nested, the outermost counted.
const MOST_NESTED: usize = 20;

/// How often a dependency may be retried. Each execution that comes back asks for all attempts so
/// far again, one call each.
const MOST_RETRIES: u32 = 1000;

/// Checks a phrase and all phrases in it.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub(super) fn check(phrase: &Phrase) -> Result<(), PhraseError> {
    check_phrase(phrase, 1)
}

fn check_phrase(phrase: &Phrase, depth: usize) -> Result<(), PhraseError> {
    if depth > MOST_NESTED {
        let message = format!("phrases are nested more than {MOST_NESTED} deep");
        return Err(PhraseError::new(message));
    }
    if phrase.name.is_empty() {
        return Err(PhraseError::new("is required: name the job").within("name"));
    }
    for (index, stage) in phrase.stages.iter().enumerate() {
        check_stage(stage, depth).map_err(|error| error.within(format!("stages[{index}]")))?;
    }
    Ok(())
}

fn check_stage(stage: &Stage, depth: usize) -> Result<(), PhraseError> {
    match &stage.stage_type {
        None => Err(PhraseError::new(
            "empty stage: set `failure`, `stall` or `deps`",
        )),
        Some(StageType::Failure(failure)) => {
            check_failure(failure).map_err(|error| error.within("failure"))
        }
        Some(StageType::Stall(stall)) => check_stall(stall).map_err(|error| error.within("stall")),
        Some(StageType::Deps(deps)) => {
            check_deps(deps, depth).map_err(|error| error.within("deps"))
        }
    }
}

fn check_failure(failure: &FailureStage) -> Result<(), PhraseError> {
    let chance = failure.chance;
    let problem = if chance.is_nan() {
        "is not a number"
    } else if chance < 0.0 {
        "too small"
    } else if chance > 1.0 {
        "too large"
    } else {
        return Ok(());
    };
    let message = format!("{problem}: {chance}; use 0 to 1");
    Err(PhraseError::new(message).within("chance"))
}

fn check_stall(stall: &StallStage) -> Result<(), PhraseError> {
    match stall.delay {
        Some(delay) if delay.seconds < 0 || delay.nanos < 0 => {
            Err(PhraseError::new("must not be negative").within("delay"))
        }
        _ => Ok(()),
    }
}

fn check_deps(stage: &DepsStage, depth: usize) -> Result<(), PhraseError> {
    let mut attempts: u64 = 0;
    for (index, dependency) in stage.deps.iter().enumerate() {
        let here = |error: PhraseError| error.within(format!("deps[{index}]"));
        let wanted = check_dependency(dependency, depth).map_err(here)?;
        attempts = attempts.saturating_add(wanted);
        if attempts > MOST_ATTEMPTS {
            let message = format!(
                "asks, with what comes before it, for {attempts} attempts: {MOST_ATTEMPTS} are the \
                 most in one stage; use fewer shards or attempts, or another level of jobs"
            );
            return Err(here(PhraseError::new(message)));
        }
    }
    Ok(())
}

/// How many attempts it asks for.
fn check_dependency(dependency: &Dependency, depth: usize) -> Result<u64, PhraseError> {
    let attempts = match &dependency.attempt_strategy {
        None => 1,
        Some(AttemptStrategy::Attempts(range)) => {
            attempts::count(range).map_err(|error| error.within("attempts"))?
        }
        Some(AttemptStrategy::Retries(retries)) if *retries > MOST_RETRIES => {
            let message = format!("{retries} is more than {MOST_RETRIES}");
            return Err(PhraseError::new(message).within("retries"));
        }
        Some(AttemptStrategy::Retries(_)) => 1,
    };
    let Some(phrase) = &dependency.phrase else {
        return Err(PhraseError::new("is required").within("phrase"));
    };
    check_phrase(phrase, depth + 1).map_err(|error| error.within("phrase"))?;
    Ok(attempts.saturating_mul(dependency.shards.max(1)))
}

/// The length of a stall. Checked before: not negative.
pub(crate) fn delay(stall: &StallStage) -> std::time::Duration {
    let Some(delay) = stall.delay else {
        return std::time::Duration::ZERO;
    };
    let end = Timestamp::from_proto(&prost_types::Timestamp {
        seconds: delay.seconds,
        nanos: delay.nanos,
    });
    end.since(Timestamp::default())
}
