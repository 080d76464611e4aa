//! The contract of a store: read records, and commit one batch of writes, all or nothing.
//!
//! A batch is the only way to write (architecture, A2), so a store needs no open transactions and
//! no locks that a caller could hold across a backend call (DC-57).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use distributor_core::{AttemptId, ConfigSnapshot, QuestId, Timestamp};

use crate::PendingNotifications;
use crate::queue::{DueTask, QueueChange, QueueCounts, QueuePage, QueueRecord, QueueState};
use crate::records::{
    AttemptRecord, DependencyRecord, ExecutionRecord, JournalRecord, QuestRecord,
};

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has this state directory open for writing.
    #[error(
        "state directory {directory} is in use by process {holder}; stop that process, or name another directory with --state"
    )]
    InUse {
        /// The directory.
        directory: String,
        /// Process id of the holder, as it wrote it; `unknown` if it did not.
        holder: String,
    },
    /// The schema was written by a newer version.
    #[error(
        "{path} has schema version {found}, and this build knows versions up to {known}; use the newer build that wrote it"
    )]
    TooNew {
        /// The file.
        path: String,
        /// Its version.
        found: u32,
        /// The newest version that this build knows.
        known: u32,
    },
    /// The schema is older than what can be read without migrating it.
    #[error(
        "{path} has schema version {found}, and this build reads version {known}; run a graph with it once, which migrates it"
    )]
    TooOld {
        /// The file.
        path: String,
        /// Its version.
        found: u32,
        /// The version that this build reads.
        known: u32,
    },
    /// There is no state to read.
    #[error("there is no state in {directory}: nothing was run there yet")]
    Absent {
        /// The directory.
        directory: String,
    },
    /// A record does not decode.
    #[error("damaged {what}: {detail}")]
    Damaged {
        /// Which record.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Someone else changed a record that this batch changes: load again and redo.
    #[error("record of {what} was changed by another writer")]
    Conflict {
        /// Which record.
        what: String,
    },
    /// A batch refers to a record that is neither stored nor in the batch.
    #[error("{what} is not stored; add it in the same batch, or earlier")]
    Missing {
        /// Which record.
        what: String,
    },
    /// A commit to a store that was opened for reading only.
    #[error("this store was opened for reading only")]
    ReadOnly,
    /// The engine or the disk failed; the same call may succeed later.
    #[error("store failed: {0}")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Result of a store call.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Writes that are committed together, in the order of the fields.
#[derive(Debug, Default)]
pub struct Batch {
    /// New quests, or known ones with a larger `built_by`, which replaces the stored one (nothing
    /// else of a known quest changes).
    pub quests: Vec<QuestRecord>,
    /// Whole records. `version` is the one that was loaded (0 for new); it is stored plus one. The
    /// quest must exist.
    pub attempts: Vec<AttemptRecord>,
    /// Executions that are no longer their attempt's current one; the attempt must exist.
    pub past_executions: Vec<(AttemptId, ExecutionRecord)>,
    /// Inserted, or replaced if dependent and dependency are the same; both attempts must exist.
    pub dependencies: Vec<DependencyRecord>,
    /// New rows; the attempt must exist.
    pub journal_added: Vec<JournalRecord>,
    /// Rows whose `due` and `tries` change. A missing one is no error.
    pub journal_delayed: Vec<JournalDelay>,
    /// Rows that are done. A missing one is no error.
    pub journal_done: Vec<u64>,
    /// New tasks.
    pub queue_added: Vec<QueueRecord>,
    /// Tasks that are tried again, given up, or replayed. A missing one is no error.
    pub queue_changed: Vec<QueueChange>,
    /// Tasks that were handled or discarded. A missing one is no error.
    pub queue_done: Vec<u64>,
}

/// A new due time for a journal row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalDelay {
    /// The row.
    pub id: u64,
    /// Not before this moment.
    pub due: Timestamp,
    /// Failed tries so far.
    pub tries: u32,
}

impl Batch {
    /// True if a commit would change nothing.
    pub fn is_empty(&self) -> bool {
        self.quests.is_empty()
            && self.attempts.is_empty()
            && self.past_executions.is_empty()
            && self.dependencies.is_empty()
            && self.journal_added.is_empty()
            && self.journal_delayed.is_empty()
            && self.journal_done.is_empty()
            && self.queue_added.is_empty()
            && self.queue_changed.is_empty()
            && self.queue_done.is_empty()
    }
}

/// A line of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptPage {
    /// Attempts in the order of their creation, newest first.
    pub attempts: Vec<AttemptRecord>,
    /// Give this to get the next page; `None` at the end.
    pub next: Option<u64>,
}

/// A place in the list of the dependencies, or dependents, of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeCursor {
    /// Whose.
    pub attempt: AttemptId,
    /// A number from the previous page; 0 to begin.
    pub after: u64,
}

/// A part of such a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EdgePage {
    /// In the order of the creation of the attempt at the other end.
    pub edges: Vec<DependencyRecord>,
    /// Give this to get the next page; `None` at the end.
    pub next: Option<u64>,
}

/// Which attempts a listing wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttemptFilter {
    /// Only those that are not final.
    pub unfinished: bool,
}

/// How much was collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Attempts that were removed.
    pub attempts: u64,
    /// Quests that were removed with their last attempt.
    pub quests: u64,
    /// Size of the store before, in bytes on disk; 0 for one in memory.
    pub bytes_before: u64,
    /// Size after; what would be collected leaves it as it is.
    pub bytes_after: u64,
}

/// Number of attempts in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StateCounts {
    /// SCHEDULING.
    pub scheduling: u64,
    /// EXECUTING.
    pub executing: u64,
    /// WAITING.
    pub waiting: u64,
    /// FINISHED.
    pub finished: u64,
    /// ABNORMAL_FINISHED.
    pub abnormal_finished: u64,
}

/// Durable records. Reads see every commit that returned before they began.
///
/// Every list that is asked for by keys comes back in the order of the keys, `None` for what does
/// not exist. Blocking: call it from a thread that may block.
pub trait Store: Send + Sync + fmt::Debug {
    /// Commits all of the batch or nothing. When it returns `Ok` the batch is durable.
    ///
    /// # Errors
    /// `Conflict` if an attempt's stored version is not the one in the batch, or a new attempt,
    /// journal row or queued task exists; `Missing` if something that must exist does not; `ReadOnly`; `Engine`
    /// for anything else. In all cases nothing was written.
    fn commit(&self, batch: &Batch) -> Result<()>;

    /// Quests by id.
    fn quests(&self, ids: &[QuestId]) -> Result<Vec<Option<QuestRecord>>>;

    /// Quests whose id starts with `prefix`, at most `limit`, in the order of their text.
    fn quests_with_prefix(&self, prefix: &str, limit: usize) -> Result<Vec<QuestId>>;

    /// Attempts by id, each with its current execution.
    fn attempts(&self, ids: &[AttemptId]) -> Result<Vec<Option<AttemptRecord>>>;

    /// Numbers of all attempts of a quest, ascending.
    fn attempt_numbers(&self, quest: QuestId) -> Result<Vec<u32>>;

    /// All executions of an attempt, newest first, the current one included, at most `limit`.
    fn executions(&self, attempt: AttemptId, limit: usize) -> Result<Vec<ExecutionRecord>>;

    /// One execution, current or past.
    fn execution(&self, attempt: AttemptId, number: u32) -> Result<Option<ExecutionRecord>>;

    /// What `dependent` depends on, in the order of bits, then of the dependencies' creation.
    fn dependencies(&self, dependent: AttemptId) -> Result<Vec<DependencyRecord>>;

    /// Who depends on `dependency`: at most `limit` that were not told yet, in the order in which
    /// the dependents were created.
    fn untold_dependents(
        &self,
        dependency: AttemptId,
        limit: usize,
    ) -> Result<Vec<DependencyRecord>>;

    /// Does [`Store::untold_dependents`] have anybody to name? For many attempts in one go, because
    /// most have nobody.
    fn have_untold_dependents(&self, dependencies: &[AttemptId]) -> Result<Vec<bool>> {
        dependencies
            .iter()
            .map(|dependency| Ok(!self.untold_dependents(*dependency, 1)?.is_empty()))
            .collect()
    }

    /// For each of these attempts, what it depends on and was not told the end of: at most `limit`
    /// each.
    fn untold_dependencies_of(&self, of: &[EdgeCursor], limit: usize) -> Result<Vec<EdgePage>>;

    /// For each of these attempts, who depends on it and was not told of its end: at most `limit`
    /// each.
    fn untold_dependents_of(&self, of: &[EdgeCursor], limit: usize) -> Result<Vec<EdgePage>>;

    /// Does `dependent` depend on each of these, told or not, whichever execution asked for it?
    fn have_dependencies(
        &self,
        dependent: AttemptId,
        dependencies: &[AttemptId],
    ) -> Result<Vec<bool>>;

    /// Who depends on `dependency`, told or not, at most `limit`: those that were not told first,
    /// then in the order in which the dependents were created.
    fn dependents(&self, dependency: AttemptId, limit: usize) -> Result<Vec<DependencyRecord>>;

    /// What each of these depends on: at most `limit` for each, as [`Store::dependencies`] orders
    /// them.
    fn dependencies_of_each(
        &self,
        dependents: &[AttemptId],
        limit: usize,
    ) -> Result<Vec<Vec<AttemptId>>> {
        let of_one = |dependent: &AttemptId| {
            let found = self.dependencies(*dependent)?.into_iter().take(limit);
            Ok(found.map(|found| found.dependency).collect())
        };
        dependents.iter().map(of_one).collect()
    }

    /// Who depends on each of these: at most `limit` for each, as [`Store::dependents`] orders
    /// them.
    fn dependents_of_each(
        &self,
        dependencies: &[AttemptId],
        limit: usize,
    ) -> Result<Vec<Vec<AttemptId>>> {
        let of_one = |dependency: &AttemptId| {
            let found = self.dependents(*dependency, limit)?.into_iter();
            Ok(found.map(|found| found.dependent).collect())
        };
        dependencies.iter().map(of_one).collect()
    }

    /// Attempts that wait for room under the configuration name `config_name`, in the order of
    /// `ready`, at most `limit`.
    fn ready(&self, config_name: &str, limit: usize) -> Result<Vec<AttemptId>>;

    /// Configuration names under which any attempt waits for room, sorted.
    fn ready_config_names(&self) -> Result<Vec<String>>;

    /// Every configuration that an execution was ever decided with or a task was queued with, at most
    /// one for each edit.
    fn configurations(&self) -> Result<Vec<Arc<ConfigSnapshot>>>;

    /// Attempts whose `wake_at` is at or before `now`, earliest first, at most `limit`.
    fn due_attempts(&self, now: Timestamp, limit: usize) -> Result<Vec<AttemptId>>;

    /// Delayed journal rows that are due at `now`, earliest first, at most `limit`.
    fn due_journal(&self, now: Timestamp, limit: usize) -> Result<Vec<JournalRecord>>;

    /// The earliest moment at which one of the two above will find something.
    fn next_due(&self) -> Result<Option<Timestamp>>;

    /// Journal rows without a due time and with an id above `after`, ascending, at most `limit`.
    fn journal(&self, after: u64, limit: usize) -> Result<Vec<JournalRecord>>;

    /// Journal rows by id, due or not.
    fn journal_rows(&self, ids: &[u64]) -> Result<Vec<Option<JournalRecord>>>;

    /// Executions about which the journal holds notifications, in no particular order. Reads all of
    /// the journal: for a host that begins.
    fn pending_notifications(&self) -> Result<Vec<PendingNotifications>>;

    /// The highest id of a journal row or a queued task, and the highest ready number, ever stored; 0
    /// if none. (A host goes on counting from here after a restart, so neither may be given out
    /// twice.)
    fn high_marks(&self) -> Result<(u64, u64)>;

    /// Pending tasks that are due at `now`, earliest first, then by id, at most `limit`. Not part of
    /// [`Store::next_due`]: who knows that the queue is empty need not ask.
    fn due_queue(&self, now: Timestamp, limit: usize) -> Result<Vec<DueTask>>;

    /// Queued tasks by id.
    fn queue_records(&self, ids: &[u64]) -> Result<Vec<Option<QueueRecord>>>;

    /// A listing for people, newest first: tasks of this state, at most `limit`, with ids below
    /// `before` (the number from the previous page).
    fn list_queue(&self, state: QueueState, before: Option<u64>, limit: usize)
    -> Result<QueuePage>;

    /// How much is in the queue.
    fn queue_counts(&self) -> Result<QueueCounts>;

    /// Attempts that are not final, in an order that does not change, at most `limit` after `after`
    /// (a number from the previous page; 0 to begin).
    fn unfinished(&self, after: u64, limit: usize) -> Result<(Vec<AttemptRecord>, Option<u64>)>;

    /// A listing for people, newest first.
    fn list(&self, filter: AttemptFilter, before: Option<u64>, limit: usize)
    -> Result<AttemptPage>;

    /// How many attempts are in each state.
    fn counts(&self) -> Result<StateCounts>;

    /// Removes final attempts whose last change is at least `older_than` before `now`, unless an
    /// unfinished attempt depends on them or the journal has a row about them, with their
    /// executions, dependencies and childless quests; then gives free space back. Works in bounded
    /// steps, between which others may commit.
    fn collect(&self, now: Timestamp, older_than: Duration) -> Result<Collected>;

    /// Like [`Store::collect`], and changes nothing: how much it would remove.
    fn would_collect(&self, now: Timestamp, older_than: Duration) -> Result<Collected>;
}
