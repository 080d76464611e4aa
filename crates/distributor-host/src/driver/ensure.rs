//! Making sure that quests and attempts exist.

use std::collections::HashSet;

use distributor_core::dm::attempt::State;
use distributor_core::{AttemptId, QuestId};
use distributor_store::StoreError;
use distributor_store::records::{DependencyRecord, Outcome, QuestRecord};

use super::committer::Committer;
use super::lanes::Occupation;
use super::message::{CallError, Ensured, NewAttempt, NewQuest};
use super::propagate::culprit;
use super::work::Work;
use crate::machine::{self, Event};

impl Committer {
    /// All of the request or nothing of it.
    pub(super) fn ensure(
        &mut self,
        work: &mut Work,
        quests: Vec<NewQuest>,
    ) -> Result<Vec<Ensured>, CallError> {
        check(work, &quests)?;
        self.ensure_quests(work, &quests);
        let mut ensured = Vec::new();
        for quest in &quests {
            for attempt in &quest.attempts {
                let id = AttemptId {
                    quest: quest.id,
                    number: attempt.number,
                };
                let existed = work.record(&id).is_some();
                if !existed {
                    self.create(work, quest, id, &attempt.needs);
                }
                let state = work.record(&id).map_or(State::Scheduling, |it| it.state);
                ensured.push(Ensured { id, existed, state });
            }
        }
        Ok(ensured)
    }

    /// Finds out which of these quests exist, for all requests of the batch in one go.
    pub(super) fn look_up_quests(
        &mut self,
        work: &mut Work,
        quests: Vec<QuestId>,
    ) -> Result<(), StoreError> {
        let unknown: Vec<QuestId> = quests
            .into_iter()
            .filter(|id| !self.descs.contains(id))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let found = self.store.quests(&unknown)?;
        for (id, quest) in unknown.into_iter().zip(found) {
            match quest {
                Some(quest) => {
                    self.descs.put(id, quest.desc);
                }
                None => {
                    work.missing_quests.insert(id);
                }
            }
        }
        Ok(())
    }

    /// Writes the quests that are not known. Known ones are immutable.
    fn ensure_quests(&mut self, work: &mut Work, quests: &[NewQuest]) {
        for quest in quests {
            if work.missing_quests.remove(&quest.id) {
                work.batch.quests.push(QuestRecord {
                    id: quest.id,
                    desc: quest.desc.clone(),
                    created: work.now,
                    built_by: Vec::new(),
                });
                work.new_quests.push((quest.id, quest.desc.clone()));
            }
        }
    }

    fn create(&mut self, work: &mut Work, quest: &NewQuest, id: AttemptId, needs: &[AttemptId]) {
        // A need that is named twice is told once.
        let mut named = HashSet::with_capacity(needs.len());
        let needs: Vec<&AttemptId> = needs.iter().filter(|need| named.insert(**need)).collect();
        let pending = u32::try_from(needs.len()).unwrap_or(u32::MAX);
        let name = &quest.desc.distributor_config_name;
        let (record, effects) = machine::create(id, name, quest.policy, pending, work.now);
        self.lanes.change(id, None, Occupation::of(&record));
        work.insert(id, Some(record));
        work.touch(id);
        self.owe(work, id, effects);
        for (bit, need) in (0..).zip(needs) {
            let ended = work.record(need).filter(|need| need.is_final());
            let told = ended.map(|need| match &need.outcome {
                Some(Outcome::Abnormal(finish)) => Some(culprit(need.id, finish)),
                _ => None,
            });
            work.add_dependency(DependencyRecord {
                dependent: id,
                dependency: *need,
                bit,
                for_execution: 0,
                propagated: told.is_some(),
            });
            if let Some(culprit) = told {
                let event = Event::DependencyEnded {
                    bit,
                    for_execution: 0,
                    culprit,
                };
                self.apply_quietly(work, id, event);
            }
        }
    }
}

/// Each need exists or comes earlier in the request.
fn check(work: &Work, quests: &[NewQuest]) -> Result<(), CallError> {
    let mut earlier = HashSet::new();
    for (index, quest) in quests.iter().enumerate() {
        for NewAttempt { number, needs } in &quest.attempts {
            if *number == 0 {
                return Err(CallError::Invalid {
                    field: format!("quest[{index}].attempts"),
                    message: "attempts are numbered from 1".to_owned(),
                });
            }
            let unknown = needs
                .iter()
                .find(|need| !earlier.contains(*need) && work.record(need).is_none());
            if let Some(need) = unknown {
                return Err(CallError::Invalid {
                    field: format!("quest[{index}].needs"),
                    message: format!(
                        "there is no attempt {need}, neither stored nor earlier in this request"
                    ),
                });
            }
            earlier.insert(AttemptId {
                quest: quest.id,
                number: *number,
            });
        }
    }
    Ok(())
}
