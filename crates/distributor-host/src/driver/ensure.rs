//! Making sure that quests and attempts exist: the first part of a [`GraphRequest`].

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use distributor_core::dm;
use distributor_core::dm::attempt::State;
use distributor_core::dm::quest::TemplateSpec;
use distributor_core::{AttemptId, QuestId};
use distributor_store::StoreError;
use distributor_store::records::{DependencyRecord, Outcome, Policy, QuestRecord};

use super::committer::Committer;
use super::depend::check_dependent;
use super::graph::{GraphAnswer, GraphQuest, GraphRequest};
use super::lanes::Occupation;
use super::message::{CallError, Ensured, Message, NewAttempt};
use super::propagate::culprit;
use super::work::{KnownQuest, Work};
use crate::machine::{self, Event, policy};

impl Committer {
    /// All of the request or, on error, nothing of it. After `CallError::Store` the batch must not
    /// be stored.
    pub(super) fn ensure(
        &mut self,
        work: &mut Work,
        request: &GraphRequest,
    ) -> Result<GraphAnswer, CallError> {
        // Whatever can be refused is refused before anything is changed.
        if let Some(dependent) = &request.dependent {
            check_dependent(work, dependent)?;
        }
        check(work, request)?;
        if let Some(dependent) = &request.dependent {
            self.check_cycles(work, dependent.execution.attempt, request)?;
        }
        let mut answer = GraphAnswer::default();
        for quest in &request.quests {
            if ensure_quest(work, quest) {
                answer.new_quests.insert(quest.quest.id);
            }
        }
        let mut attempts = BTreeMap::new();
        for GraphQuest {
            quest,
            attempts: new,
            ..
        } in &request.quests
        {
            for attempt in new {
                let id = quest.id.attempt(attempt.number);
                let existed = work.record(&id).is_some();
                attempts.entry(id).or_insert(existed);
                if !existed {
                    self.create(work, &quest.desc, quest.policy, id, &attempt.needs);
                }
            }
        }
        for id in &request.attempts {
            let existed = work.record(id).is_some();
            attempts.entry(*id).or_insert(existed);
            let known = work.quests.get(&id.quest).filter(|_| !existed);
            if let Some(desc) = known.map(|known| known.desc.clone()) {
                self.create(work, &desc, policy(&desc), *id, &[]);
            }
        }
        if let Some(dependent) = &request.dependent {
            let ids = attempts.keys().copied().collect();
            answer.halted = self.depend(work, dependent, ids)?;
        }
        answer.attempts = attempts
            .into_iter()
            .map(|(id, existed)| {
                let state = work.record(&id).map_or(State::Scheduling, |it| it.state);
                Ensured { id, existed, state }
            })
            .collect();
        Ok(answer)
    }

    /// Finds out which quests exist of those that the requests name, for all of the batch in one go.
    pub(super) fn look_up_quests(
        &mut self,
        work: &mut Work,
        messages: &[Message],
    ) -> Result<(), StoreError> {
        // Whether more is asked of a quest than its description.
        let mut wanted: HashMap<QuestId, bool> = HashMap::new();
        for message in messages {
            let Message::Ensure { request, .. } = message else {
                continue;
            };
            for quest in &request.quests {
                *wanted.entry(quest.quest.id).or_default() |= !quest.built_by.is_empty();
            }
            for id in &request.attempts {
                wanted.entry(id.quest).or_default();
            }
        }
        let mut unknown = Vec::new();
        for (id, whole) in wanted {
            match self.descs.get(&id).filter(|_| !whole).cloned() {
                Some(desc) => {
                    let origin = None;
                    work.quests.insert(id, KnownQuest { desc, origin });
                }
                None => unknown.push(id),
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        for quest in self.store.quests(&unknown)?.into_iter().flatten() {
            self.descs.put(quest.id, quest.desc.clone());
            let known = KnownQuest {
                desc: quest.desc,
                origin: Some((quest.created, quest.built_by)),
            };
            work.quests.insert(quest.id, known);
        }
        Ok(())
    }

    fn create(
        &mut self,
        work: &mut Work,
        desc: &Arc<dm::quest::Desc>,
        policy: Policy,
        id: AttemptId,
        needs: &[AttemptId],
    ) {
        // A need that is named twice is told once.
        let mut named = HashSet::with_capacity(needs.len());
        let needs: Vec<&AttemptId> = needs.iter().filter(|need| named.insert(**need)).collect();
        let pending = u32::try_from(needs.len()).unwrap_or(u32::MAX);
        let name = &desc.distributor_config_name;
        let (record, effects) = machine::create(id, name, policy, pending, work.now);
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
            work.put_dependency(DependencyRecord {
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

/// Writes a quest that is not known, or new templates of a known one, of which nothing else changes
/// (T44). True if it is new.
fn ensure_quest(work: &mut Work, quest: &GraphQuest) -> bool {
    let id = quest.quest.id;
    let known = work.quests.get(&id);
    let is_new = known.is_none();
    let (created, stored) = match known {
        None => (work.now, Vec::new()),
        Some(known) => match &known.origin {
            Some((created, built_by)) if !quest.built_by.is_empty() => (*created, built_by.clone()),
            _ => return false,
        },
    };
    let built_by = united(&stored, &quest.built_by);
    if !is_new && built_by == stored {
        return false;
    }
    let desc = quest.quest.desc.clone();
    work.batch.quests.push(QuestRecord {
        id,
        desc: desc.clone(),
        created,
        built_by: built_by.clone(),
    });
    let origin = Some((created, built_by));
    work.quests.insert(id, KnownQuest { desc, origin });
    is_new
}

/// Both lists in one, sorted by all fields, each template once (T54).
fn united(stored: &[TemplateSpec], new: &[TemplateSpec]) -> Vec<TemplateSpec> {
    let mut all = BTreeMap::new();
    for spec in stored.iter().chain(new) {
        let key = (&spec.project, &spec.r#ref, &spec.version, &spec.name);
        all.insert(key, spec);
    }
    all.into_values().cloned().collect()
}

/// Attempts have numbers, each need exists or comes earlier in the request, and so does the quest of
/// each raw attempt.
fn check(work: &Work, request: &GraphRequest) -> Result<(), CallError> {
    let mut earlier = HashSet::new();
    for (index, quest) in request.quests.iter().enumerate() {
        for NewAttempt { number, needs } in &quest.attempts {
            if *number == 0 {
                return Err(zero(format!("quest[{index}].attempts")));
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
            earlier.insert(quest.quest.id.attempt(*number));
        }
    }
    let requested: HashSet<QuestId> = request.quests.iter().map(|it| it.quest.id).collect();
    for id in &request.attempts {
        if !requested.contains(&id.quest) && !work.quests.contains_key(&id.quest) {
            return Err(CallError::AbsentQuest(id.quest));
        }
        if id.number == 0 {
            return Err(zero("raw_attempts".to_owned()));
        }
    }
    Ok(())
}

fn zero(field: String) -> CallError {
    CallError::Invalid {
        field,
        message: "attempts are numbered from 1".to_owned(),
    }
}
