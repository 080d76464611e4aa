//! Would an attempt wait for itself, through any number of others?
//!
//! Two searches take turns: from the requested attempts along what they wait for, and from the
//! dependent along those who wait for it. The one with fewer places to look at goes on, so that the
//! usual questions cost little: new attempts wait for nobody, and nobody waits for a root. It refuses
//! to hold records: of those it has seen it knows the names. Nobody else is served meanwhile, so it
//! also refuses to take more than [`Settings::cycle_steps`], and never says then that there is none.
//!
//! [`Settings::cycle_steps`]: super::settings::Settings::cycle_steps

use std::collections::{HashMap, HashSet, VecDeque};

use distributor_core::AttemptId;
use distributor_core::dm::attempt::State;
use distributor_store::records::{AttemptRecord, DependencyRecord};
use distributor_store::{EdgeCursor, EdgePage, StoreError};

use super::committer::Committer;
use super::message::CallError;
use super::work::Work;

/// Attempts that one step looks at.
const ATTEMPTS_AT_ONCE: usize = 16;
/// Dependencies of each that one step reads; the rest is for a later step.
const EDGES_AT_ONCE: usize = 64;

/// One of the two searches.
#[derive(Default)]
struct Side {
    /// Everybody it has reached, each with the one next to it on the way back.
    reached: HashMap<AttemptId, AttemptId>,
    frontier: VecDeque<EdgeCursor>,
}

impl Side {
    fn reach(&mut self, id: AttemptId, from: AttemptId) {
        if self.reached.contains_key(&id) {
            return;
        }
        self.reached.insert(id, from);
        self.frontier.push_back(EdgeCursor {
            attempt: id,
            after: 0,
        });
    }

    fn next(&mut self) -> Vec<EdgeCursor> {
        let count = self.frontier.len().min(ATTEMPTS_AT_ONCE);
        self.frontier.drain(..count).collect()
    }

    /// Comes back to what a page did not hold.
    fn go_on(&mut self, attempt: AttemptId, page: &EdgePage) {
        if let Some(after) = page.next {
            self.frontier.push_back(EdgeCursor { attempt, after });
        }
    }

    /// From `id` to where this side began, both included.
    fn way(&self, mut id: AttemptId) -> Vec<AttemptId> {
        let mut way = vec![id];
        while let Some(next) = self.reached.get(&id).filter(|next| **next != id) {
            way.push(*next);
            id = *next;
        }
        way
    }
}

/// The question, and how far it is answered.
struct Search<'a> {
    committer: &'a Committer,
    work: &'a Work,
    /// Whom the dependent would wait for.
    needed: Side,
    /// Who waits for the dependent.
    waiting: Side,
    /// Attempts and dependencies looked at.
    steps: usize,
}

impl Committer {
    /// The cycle that there would be if `dependent` waited for those of `requested` that have not
    /// ended: the dependent first and last. `new` are those that do not exist yet, with what they
    /// will wait for. All of them are loaded.
    ///
    /// # Errors
    /// `Store`; `TooEntangled` if the answer cannot be found within the limit.
    pub(super) fn find_cycle(
        &self,
        work: &Work,
        dependent: AttemptId,
        requested: &[AttemptId],
        new: &HashMap<AttemptId, &[AttemptId]>,
    ) -> Result<Option<Vec<AttemptId>>, CallError> {
        let mut search = Search {
            committer: self,
            work,
            needed: Side::default(),
            waiting: Side::default(),
            steps: 0,
        };
        search.waiting.reach(dependent, dependent);
        // New attempts are known here alone, so their needs are followed before the search begins.
        let mut wanted: Vec<(AttemptId, AttemptId)> =
            requested.iter().map(|id| (dependent, *id)).collect();
        while let Some((from, id)) = wanted.pop() {
            if id == dependent {
                return Ok(Some(search.way(from, id)));
            }
            if let Some(needs) = new.get(&id) {
                if search.needed.reached.insert(id, from).is_none() {
                    wanted.extend(needs.iter().map(|need| (id, *need)));
                }
            } else if work.record(&id).is_some_and(waits) {
                search.needed.reach(id, from);
            }
        }
        while !search.needed.frontier.is_empty() && !search.waiting.frontier.is_empty() {
            let met = if search.waiting.frontier.len() <= search.needed.frontier.len() {
                search.grow_waiting()?
            } else {
                search.grow_needed()?
            };
            if let Some((from, to)) = met {
                return Ok(Some(search.way(from, to)));
            }
            if search.steps > self.settings.cycle_steps {
                return Err(CallError::TooEntangled(dependent));
            }
        }
        Ok(None)
    }

    /// Shows those of the attempts that exist, as this batch sees them, without keeping them.
    fn look_at(
        &self,
        work: &Work,
        ids: &HashSet<AttemptId>,
        mut look: impl FnMut(&AttemptRecord),
    ) -> Result<(), StoreError> {
        let mut unknown = Vec::new();
        for id in ids {
            if work.knows(id) {
                work.record(id).into_iter().for_each(&mut look);
            } else if let Some(record) = self.attempts.peek(id) {
                look(record);
            } else {
                unknown.push(*id);
            }
        }
        if !unknown.is_empty() {
            let found = self.store.attempts(&unknown)?;
            found.iter().flatten().for_each(look);
        }
        Ok(())
    }
}

/// Somebody who is needed, and whom he waits for, who waits for the dependent: the cycle closes.
type Met = Option<(AttemptId, AttemptId)>;

impl Search<'_> {
    /// One step from those who are needed to those whom they wait for.
    fn grow_needed(&mut self) -> Result<Met, StoreError> {
        let cursors = self.needed.next();
        self.steps += cursors.len();
        let (store, work) = (&self.committer.store, self.work);
        let pages = store.untold_dependencies_of(&cursors, EDGES_AT_ONCE)?;
        let mut edges = Vec::new();
        for (cursor, page) in cursors.into_iter().zip(pages) {
            self.needed.go_on(cursor.attempt, &page);
            let added = work.dependencies_of(cursor.attempt);
            merge(work, &mut edges, cursor, page, added);
        }
        for (from, to) in self.pending(&edges)? {
            if self.waiting.reached.contains_key(&to) {
                return Ok(Some((from, to)));
            }
            self.needed.reach(to, from);
        }
        Ok(None)
    }

    /// One step from those who wait for the dependent to those who wait for them.
    fn grow_waiting(&mut self) -> Result<Met, StoreError> {
        let cursors = self.waiting.next();
        self.steps += cursors.len();
        let (store, work) = (&self.committer.store, self.work);
        let pages = store.untold_dependents_of(&cursors, EDGES_AT_ONCE)?;
        let mut edges = Vec::new();
        for (cursor, page) in cursors.into_iter().zip(pages) {
            self.waiting.go_on(cursor.attempt, &page);
            let added = work.dependents_of(cursor.attempt);
            merge(work, &mut edges, cursor, page, added);
        }
        for (from, to) in self.pending(&edges)? {
            if self.needed.reached.contains_key(&from) {
                return Ok(Some((from, to)));
            }
            self.waiting.reach(from, to);
        }
        Ok(None)
    }

    /// The cycle that closes where `from`, who is needed, waits for `to`.
    fn way(&self, from: AttemptId, to: AttemptId) -> Vec<AttemptId> {
        let mut way = self.needed.way(from);
        way.reverse();
        way.extend(self.waiting.way(to));
        way
    }

    /// Those along which somebody waits now, as dependent and dependency.
    fn pending(
        &mut self,
        edges: &[DependencyRecord],
    ) -> Result<Vec<(AttemptId, AttemptId)>, StoreError> {
        self.steps += edges.len();
        // Each is read once, however many dependencies it has.
        let mut of: HashMap<AttemptId, Vec<&DependencyRecord>> = HashMap::new();
        for edge in edges {
            of.entry(edge.dependent).or_default().push(edge);
        }
        let mut pending = HashSet::new();
        let look = |record: &AttemptRecord| {
            let edges = of.get(&record.id).into_iter().flatten();
            let pairs = edges.filter(|edge| is_pending(record, edge));
            pending.extend(pairs.map(|edge| (edge.dependent, edge.dependency)));
        };
        let dependents = of.keys().copied().collect();
        self.committer.look_at(self.work, &dependents, look)?;
        let pairs = edges.iter().map(|edge| (edge.dependent, edge.dependency));
        Ok(pairs.filter(|pair| pending.contains(pair)).collect())
    }
}

/// Stored edges, unless this batch changes them, and those that it adds.
fn merge<'a>(
    work: &Work,
    edges: &mut Vec<DependencyRecord>,
    cursor: EdgeCursor,
    page: EdgePage,
    added: impl Iterator<Item = &'a DependencyRecord>,
) {
    let stored = page.edges.into_iter();
    edges.extend(stored.filter(|edge| !work.has_dependency(edge.dependent, edge.dependency)));
    if cursor.after == 0 {
        edges.extend(added.cloned());
    }
}

/// Does this attempt wait for anybody? Also while an execution that was halted still stops.
fn waits(record: &AttemptRecord) -> bool {
    matches!(record.state, State::Waiting | State::Executing) && !record.dependencies.all_set()
}

/// Does this attempt wait for that dependency now?
fn is_pending(record: &AttemptRecord, edge: &DependencyRecord) -> bool {
    !edge.propagated
        && waits(record)
        && edge.for_execution == record.current_execution
        && edge.bit < record.dependencies.size()
        && !record.dependencies.is_set(edge.bit)
}
