//! A running execution that asks for attempts: it depends on them from now on and, if one of them
//! has not ended, stops and runs again once all have (`dm-lifecycle.md`, section 7).

use std::cmp::Reverse;
use std::collections::HashMap;

use distributor_core::AttemptId;
use distributor_store::records::DependencyRecord;

use super::committer::Committer;
use super::graph::{Dependent, GraphRequest};
use super::message::CallError;
use super::work::Work;
use crate::machine::{Event, authenticate};

/// The dependent is the running execution that it says it is.
pub(super) fn check_dependent(work: &Work, dependent: &Dependent) -> Result<(), CallError> {
    let id = dependent.execution.attempt;
    let record = work.record(&id).ok_or(CallError::NotFound(id))?;
    authenticate(record, dependent.execution.number, &dependent.token)?;
    Ok(())
}

impl Committer {
    /// The dependent would not wait for itself. Changes nothing.
    pub(super) fn check_cycles(
        &self,
        work: &Work,
        dependent: AttemptId,
        request: &GraphRequest,
    ) -> Result<(), CallError> {
        let mut requested = Vec::new();
        let mut new: HashMap<AttemptId, &[AttemptId]> = HashMap::new();
        for quest in &request.quests {
            for attempt in &quest.attempts {
                let id = quest.quest.id.attempt(attempt.number);
                if work.record(&id).is_none() {
                    new.entry(id).or_insert(&attempt.needs);
                }
                requested.push(id);
            }
        }
        requested.extend(&request.attempts);
        match self.find_cycle(work, dependent, &requested, &new)? {
            Some(cycle) => Err(CallError::Cycle(cycle)),
            None => Ok(()),
        }
    }

    /// Makes the dependent depend on these attempts, all of which exist. True if it must stop: then
    /// its token is revoked.
    pub(super) fn depend(
        &mut self,
        work: &mut Work,
        dependent: &Dependent,
        mut ids: Vec<AttemptId>,
    ) -> Result<bool, CallError> {
        // The order of bits (T12).
        ids.sort_by_key(|id| (id.quest, Reverse(id.number)));
        let ended = |id: &AttemptId| work.record(id).is_some_and(|record| record.is_final());
        let satisfied: Vec<bool> = ids.iter().map(ended).collect();
        let halts = satisfied.contains(&false);
        let by = dependent.execution;
        let known = if halts {
            // All are asked for anew, also those that an earlier execution has asked for: it may
            // have failed before they ended.
            vec![false; ids.len()]
        } else {
            self.store.have_dependencies(by.attempt, &ids)?
        };
        for ((bit, id), (propagated, known)) in (0..).zip(ids).zip(satisfied.iter().zip(known)) {
            if known || (!halts && work.has_dependency(by.attempt, id)) {
                continue;
            }
            work.put_dependency(DependencyRecord {
                dependent: by.attempt,
                dependency: id,
                bit,
                for_execution: by.number,
                propagated: *propagated,
            });
        }
        if halts {
            let event = Event::Halt {
                execution: by.number,
                token: dependent.token.clone(),
                satisfied,
            };
            // Not refused: it was asked before, and nothing that happened since concerns it.
            self.apply(work, by.attempt, event)?;
        }
        Ok(halts)
    }
}
