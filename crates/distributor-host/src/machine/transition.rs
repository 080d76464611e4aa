//! Which state may follow which: the two tables of the life cycle, and `modified`.
//!
//! Identity is always accepted and changes nothing. Anything else that is not listed is an error
//! that leaves the record alone.

use std::time::Duration;

use distributor_core::Timestamp;
use distributor_core::dm::{attempt, execution};
use distributor_store::records::{AttemptRecord, ExecutionRecord};

/// A transition that is in neither table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid state transition {from} -> {to}")]
pub struct InvalidTransition {
    from: &'static str,
    to: &'static str,
}

/// Moves an attempt to `to`.
pub fn evolve_attempt(
    record: &mut AttemptRecord,
    to: attempt::State,
    now: Timestamp,
) -> Result<(), InvalidTransition> {
    use attempt::State::{AbnormalFinished, Executing, Finished, Scheduling, Waiting};
    let from = record.state;
    if from == to {
        return Ok(());
    }
    let legal = match from {
        Scheduling => matches!(to, Executing | AbnormalFinished),
        Executing => matches!(to, Scheduling | Waiting | Finished | AbnormalFinished),
        Waiting => matches!(to, Scheduling | AbnormalFinished),
        Finished | AbnormalFinished => false,
    };
    if !legal {
        return Err(InvalidTransition {
            from: from.as_str_name(),
            to: to.as_str_name(),
        });
    }
    record.state = to;
    record.modified = later(record.modified, now);
    Ok(())
}

/// Moves an execution to `to`.
pub fn evolve_execution(
    record: &mut ExecutionRecord,
    to: execution::State,
    now: Timestamp,
) -> Result<(), InvalidTransition> {
    use execution::State::{AbnormalFinished, Finished, Running, Scheduling, Stopping};
    let from = record.state;
    if from == to {
        return Ok(());
    }
    let legal = match from {
        Scheduling => matches!(to, Running | AbnormalFinished),
        Running => matches!(to, Stopping | AbnormalFinished),
        Stopping => matches!(to, Finished | AbnormalFinished),
        Finished | AbnormalFinished => false,
    };
    if !legal {
        return Err(InvalidTransition {
            from: from.as_str_name(),
            to: to.as_str_name(),
        });
    }
    record.state = to;
    record.modified = later(record.modified, now);
    Ok(())
}

/// `modified` strictly increases, also when the clock does not.
fn later(modified: Timestamp, now: Timestamp) -> Timestamp {
    now.max(modified.after(Duration::from_micros(1)))
}

impl super::Change<'_> {
    /// A move that the caller knows to be in the table.
    ///
    /// # Panics
    /// If it is not: a bug of the machine (T04), caught by the table tests.
    pub(super) fn attempt_to(&mut self, to: attempt::State) {
        if let Err(error) = evolve_attempt(self.attempt, to, self.now) {
            panic!("{}: {error}", self.attempt.id);
        }
    }

    /// Like [`Self::attempt_to`], for the current execution.
    pub(super) fn execution_to(&mut self, to: execution::State) {
        let id = self.attempt.id;
        let Some(execution) = self.attempt.execution.as_mut() else {
            panic!("{id}: no current execution");
        };
        if let Err(error) = evolve_execution(execution, to, self.now) {
            panic!("{id}: {error}");
        }
    }
}
