//! The reference: ordered maps behind a lock. It refuses to be durable; use it for tests and
//! simulation.

mod queue;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use distributor_core::{AttemptId, ConfigSnapshot, QuestId, Timestamp};

use crate::notifications::{self, PendingNotifications};
use crate::records::{
    AttemptRecord, DependencyRecord, ExecutionRecord, JournalKind, JournalRecord, QuestRecord,
};
use crate::{
    AttemptFilter, AttemptPage, Batch, Collected, DueTask, EdgeCursor, EdgePage, QueueCounts,
    QueuePage, QueueRecord, QueueState, Result, StateCounts, Store,
};
use state::State;

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A batch is checked before it is applied, so a panic leaves no half of one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn commit(&self, batch: &Batch) -> Result<()> {
        let mut state = self.state();
        state.check(batch)?;
        state.apply(batch);
        Ok(())
    }

    fn quests(&self, ids: &[QuestId]) -> Result<Vec<Option<QuestRecord>>> {
        let state = self.state();
        Ok(ids.iter().map(|id| state.quests.get(id).cloned()).collect())
    }

    fn quests_with_prefix(&self, prefix: &str, limit: usize) -> Result<Vec<QuestId>> {
        let mut found: Vec<(String, QuestId)> = self
            .state()
            .quests
            .keys()
            .map(|id| (id.to_string(), *id))
            .filter(|(text, _)| text.starts_with(prefix))
            .collect();
        found.sort();
        Ok(found.into_iter().take(limit).map(|(_, id)| id).collect())
    }

    fn attempts(&self, ids: &[AttemptId]) -> Result<Vec<Option<AttemptRecord>>> {
        let state = self.state();
        Ok(ids.iter().map(|id| state.attempt(*id).cloned()).collect())
    }

    fn attempt_numbers(&self, quest: QuestId) -> Result<Vec<u32>> {
        let state = self.state();
        let all = quest.attempt(0)..=quest.attempt(u32::MAX);
        Ok(state.attempts.range(all).map(|(id, _)| id.number).collect())
    }

    fn executions(&self, attempt: AttemptId, limit: usize) -> Result<Vec<ExecutionRecord>> {
        let state = self.state();
        let current = state
            .attempt(attempt)
            .and_then(|attempt| attempt.execution.as_ref());
        let past = state.past.range((attempt, 0)..=(attempt, u32::MAX)).rev();
        Ok(current
            .into_iter()
            .chain(past.map(|(_, execution)| execution))
            .take(limit)
            .cloned()
            .collect())
    }

    fn execution(&self, attempt: AttemptId, number: u32) -> Result<Option<ExecutionRecord>> {
        let state = self.state();
        let current = state
            .attempt(attempt)
            .and_then(|attempt| attempt.execution.as_ref())
            .filter(|execution| execution.number == number);
        Ok(current
            .or_else(|| state.past.get(&(attempt, number)))
            .cloned())
    }

    fn dependencies(&self, dependent: AttemptId) -> Result<Vec<DependencyRecord>> {
        let state = self.state();
        let mut found: Vec<_> = state.dependencies_of(dependent).cloned().collect();
        found.sort_by_key(|found| (found.bit, state.order_of(found.dependency)));
        Ok(found)
    }

    fn untold_dependents(
        &self,
        dependency: AttemptId,
        limit: usize,
    ) -> Result<Vec<DependencyRecord>> {
        let mut found = self.state().dependents_of(dependency);
        found.retain(|found| !found.propagated);
        found.truncate(limit);
        Ok(found)
    }

    fn untold_dependencies_of(&self, of: &[EdgeCursor], limit: usize) -> Result<Vec<EdgePage>> {
        let state = self.state();
        let page = |cursor: &EdgeCursor| {
            let edges = state.dependencies_of(cursor.attempt).cloned().collect();
            untold(edges, cursor, limit, |edge| state.order_of(edge.dependency))
        };
        Ok(of.iter().map(page).collect())
    }

    fn untold_dependents_of(&self, of: &[EdgeCursor], limit: usize) -> Result<Vec<EdgePage>> {
        let state = self.state();
        let page = |cursor: &EdgeCursor| {
            let edges = state.dependents_of(cursor.attempt);
            untold(edges, cursor, limit, |edge| state.order_of(edge.dependent))
        };
        Ok(of.iter().map(page).collect())
    }

    fn have_dependencies(
        &self,
        dependent: AttemptId,
        dependencies: &[AttemptId],
    ) -> Result<Vec<bool>> {
        let state = self.state();
        let dependencies = dependencies.iter();
        Ok(dependencies
            .map(|dependency| state.has_dependency(dependent, *dependency))
            .collect())
    }

    fn dependents(&self, dependency: AttemptId, limit: usize) -> Result<Vec<DependencyRecord>> {
        let mut found = self.state().dependents_of(dependency);
        found.sort_by_key(|found| found.propagated);
        found.truncate(limit);
        Ok(found)
    }

    fn dependencies_of_each(
        &self,
        dependents: &[AttemptId],
        limit: usize,
    ) -> Result<Vec<Vec<AttemptId>>> {
        let state = self.state();
        let of_one = |dependent: &AttemptId| {
            let mut found: Vec<_> = state.dependencies_of(*dependent).collect();
            found.sort_by_key(|found| (found.bit, state.order_of(found.dependency)));
            let found = found.into_iter().take(limit);
            found.map(|found| found.dependency).collect()
        };
        Ok(dependents.iter().map(of_one).collect())
    }

    fn ready(&self, config_name: &str, limit: usize) -> Result<Vec<AttemptId>> {
        let state = self.state();
        Ok(state
            .ready
            .get(config_name)
            .into_iter()
            .flat_map(|ready| ready.values())
            .take(limit)
            .copied()
            .collect())
    }

    fn ready_config_names(&self) -> Result<Vec<String>> {
        let state = self.state();
        Ok(state.ready.keys().map(ToString::to_string).collect())
    }

    fn configurations(&self) -> Result<Vec<Arc<ConfigSnapshot>>> {
        Ok(self.state().configurations.clone())
    }

    fn due_attempts(&self, now: Timestamp, limit: usize) -> Result<Vec<AttemptId>> {
        let state = self.state();
        let due = state.waking.range(..=(now, u64::MAX)).take(limit);
        Ok(due.map(|(_, id)| *id).collect())
    }

    fn due_journal(&self, now: Timestamp, limit: usize) -> Result<Vec<JournalRecord>> {
        let state = self.state();
        let mut due: Vec<_> = state
            .journal
            .values()
            .filter(|row| row.due.is_some_and(|due| due <= now))
            .collect();
        due.sort_by_key(|row| (row.due, row.id));
        Ok(due.into_iter().take(limit).cloned().collect())
    }

    fn next_due(&self) -> Result<Option<Timestamp>> {
        let state = self.state();
        let waking = state.waking.keys().next().map(|(wake_at, _)| *wake_at);
        let delayed = state.journal.values().filter_map(|row| row.due).min();
        Ok(match (waking, delayed) {
            (Some(waking), Some(delayed)) => Some(waking.min(delayed)),
            (waking, delayed) => waking.or(delayed),
        })
    }

    fn journal(&self, after: u64, limit: usize) -> Result<Vec<JournalRecord>> {
        let state = self.state();
        let rows = state.journal.range(after.saturating_add(1)..);
        Ok(rows
            .map(|(_, row)| row)
            .filter(|row| row.due.is_none())
            .take(limit)
            .cloned()
            .collect())
    }

    fn journal_rows(&self, ids: &[u64]) -> Result<Vec<Option<JournalRecord>>> {
        let state = self.state();
        let rows = ids.iter().map(|id| state.journal.get(id).cloned());
        Ok(rows.collect())
    }

    fn pending_notifications(&self) -> Result<Vec<PendingNotifications>> {
        let state = self.state();
        let rows = state.journal.values();
        let rows = rows.filter(|row| row.kind == JournalKind::HandleNotification);
        Ok(notifications::sum(rows.map(|row| {
            (row.attempt.execution(row.execution), row.payload.len())
        })))
    }

    fn due_queue(&self, now: Timestamp, limit: usize) -> Result<Vec<DueTask>> {
        Ok(self.state().queue.due(now, limit))
    }

    fn queue_records(&self, ids: &[u64]) -> Result<Vec<Option<QueueRecord>>> {
        Ok(self.state().queue.records(ids))
    }

    fn list_queue(
        &self,
        state: QueueState,
        before: Option<u64>,
        limit: usize,
    ) -> Result<QueuePage> {
        Ok(self.state().queue.list(state, before, limit))
    }

    fn queue_counts(&self) -> Result<QueueCounts> {
        Ok(self.state().queue.counts())
    }

    fn high_marks(&self) -> Result<(u64, u64)> {
        Ok(self.state().high_marks)
    }

    fn unfinished(&self, after: u64, limit: usize) -> Result<(Vec<AttemptRecord>, Option<u64>)> {
        let state = self.state();
        let found = state
            .order
            .range(after.saturating_add(1)..)
            .filter_map(|(order, id)| Some((*order, state.attempt(*id)?)))
            .filter(|(_, attempt)| !attempt.is_final());
        Ok(page(found, limit))
    }

    fn list(
        &self,
        filter: AttemptFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<AttemptPage> {
        let state = self.state();
        let found = state
            .order
            .range(..before.unwrap_or(u64::MAX))
            .rev()
            .filter_map(|(order, id)| Some((*order, state.attempt(*id)?)))
            .filter(|(_, attempt)| !(filter.unfinished && attempt.is_final()));
        let (attempts, next) = page(found, limit);
        Ok(AttemptPage { attempts, next })
    }

    fn counts(&self) -> Result<StateCounts> {
        Ok(self.state().counts())
    }

    fn collect(&self, now: Timestamp, older_than: Duration) -> Result<Collected> {
        let mut state = self.state();
        let doomed = state.collectable(now, older_than);
        let collected = state.collected(&doomed);
        state.remove(&doomed);
        Ok(collected)
    }

    fn would_collect(&self, now: Timestamp, older_than: Duration) -> Result<Collected> {
        let state = self.state();
        Ok(state.collected(&state.collectable(now, older_than)))
    }
}

/// The first `limit`, and the number of the last of them if there are more.
fn page<'a>(
    mut found: impl Iterator<Item = (u64, &'a AttemptRecord)>,
    limit: usize,
) -> (Vec<AttemptRecord>, Option<u64>) {
    let mut last = None;
    let mut attempts = Vec::new();
    for (order, attempt) in found.by_ref().take(limit) {
        last = Some(order);
        attempts.push(attempt.clone());
    }
    let more = found.next().is_some();
    (attempts, last.filter(|_| more))
}

/// The page of those that were not told, in the order of the attempts at the other end.
fn untold(
    edges: Vec<DependencyRecord>,
    cursor: &EdgeCursor,
    limit: usize,
    order: impl Fn(&DependencyRecord) -> u64,
) -> EdgePage {
    let mut edges: Vec<(u64, DependencyRecord)> = edges
        .into_iter()
        .filter(|edge| !edge.propagated)
        .map(|edge| (order(&edge), edge))
        .filter(|(order, _)| *order > cursor.after)
        .collect();
    edges.sort_by_key(|(order, _)| *order);
    let more = edges.len() > limit;
    edges.truncate(limit);
    let last = edges.last().map(|(order, _)| *order);
    EdgePage {
        edges: edges.into_iter().map(|(_, edge)| edge).collect(),
        next: last.filter(|_| more),
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryStore;

    crate::store_suite!((MemoryStore::new(), ()));
}
