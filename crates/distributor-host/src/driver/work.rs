//! One batch in the making: records as changed so far, and what is owed once it is committed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use distributor_core::{
    AttemptId, ConfigSnapshot, ExecutionId, Notification, QuestId, Timestamp, Token, dm,
};
use distributor_store::Batch;
use distributor_store::records::{AttemptRecord, DependencyRecord};
use tokio::sync::oneshot;

use super::message::{CallError, Ensured, Reply};

/// A client that is answered after the commit.
pub(super) enum Waiting {
    Ensure(Reply<Vec<Ensured>>, Result<Vec<Ensured>, CallError>),
    Call(Reply<()>, Result<(), CallError>),
    Flush(oneshot::Sender<()>),
}

/// What the host needs to know of a configuration name while it fills a batch.
#[derive(Clone)]
pub(super) struct Resolved {
    pub(super) config: Arc<ConfigSnapshot>,
    pub(super) capacity: Option<usize>,
}

/// Why a name cannot be used.
#[derive(Clone)]
pub(super) enum Unresolved {
    /// For good: executions are rejected with this reason.
    Impossible(String),
    /// For now.
    Later,
}

/// The batch, and the world as it looks inside it.
#[derive(Default)]
pub(super) struct Work {
    pub(super) now: Timestamp,
    /// `None` is an attempt that is known not to exist.
    attempts: HashMap<AttemptId, Option<AttemptRecord>>,
    dirty: Vec<AttemptId>,
    dirty_set: HashSet<AttemptId>,
    pub(super) batch: Batch,
    /// Quests of this batch's requests that do not exist.
    pub(super) missing_quests: HashSet<QuestId>,
    /// Descriptions that may be remembered once they are stored.
    pub(super) new_quests: Vec<(QuestId, Arc<dm::quest::Desc>)>,
    untold: HashMap<AttemptId, Vec<usize>>,
    pub(super) ready: Vec<AttemptId>,
    /// Names under which attempts of this batch found no room.
    pub(super) left: HashSet<Arc<str>>,
    pub(super) ended: VecDeque<AttemptId>,
    pub(super) abandoned: Vec<ExecutionId>,
    pub(super) released: Vec<(Arc<ConfigSnapshot>, Token)>,
    pub(super) notified: Vec<Arc<Notification>>,
    pub(super) waiting: Vec<Waiting>,
    pub(super) resolved: HashMap<Arc<str>, Result<Resolved, Unresolved>>,
    pub(super) tick: bool,
    /// Attempts were removed: nothing that was loaded for this batch may be remembered.
    pub(super) forget: bool,
}

impl Work {
    pub(super) fn new(now: Timestamp) -> Self {
        Work {
            now,
            ..Default::default()
        }
    }

    pub(super) fn knows(&self, id: &AttemptId) -> bool {
        self.attempts.contains_key(id)
    }

    pub(super) fn insert(&mut self, id: AttemptId, record: Option<AttemptRecord>) {
        self.attempts.insert(id, record);
    }

    pub(super) fn record(&self, id: &AttemptId) -> Option<&AttemptRecord> {
        self.attempts.get(id)?.as_ref()
    }

    pub(super) fn record_mut(&mut self, id: &AttemptId) -> Option<&mut AttemptRecord> {
        self.attempts.get_mut(id)?.as_mut()
    }

    /// The record will be written.
    pub(super) fn touch(&mut self, id: AttemptId) {
        if self.dirty_set.insert(id) {
            self.dirty.push(id);
        }
    }

    /// Adds a dependency that the dependency's end must still be told to.
    pub(super) fn add_dependency(&mut self, record: DependencyRecord) {
        if !record.propagated {
            self.untold
                .entry(record.dependency)
                .or_default()
                .push(self.batch.dependencies.len());
        }
        self.batch.dependencies.push(record);
    }

    /// Is there anything for [`Work::take_untold`]?
    pub(super) fn has_untold(&self, dependency: &AttemptId) -> bool {
        self.untold.contains_key(dependency)
    }

    /// Dependents that were added in this batch and not told yet; they count as told from now on.
    pub(super) fn take_untold(&mut self, dependency: &AttemptId) -> Vec<DependencyRecord> {
        let indexes = self.untold.remove(dependency).unwrap_or_default();
        let mut records = Vec::with_capacity(indexes.len());
        for index in indexes {
            let record = &mut self.batch.dependencies[index];
            record.propagated = true;
            records.push(record.clone());
        }
        records
    }

    /// Moves the changed records into the batch.
    pub(super) fn seal(&mut self) {
        for id in self.dirty.drain(..) {
            if let Some(record) = self.attempts.remove(&id).flatten() {
                self.batch.attempts.push(record);
            }
        }
    }

    /// Records that were read and not changed.
    pub(super) fn unchanged(&mut self) -> impl Iterator<Item = AttemptRecord> {
        std::mem::take(&mut self.attempts).into_values().flatten()
    }

    /// Answers everybody: nothing of this batch happened.
    pub(super) fn fail(self, text: &str) {
        for waiting in self.waiting {
            match waiting {
                Waiting::Ensure(reply, _) => {
                    let _gone = reply.send(Err(CallError::NotStored(text.to_owned())));
                }
                Waiting::Call(reply, _) => {
                    let _gone = reply.send(Err(CallError::NotStored(text.to_owned())));
                }
                Waiting::Flush(_dropped) => {}
            }
        }
    }
}
