//! The embedded store: one SQLite file in a state directory.
//!
//! One process at a time writes ([`open`]); its commits go through one connection, and reads have
//! connections of their own, so they do not wait for a commit in progress. Any other process may
//! read. This module refuses to be told SQL from outside, and to repair a damaged file.

mod batch;
mod cache;
mod collect;
mod counters;
mod edges;
mod error;
mod listing;
mod lock;
mod notifications;
mod open;
mod quests;
mod queue;
mod read;
mod readers;
mod schema;
mod writer;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use distributor_core::{AttemptId, ConfigSnapshot, QuestId, Timestamp};

use crate::PendingNotifications;
use crate::records::{
    AttemptRecord, DependencyRecord, ExecutionRecord, JournalRecord, QuestRecord,
};
use crate::{
    AttemptFilter, AttemptPage, Batch, Collected, DueTask, EdgeCursor, EdgePage, QueueCounts,
    QueuePage, QueueRecord, QueueState, Result, StateCounts, Store, StoreError,
};
use cache::Shared;
use read::Reader;
use readers::Readers;
use writer::Writer;

/// A store in a directory; see [`SqliteStore::open`].
pub struct SqliteStore {
    file: PathBuf,
    // Before the writer, because the connection that is closed last tidies up the log.
    readers: Readers,
    /// None if opened for reading only.
    writer: Option<Mutex<Writer>>,
    shared: Shared,
}

impl SqliteStore {
    fn writer(&self) -> Result<MutexGuard<'_, Writer>> {
        let writer = self.writer.as_ref().ok_or(StoreError::ReadOnly)?;
        // The writer rolls back what a panic left open before it does anything else.
        Ok(writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads on a connection of its own.
    fn reading<T>(&self, read: impl FnOnce(&Reader<'_>) -> Result<T>) -> Result<T> {
        let connection = self.readers.take()?;
        let result = read(&Reader::new(&connection, &self.shared));
        self.readers.give_back(connection);
        result
    }

    /// Reads on the writer's connection, whose cache is warm, unless a commit is in progress. For
    /// the short reads that the committer does between commits.
    fn reading_warm<T>(&self, read: impl FnOnce(&Reader<'_>) -> Result<T>) -> Result<T> {
        if let Some(writer) = &self.writer
            && let Ok(writer) = writer.try_lock()
        {
            return read(&Reader::new(writer.connection(), &self.shared));
        }
        self.reading(read)
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore")
            .field("file", &self.file)
            .field("read_only", &self.writer.is_none())
            .finish_non_exhaustive()
    }
}

impl Store for SqliteStore {
    fn commit(&self, batch: &Batch) -> Result<()> {
        self.writer()?.commit(&self.shared, batch)
    }

    fn quests(&self, ids: &[QuestId]) -> Result<Vec<Option<QuestRecord>>> {
        self.reading_warm(|reader| reader.quests(ids))
    }

    fn quests_with_prefix(&self, prefix: &str, limit: usize) -> Result<Vec<QuestId>> {
        self.reading(|reader| reader.quests_with_prefix(prefix, limit))
    }

    fn attempts(&self, ids: &[AttemptId]) -> Result<Vec<Option<AttemptRecord>>> {
        self.reading_warm(|reader| reader.attempts(ids))
    }

    fn attempt_numbers(&self, quest: QuestId) -> Result<Vec<u32>> {
        self.reading_warm(|reader| reader.attempt_numbers(quest))
    }

    fn executions(&self, attempt: AttemptId, limit: usize) -> Result<Vec<ExecutionRecord>> {
        self.reading(|reader| reader.executions(attempt, limit))
    }

    fn execution(&self, attempt: AttemptId, number: u32) -> Result<Option<ExecutionRecord>> {
        self.reading_warm(|reader| reader.execution(attempt, number))
    }

    fn dependencies(&self, dependent: AttemptId) -> Result<Vec<DependencyRecord>> {
        self.reading_warm(|reader| reader.dependencies(dependent))
    }

    fn untold_dependents(
        &self,
        dependency: AttemptId,
        limit: usize,
    ) -> Result<Vec<DependencyRecord>> {
        self.reading_warm(|reader| reader.dependents(dependency, true, limit))
    }

    fn have_untold_dependents(&self, dependencies: &[AttemptId]) -> Result<Vec<bool>> {
        self.reading_warm(|reader| reader.have_untold_dependents(dependencies))
    }

    fn untold_dependencies_of(&self, of: &[EdgeCursor], limit: usize) -> Result<Vec<EdgePage>> {
        self.reading_warm(|reader| reader.untold_dependencies_of(of, limit))
    }

    fn untold_dependents_of(&self, of: &[EdgeCursor], limit: usize) -> Result<Vec<EdgePage>> {
        self.reading_warm(|reader| reader.untold_dependents_of(of, limit))
    }

    fn have_dependencies(
        &self,
        dependent: AttemptId,
        dependencies: &[AttemptId],
    ) -> Result<Vec<bool>> {
        self.reading_warm(|reader| reader.have_dependencies(dependent, dependencies))
    }

    fn dependents(&self, dependency: AttemptId, limit: usize) -> Result<Vec<DependencyRecord>> {
        self.reading(|reader| reader.dependents(dependency, false, limit))
    }

    fn dependencies_of_each(
        &self,
        dependents: &[AttemptId],
        limit: usize,
    ) -> Result<Vec<Vec<AttemptId>>> {
        self.reading(|reader| reader.dependencies_of_each(dependents, limit))
    }

    fn dependents_of_each(
        &self,
        dependencies: &[AttemptId],
        limit: usize,
    ) -> Result<Vec<Vec<AttemptId>>> {
        self.reading(|reader| reader.dependents_of_each(dependencies, limit))
    }

    fn ready(&self, config_name: &str, limit: usize) -> Result<Vec<AttemptId>> {
        self.reading_warm(|reader| reader.ready(config_name, limit))
    }

    fn ready_config_names(&self) -> Result<Vec<String>> {
        self.reading_warm(|reader| reader.ready_config_names())
    }

    fn configurations(&self) -> Result<Vec<Arc<ConfigSnapshot>>> {
        self.reading(|reader| reader.configurations())
    }

    fn due_attempts(&self, now: Timestamp, limit: usize) -> Result<Vec<AttemptId>> {
        self.reading_warm(|reader| reader.due_attempts(now, limit))
    }

    fn due_journal(&self, now: Timestamp, limit: usize) -> Result<Vec<JournalRecord>> {
        self.reading_warm(|reader| reader.due_journal(now, limit))
    }

    fn next_due(&self) -> Result<Option<Timestamp>> {
        self.reading_warm(|reader| reader.next_due())
    }

    fn journal(&self, after: u64, limit: usize) -> Result<Vec<JournalRecord>> {
        self.reading_warm(|reader| reader.journal(after, limit))
    }

    fn journal_rows(&self, ids: &[u64]) -> Result<Vec<Option<JournalRecord>>> {
        self.reading_warm(|reader| reader.journal_rows(ids))
    }

    fn pending_notifications(&self) -> Result<Vec<PendingNotifications>> {
        self.reading(|reader| reader.pending_notifications())
    }

    fn due_queue(&self, now: Timestamp, limit: usize) -> Result<Vec<DueTask>> {
        self.reading_warm(|reader| reader.due_queue(now, limit))
    }

    fn queue_records(&self, ids: &[u64]) -> Result<Vec<Option<QueueRecord>>> {
        self.reading(|reader| reader.queue_records(ids))
    }

    fn list_queue(
        &self,
        state: QueueState,
        before: Option<u64>,
        limit: usize,
    ) -> Result<QueuePage> {
        self.reading(|reader| reader.list_queue(state, before, limit))
    }

    fn queue_counts(&self) -> Result<QueueCounts> {
        self.reading(|reader| reader.queue_counts())
    }

    fn high_marks(&self) -> Result<(u64, u64)> {
        self.reading(|reader| reader.high_marks())
    }

    fn unfinished(&self, after: u64, limit: usize) -> Result<(Vec<AttemptRecord>, Option<u64>)> {
        self.reading(|reader| reader.unfinished(after, limit))
    }

    fn list(
        &self,
        filter: AttemptFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<AttemptPage> {
        self.reading(|reader| reader.list(filter, before, limit))
    }

    fn counts(&self) -> Result<StateCounts> {
        self.reading(|reader| reader.counts())
    }

    fn collect(&self, now: Timestamp, older_than: Duration) -> Result<Collected> {
        self.collect_in_steps(now, older_than)
    }

    fn would_collect(&self, now: Timestamp, older_than: Duration) -> Result<Collected> {
        let bytes = self.size();
        let (attempts, quests) = self.reading(|reader| reader.collectable(now, older_than))?;
        Ok(Collected {
            attempts,
            quests,
            bytes_before: bytes,
            bytes_after: bytes,
        })
    }
}
