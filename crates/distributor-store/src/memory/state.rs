//! The maps of a [`MemoryStore`](super::MemoryStore), and a batch's check and application.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use distributor_core::dm;
use distributor_core::{AttemptId, ConfigSnapshot, QuestId, Timestamp};

use super::queue::Queue;
use crate::records::{
    AttemptRecord, DependencyRecord, ExecutionRecord, JournalRecord, QuestRecord,
};
use crate::{Batch, Collected, Result, StateCounts, StoreError};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) quests: BTreeMap<QuestId, QuestRecord>,
    /// Each with its place in the order of creation, from 1.
    pub(super) attempts: BTreeMap<AttemptId, (u64, AttemptRecord)>,
    pub(super) order: BTreeMap<u64, AttemptId>,
    pub(super) past: BTreeMap<(AttemptId, u32), ExecutionRecord>,
    /// By dependent, then dependency.
    dependencies: BTreeMap<(AttemptId, AttemptId), DependencyRecord>,
    /// By dependency, then dependent.
    dependents: BTreeSet<(AttemptId, AttemptId)>,
    /// By configuration name, then by ready number and order of creation.
    pub(super) ready: BTreeMap<Arc<str>, BTreeMap<(u64, u64), AttemptId>>,
    /// By moment and order of creation.
    pub(super) waking: BTreeMap<(Timestamp, u64), AttemptId>,
    pub(super) journal: BTreeMap<u64, JournalRecord>,
    pub(super) queue: Queue,
    /// In the order of their first use.
    pub(super) configurations: Vec<Arc<ConfigSnapshot>>,
    /// Of the ids of journal and queue, and the ready numbers.
    pub(super) high_marks: (u64, u64),
    last_order: u64,
}

impl State {
    pub(super) fn attempt(&self, id: AttemptId) -> Option<&AttemptRecord> {
        self.attempts.get(&id).map(|(_, attempt)| attempt)
    }

    pub(super) fn order_of(&self, id: AttemptId) -> u64 {
        self.attempts.get(&id).map_or(0, |(order, _)| *order)
    }

    pub(super) fn dependencies_of(
        &self,
        dependent: AttemptId,
    ) -> impl Iterator<Item = &DependencyRecord> {
        self.dependencies
            .range((dependent, FIRST)..=(dependent, LAST))
            .map(|(_, found)| found)
    }

    pub(super) fn has_dependency(&self, dependent: AttemptId, dependency: AttemptId) -> bool {
        self.dependencies.contains_key(&(dependent, dependency))
    }

    /// In the order of the dependents' creation.
    pub(super) fn dependents_of(&self, dependency: AttemptId) -> Vec<DependencyRecord> {
        let mut found: Vec<_> = self
            .dependents
            .range((dependency, FIRST)..=(dependency, LAST))
            .filter_map(|(dependency, dependent)| {
                self.dependencies.get(&(*dependent, *dependency)).cloned()
            })
            .collect();
        found.sort_by_key(|found| self.order_of(found.dependent));
        found
    }

    /// Refuses a batch that cannot be applied as a whole.
    pub(super) fn check(&self, batch: &Batch) -> Result<()> {
        let new_quests: HashSet<_> = batch.quests.iter().map(|quest| quest.id).collect();
        let mut versions = HashMap::new();
        for attempt in &batch.attempts {
            let quest = attempt.id.quest;
            if !new_quests.contains(&quest) && !self.quests.contains_key(&quest) {
                return Err(missing(format_args!("quest {quest}")));
            }
            let stored = self.attempt(attempt.id).map_or(0, |stored| stored.version);
            let version = versions.entry(attempt.id).or_insert(stored);
            if *version != attempt.version {
                let what = format!("attempt {}", attempt.id);
                return Err(StoreError::Conflict { what });
            }
            *version += 1;
        }
        let check_attempt = |id: AttemptId| {
            if versions.contains_key(&id) || self.attempts.contains_key(&id) {
                return Ok(());
            }
            Err(missing(format_args!("attempt {id}")))
        };
        for (attempt, _) in &batch.past_executions {
            check_attempt(*attempt)?;
        }
        for dependency in &batch.dependencies {
            check_attempt(dependency.dependent)?;
            check_attempt(dependency.dependency)?;
        }
        let mut rows = HashSet::new();
        for row in &batch.journal_added {
            check_attempt(row.attempt)?;
            if !rows.insert(row.id) || self.journal.contains_key(&row.id) {
                let what = format!("journal row {}", row.id);
                return Err(StoreError::Conflict { what });
            }
        }
        self.queue.check(&batch.queue_added)
    }

    /// Applies a batch that was checked.
    pub(super) fn apply(&mut self, batch: &Batch) {
        for quest in &batch.quests {
            self.quests
                .entry(quest.id)
                .and_modify(|stored| stored.built_by.clone_from(&quest.built_by))
                .or_insert_with(|| quest.clone());
        }
        for attempt in &batch.attempts {
            self.put_attempt(attempt);
        }
        for (attempt, execution) in &batch.past_executions {
            self.past
                .insert((*attempt, execution.number), execution.clone());
        }
        for dependency in &batch.dependencies {
            let (from, to) = (dependency.dependent, dependency.dependency);
            self.dependencies.insert((from, to), dependency.clone());
            self.dependents.insert((to, from));
        }
        for row in &batch.journal_added {
            self.high_marks.0 = self.high_marks.0.max(row.id);
            self.journal.insert(row.id, row.clone());
        }
        for delay in &batch.journal_delayed {
            if let Some(row) = self.journal.get_mut(&delay.id) {
                row.due = Some(delay.due);
                row.tries = delay.tries;
            }
        }
        for id in &batch.journal_done {
            self.journal.remove(id);
        }
        for task in &batch.queue_added {
            self.high_marks.0 = self.high_marks.0.max(task.id);
            self.put_configuration(&task.config);
        }
        self.queue.apply(batch);
    }

    fn put_attempt(&mut self, attempt: &AttemptRecord) {
        let order = match self.take_attempt(attempt.id) {
            Some(order) => order,
            None => {
                self.last_order += 1;
                self.last_order
            }
        };
        let mut attempt = attempt.clone();
        attempt.version += 1;
        let prepared = attempt.prepared.as_ref().map(|it| it.config.clone());
        let executing = attempt.execution.as_ref().map(|it| it.config.clone());
        for config in prepared.into_iter().chain(executing) {
            self.put_configuration(&config);
        }
        self.order.insert(order, attempt.id);
        if let Some(ready) = attempt.ready {
            self.high_marks.1 = self.high_marks.1.max(ready);
            let lane = self.ready.entry(attempt.config_name.clone()).or_default();
            lane.insert((ready, order), attempt.id);
        }
        if let Some(wake_at) = attempt.wake_at() {
            self.waking.insert((wake_at, order), attempt.id);
        }
        self.attempts.insert(attempt.id, (order, attempt));
    }

    fn put_configuration(&mut self, config: &Arc<ConfigSnapshot>) {
        if !self.configurations.contains(config) {
            self.configurations.push(config.clone());
        }
    }

    /// Removes an attempt from all of its maps, and gives its place.
    fn take_attempt(&mut self, id: AttemptId) -> Option<u64> {
        let (order, attempt) = self.attempts.remove(&id)?;
        self.order.remove(&order);
        if let Some(ready) = attempt.ready
            && let Some(lane) = self.ready.get_mut(&attempt.config_name)
        {
            lane.remove(&(ready, order));
            if lane.is_empty() {
                self.ready.remove(&attempt.config_name);
            }
        }
        if let Some(wake_at) = attempt.wake_at() {
            self.waking.remove(&(wake_at, order));
        }
        Some(order)
    }

    pub(super) fn counts(&self) -> StateCounts {
        use dm::attempt::State;
        let mut counts = StateCounts::default();
        for (_, attempt) in self.attempts.values() {
            *match attempt.state {
                State::Scheduling => &mut counts.scheduling,
                State::Executing => &mut counts.executing,
                State::Waiting => &mut counts.waiting,
                State::Finished => &mut counts.finished,
                State::AbnormalFinished => &mut counts.abnormal_finished,
            } += 1;
        }
        counts
    }

    /// What [`Store::collect`](crate::Store::collect) may remove.
    pub(super) fn collectable(&self, now: Timestamp, older_than: Duration) -> Vec<AttemptId> {
        let owed: HashSet<_> = self.journal.values().map(|row| row.attempt).collect();
        let is_needed = |id: AttemptId| {
            self.dependents_of(id).iter().any(|found| {
                let dependent = self.attempt(found.dependent);
                dependent.is_some_and(|dependent| !dependent.is_final())
            })
        };
        self.attempts
            .iter()
            .filter(|(_, (_, attempt))| attempt.is_final())
            .filter(|(_, (_, attempt))| attempt.modified.after(older_than) <= now)
            .map(|(id, _)| *id)
            .filter(|id| !owed.contains(id) && !is_needed(*id))
            .collect()
    }

    /// How much the removal of `doomed` removes.
    pub(super) fn collected(&self, doomed: &[AttemptId]) -> Collected {
        let mut left: BTreeMap<QuestId, usize> = BTreeMap::new();
        for id in self.attempts.keys() {
            *left.entry(id.quest).or_default() += 1;
        }
        for id in doomed {
            *left.entry(id.quest).or_default() -= 1;
        }
        Collected {
            attempts: doomed.len() as u64,
            quests: left.values().filter(|left| **left == 0).count() as u64,
            ..Collected::default()
        }
    }

    pub(super) fn remove(&mut self, doomed: &[AttemptId]) {
        for id in doomed {
            self.take_attempt(*id);
            self.past.retain(|(attempt, _), _| attempt != id);
            self.dependencies
                .retain(|(dependent, dependency), _| dependent != id && dependency != id);
            self.dependents
                .retain(|(dependency, dependent)| dependent != id && dependency != id);
        }
        for id in doomed {
            let all = id.quest.attempt(0)..=id.quest.attempt(u32::MAX);
            if self.attempts.range(all).next().is_none() {
                self.quests.remove(&id.quest);
            }
        }
    }
}

fn missing(what: std::fmt::Arguments<'_>) -> StoreError {
    let what = what.to_string();
    StoreError::Missing { what }
}

const FIRST: AttemptId = QuestId::from_bytes([0; 32]).attempt(0);
const LAST: AttemptId = QuestId::from_bytes([0xff; 32]).attempt(u32::MAX);
