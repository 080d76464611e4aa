//! A store some of whose records cannot be read.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use distributor_core::{AttemptId, ConfigSnapshot, QuestId, Timestamp};
use distributor_store::records::{
    AttemptRecord, DependencyRecord, ExecutionRecord, JournalRecord, QuestRecord,
};
use distributor_store::{
    AttemptFilter, AttemptPage, Batch, Collected, DueTask, EdgeCursor, EdgePage, MemoryStore,
    PendingNotifications, QueueCounts, QueuePage, QueueRecord, QueueState, Result, StateCounts,
    Store, StoreError,
};

#[derive(Debug, Default)]
pub(crate) struct FaultyStore {
    inner: MemoryStore,
    damaged: Mutex<HashSet<AttemptId>>,
}

impl FaultyStore {
    /// Neither this attempt nor its dependencies can be read from now on.
    pub(crate) fn damage(&self, id: AttemptId) {
        self.damaged.lock().expect("the damage").insert(id);
    }

    fn check(&self, ids: &[AttemptId]) -> Result<()> {
        let damaged = self.damaged.lock().expect("the damage");
        match ids.iter().find(|id| damaged.contains(id)) {
            None => Ok(()),
            Some(id) => Err(StoreError::Damaged {
                what: format!("attempt {id}"),
                detail: "by a test".to_owned(),
            }),
        }
    }
}

/// Methods that the inner store answers.
macro_rules! inner {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        fn $name(&self, $($argument: $type),*) -> $result {
            self.inner.$name($($argument),*)
        }
    )*};
}

impl Store for FaultyStore {
    fn attempts(&self, ids: &[AttemptId]) -> Result<Vec<Option<AttemptRecord>>> {
        self.check(ids)?;
        self.inner.attempts(ids)
    }

    fn dependencies_of_each(&self, ids: &[AttemptId], limit: usize) -> Result<Vec<Vec<AttemptId>>> {
        self.check(ids)?;
        self.inner.dependencies_of_each(ids, limit)
    }

    inner! {
        fn commit(batch: &Batch) -> Result<()>;
        fn quests(ids: &[QuestId]) -> Result<Vec<Option<QuestRecord>>>;
        fn quests_with_prefix(prefix: &str, limit: usize) -> Result<Vec<QuestId>>;
        fn attempt_numbers(quest: QuestId) -> Result<Vec<u32>>;
        fn executions(attempt: AttemptId, limit: usize) -> Result<Vec<ExecutionRecord>>;
        fn execution(attempt: AttemptId, number: u32) -> Result<Option<ExecutionRecord>>;
        fn dependencies(dependent: AttemptId) -> Result<Vec<DependencyRecord>>;
        fn untold_dependents(id: AttemptId, limit: usize) -> Result<Vec<DependencyRecord>>;
        fn untold_dependencies_of(of: &[EdgeCursor], limit: usize) -> Result<Vec<EdgePage>>;
        fn untold_dependents_of(of: &[EdgeCursor], limit: usize) -> Result<Vec<EdgePage>>;
        fn have_dependencies(id: AttemptId, of: &[AttemptId]) -> Result<Vec<bool>>;
        fn dependents(id: AttemptId, limit: usize) -> Result<Vec<DependencyRecord>>;
        fn ready(name: &str, limit: usize) -> Result<Vec<AttemptId>>;
        fn ready_config_names() -> Result<Vec<String>>;
        fn configurations() -> Result<Vec<Arc<ConfigSnapshot>>>;
        fn due_attempts(now: Timestamp, limit: usize) -> Result<Vec<AttemptId>>;
        fn due_journal(now: Timestamp, limit: usize) -> Result<Vec<JournalRecord>>;
        fn next_due() -> Result<Option<Timestamp>>;
        fn journal(after: u64, limit: usize) -> Result<Vec<JournalRecord>>;
        fn journal_rows(ids: &[u64]) -> Result<Vec<Option<JournalRecord>>>;
        fn pending_notifications() -> Result<Vec<PendingNotifications>>;
        fn due_queue(now: Timestamp, limit: usize) -> Result<Vec<DueTask>>;
        fn queue_records(ids: &[u64]) -> Result<Vec<Option<QueueRecord>>>;
        fn list_queue(state: QueueState, before: Option<u64>, limit: usize) -> Result<QueuePage>;
        fn queue_counts() -> Result<QueueCounts>;
        fn high_marks() -> Result<(u64, u64)>;
        fn unfinished(after: u64, limit: usize) -> Result<(Vec<AttemptRecord>, Option<u64>)>;
        fn list(filter: AttemptFilter, before: Option<u64>, limit: usize) -> Result<AttemptPage>;
        fn counts() -> Result<StateCounts>;
        fn collect(now: Timestamp, older_than: Duration) -> Result<Collected>;
        fn would_collect(now: Timestamp, older_than: Duration) -> Result<Collected>;
    }
}
