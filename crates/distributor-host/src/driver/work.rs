//! One batch in the making: records as changed so far, and what is owed once it is committed.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use distributor_core::{
    AttemptId, ConfigSnapshot, ExecutionId, Notification, QuestId, Timestamp, Token, dm,
};
use distributor_store::Batch;
use distributor_store::records::{AttemptRecord, DependencyRecord};
use tokio::sync::oneshot;

use super::graph::GraphAnswer;
use super::message::{CallError, Reply};
use super::queue::{Ordered, Reservation};
use super::received::Received;

/// A client that is answered after the commit.
pub(super) enum Waiting {
    Ensure(Reply<GraphAnswer>, Result<GraphAnswer, CallError>),
    Call(Reply<()>, Result<(), CallError>),
    Received(Reply<Received>, Received),
    Order(Reply<Ordered>, Result<Ordered, CallError>),
    Flush(oneshot::Sender<()>),
}

/// What a batch knows of a quest that exists.
pub(super) struct KnownQuest {
    pub(super) desc: Arc<dm::quest::Desc>,
    /// Creation and templates, if they were asked for.
    pub(super) origin: Option<(Timestamp, Vec<dm::quest::TemplateSpec>)>,
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
    /// Quests of this batch's requests; what is not here does not exist.
    pub(super) quests: HashMap<QuestId, KnownQuest>,
    /// Indexes into `batch.dependencies`: by dependent and dependency, and by each of them.
    edges: HashMap<(AttemptId, AttemptId), usize>,
    edges_from: HashMap<AttemptId, Vec<usize>>,
    edges_to: HashMap<AttemptId, Vec<usize>>,
    pub(super) ready: Vec<AttemptId>,
    /// Names under which attempts of this batch found no room.
    pub(super) left: HashSet<Arc<str>>,
    pub(super) ended: VecDeque<AttemptId>,
    /// How many dependents were told of an end.
    pub(super) told: usize,
    pub(super) abandoned: Vec<ExecutionId>,
    pub(super) released: Vec<(Arc<ConfigSnapshot>, Token)>,
    pub(super) notified: Vec<Arc<Notification>>,
    pub(super) waiting: Vec<Waiting>,
    /// Places of the tasks that this batch adds to the queue.
    pub(super) reserved: Vec<Reservation>,
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

    /// A new or changed dependency. Unless it counts as told already, its end will be told.
    pub(super) fn put_dependency(&mut self, record: DependencyRecord) {
        let pair = (record.dependent, record.dependency);
        match self.edges.entry(pair) {
            Entry::Occupied(known) => self.batch.dependencies[*known.get()] = record,
            Entry::Vacant(new) => {
                let index = self.batch.dependencies.len();
                new.insert(index);
                self.edges_from.entry(pair.0).or_default().push(index);
                self.edges_to.entry(pair.1).or_default().push(index);
                self.batch.dependencies.push(record);
            }
        }
    }

    /// Does this batch write that dependency? Then what is stored of it is outdated.
    pub(super) fn has_dependency(&self, dependent: AttemptId, dependency: AttemptId) -> bool {
        self.edges.contains_key(&(dependent, dependency))
    }

    /// Dependencies of `dependent` that this batch writes.
    pub(super) fn dependencies_of(
        &self,
        dependent: AttemptId,
    ) -> impl Iterator<Item = &DependencyRecord> {
        let indexes = self.edges_from.get(&dependent).into_iter().flatten();
        indexes.map(|index| &self.batch.dependencies[*index])
    }

    /// Dependencies on `dependency` that this batch writes.
    pub(super) fn dependents_of(
        &self,
        dependency: AttemptId,
    ) -> impl Iterator<Item = &DependencyRecord> {
        let indexes = self.edges_to.get(&dependency).into_iter().flatten();
        indexes.map(|index| &self.batch.dependencies[*index])
    }

    /// Is there anything for [`Work::take_untold`]?
    pub(super) fn has_untold(&self, dependency: AttemptId) -> bool {
        self.dependents_of(dependency).any(|it| !it.propagated)
    }

    /// Dependents that were added in this batch and not told yet; they count as told from now on.
    pub(super) fn take_untold(&mut self, dependency: AttemptId) -> Vec<DependencyRecord> {
        let mut taken = Vec::new();
        for index in self.edges_to.get(&dependency).into_iter().flatten() {
            let record = &mut self.batch.dependencies[*index];
            if !record.propagated {
                record.propagated = true;
                taken.push(record.clone());
            }
        }
        taken
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
                Waiting::Received(reply, _) => {
                    let _gone = reply.send(Err(CallError::NotStored(text.to_owned())));
                }
                Waiting::Order(reply, _) => {
                    let _gone = reply.send(Err(CallError::NotStored(text.to_owned())));
                }
                Waiting::Flush(_dropped) => {}
            }
        }
    }
}
