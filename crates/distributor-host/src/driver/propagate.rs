//! The end of an attempt, told to those who wait for it, in bounded steps.

use distributor_core::{AttemptId, dm};
use distributor_store::StoreError;
use distributor_store::records::{DependencyRecord, JournalKind, Outcome};

use super::committer::Committer;
use super::work::Work;
use crate::machine::Event;

/// Dependents told per attempt and batch; the rest is owed as a journal row.
const DEPENDENTS_AT_ONCE: usize = 64;
/// Dependents told per event of a full batch, in all its steps together; the rest is owed too.
const DEPENDENTS_PER_EVENT: usize = 8;

impl Committer {
    pub(super) fn tell_dependents(&mut self, work: &mut Work) -> Result<(), StoreError> {
        let most = self.settings.batch.saturating_mul(DEPENDENTS_PER_EVENT);
        while !work.ended.is_empty() {
            let ended: Vec<AttemptId> = work.ended.drain(..).collect();
            let stored = self.store.have_untold_dependents(&ended)?;
            for (ended, stored) in ended.into_iter().zip(stored) {
                if !stored && !work.has_untold(ended) {
                    continue;
                }
                if work.told >= most {
                    self.owe_call(work, JournalKind::Propagate, ended, 0, None);
                } else {
                    self.tell_dependents_of(work, ended)?;
                }
            }
        }
        Ok(())
    }

    fn tell_dependents_of(&mut self, work: &mut Work, ended: AttemptId) -> Result<(), StoreError> {
        let stored = self.store.untold_dependents(ended, DEPENDENTS_AT_ONCE)?;
        let more = stored.len() == DEPENDENTS_AT_ONCE;
        let added = work.take_untold(ended);
        if stored.is_empty() && added.is_empty() {
            return Ok(());
        }
        self.load(work, &[ended])?;
        let culprit = work.record(&ended).and_then(|it| match &it.outcome {
            Some(Outcome::Abnormal(finish)) => Some(culprit(ended, finish)),
            _ => None,
        });
        work.told += stored.len() + added.len();
        let dependents: Vec<AttemptId> = stored.iter().map(|it| it.dependent).collect();
        self.load(work, &dependents)?;
        for mut dependency in stored {
            // What is stored is outdated if a later execution has asked again in this batch.
            if work.has_dependency(dependency.dependent, ended) {
                continue;
            }
            dependency.propagated = true;
            work.put_dependency(dependency.clone());
            self.tell(work, &dependency, culprit.clone());
        }
        for dependency in added {
            self.tell(work, &dependency, culprit.clone());
        }
        if more {
            self.owe_call(work, JournalKind::Propagate, ended, 0, None);
        }
        Ok(())
    }

    fn tell(&mut self, work: &mut Work, dependency: &DependencyRecord, culprit: Option<String>) {
        let event = Event::DependencyEnded {
            bit: dependency.bit,
            for_execution: dependency.for_execution,
            culprit,
        };
        self.apply_quietly(work, dependency.dependent, event);
    }
}

/// Who ended abnormally and why, for the reason of those who needed it.
pub(super) fn culprit(id: AttemptId, finish: &dm::AbnormalFinish) -> String {
    let status = finish.status().as_str_name();
    format!("{id}, which ended {status}: {}", finish.reason)
}
