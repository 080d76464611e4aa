//! Notifications in the journal: how many there are, and whose turn it is.
//!
//! One call per execution at a time (DC-62): a row behind a call that is under way is parked here by
//! its id, and its content stays in the store. The counts follow from the journal; after a failed
//! commit they are made anew.

use std::collections::{HashMap, HashSet, VecDeque};

use distributor_core::ExecutionId;
use distributor_store::PendingNotifications;

use crate::driver::settings::NotificationLimits;

/// A row that waits for a call about the same execution to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::driver) struct Parked {
    pub(in crate::driver) row: u64,
    /// Length of its payload.
    pub(in crate::driver) bytes: usize,
}

/// What the journal holds for one execution.
#[derive(Debug, Default)]
struct Share {
    rows: usize,
    /// A call for one of these is under way.
    calling: bool,
    parked: VecDeque<Parked>,
}

/// All rows of kind `HandleNotification`.
#[derive(Debug, Default)]
pub(in crate::driver) struct Pending {
    shares: HashMap<ExecutionId, Share>,
    rows: usize,
    bytes: usize,
    parked: HashSet<u64>,
    /// Executions whose call is over and that have parked rows.
    idle: Vec<ExecutionId>,
}

impl Pending {
    /// Would a further row with a payload of `bytes` keep to the limits?
    pub(in crate::driver) fn has_room(
        &self,
        limits: &NotificationLimits,
        id: &ExecutionId,
        bytes: usize,
    ) -> bool {
        let of_execution = self.shares.get(id).map_or(0, |share| share.rows);
        of_execution < limits.per_execution
            && self.rows < limits.in_all
            && self.bytes.saturating_add(bytes) <= limits.bytes
    }

    /// A row comes into the journal.
    pub(in crate::driver) fn add(&mut self, id: ExecutionId, bytes: usize) {
        self.shares.entry(id).or_default().rows += 1;
        self.rows += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// A row leaves the journal.
    pub(in crate::driver) fn remove(&mut self, id: ExecutionId, bytes: usize) {
        self.rows = self.rows.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        if let Some(share) = self.shares.get_mut(&id) {
            share.rows = share.rows.saturating_sub(1);
        }
        self.forget_if_empty(&id);
    }

    /// Is a call about this execution under way?
    pub(in crate::driver) fn is_calling(&self, id: &ExecutionId) -> bool {
        self.shares.get(id).is_some_and(|share| share.calling)
    }

    pub(in crate::driver) fn begin_call(&mut self, id: ExecutionId) {
        self.shares.entry(id).or_default().calling = true;
    }

    pub(in crate::driver) fn end_call(&mut self, id: ExecutionId) {
        if let Some(share) = self.shares.get_mut(&id) {
            share.calling = false;
            if !share.parked.is_empty() {
                self.idle.push(id);
            }
        }
        self.forget_if_empty(&id);
    }

    /// The row has its turn after those that are parked already.
    pub(in crate::driver) fn park(&mut self, id: ExecutionId, parked: Parked) {
        if self.parked.insert(parked.row) {
            let share = self.shares.entry(id).or_default();
            share.parked.push_back(parked);
        }
    }

    pub(in crate::driver) fn is_parked(&self, row: u64) -> bool {
        self.parked.contains(&row)
    }

    /// The rows whose turn it is now: one for each execution whose call has come back.
    pub(in crate::driver) fn next(&mut self) -> Vec<(ExecutionId, u64)> {
        let mut next = Vec::new();
        for id in std::mem::take(&mut self.idle) {
            let share = self.shares.get_mut(&id).filter(|share| !share.calling);
            if let Some(parked) = share.and_then(|share| share.parked.pop_front()) {
                self.parked.remove(&parked.row);
                next.push((id, parked.row));
            }
        }
        next
    }

    /// The parked rows of an execution, which are parked no longer.
    pub(in crate::driver) fn take_parked(&mut self, id: &ExecutionId) -> VecDeque<Parked> {
        let share = self.shares.get_mut(id);
        let parked = share.map(|share| std::mem::take(&mut share.parked));
        let parked = parked.unwrap_or_default();
        for it in &parked {
            self.parked.remove(&it.row);
        }
        self.forget_if_empty(id);
        parked
    }

    /// Begins anew with what is stored. Calls that are under way stay so; nothing is parked, because
    /// the journal will be read again.
    pub(in crate::driver) fn recount(&mut self, stored: Vec<PendingNotifications>) {
        self.shares.retain(|_, share| share.calling);
        for share in self.shares.values_mut() {
            share.rows = 0;
            share.parked.clear();
        }
        self.parked.clear();
        self.idle.clear();
        (self.rows, self.bytes) = (0, 0);
        for PendingNotifications {
            execution,
            rows,
            bytes,
        } in stored
        {
            self.shares.entry(execution).or_default().rows = rows;
            self.rows = self.rows.saturating_add(rows);
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }

    fn forget_if_empty(&mut self, id: &ExecutionId) {
        let is_empty = |share: &Share| share.rows == 0 && !share.calling && share.parked.is_empty();
        if self.shares.get(id).is_some_and(is_empty) {
            self.shares.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use distributor_core::QuestId;

    use super::*;

    const ID: ExecutionId = QuestId::from_bytes([1; 32]).attempt(1).execution(1);
    const OTHER: ExecutionId = QuestId::from_bytes([1; 32]).attempt(2).execution(1);

    fn limits(per_execution: usize, in_all: usize, bytes: usize) -> NotificationLimits {
        NotificationLimits {
            per_execution,
            in_all,
            bytes,
        }
    }

    #[test]
    fn each_limit_counts() {
        let mut pending = Pending::default();
        pending.add(ID, 10);
        assert!(pending.has_room(&limits(2, 2, 20), &ID, 10));
        assert!(!pending.has_room(&limits(1, 2, 20), &ID, 10));
        assert!(pending.has_room(&limits(1, 2, 20), &OTHER, 10));
        assert!(!pending.has_room(&limits(1, 1, 20), &OTHER, 10));
        assert!(!pending.has_room(&limits(1, 2, 20), &OTHER, 11));
        assert!(!pending.has_room(&limits(9, 9, 99), &OTHER, usize::MAX));
        pending.remove(ID, 10);
        assert!(pending.has_room(&limits(1, 1, 20), &ID, 20));
        assert!(pending.shares.is_empty(), "nothing is remembered for ever");
    }

    #[test]
    fn one_row_of_an_execution_has_its_turn_at_a_time() {
        let mut pending = Pending::default();
        for row in 1..=3 {
            pending.add(ID, row);
        }
        pending.begin_call(ID);
        assert!(pending.is_calling(&ID) && !pending.is_calling(&OTHER));
        for row in [2, 3, 3] {
            pending.park(ID, Parked { row, bytes: 0 });
        }
        assert!(pending.is_parked(2) && pending.is_parked(3));
        assert_eq!(pending.next(), []);
        pending.end_call(ID);
        assert_eq!(pending.next(), [(ID, 2)]);
        assert!(!pending.is_parked(2));
        assert_eq!(pending.next(), [], "until its call is over too");
        pending.begin_call(ID);
        pending.end_call(ID);
        let rest = pending.take_parked(&ID);
        assert_eq!(rest, [Parked { row: 3, bytes: 0 }]);
        assert_eq!(pending.next(), []);
        assert!(pending.parked.is_empty());
    }

    #[test]
    fn a_new_count_keeps_calls_and_forgets_the_rest() {
        let mut pending = Pending::default();
        for id in [ID, OTHER] {
            pending.add(id, 5);
            pending.begin_call(id);
        }
        pending.park(ID, Parked { row: 7, bytes: 5 });
        pending.end_call(ID);
        pending.recount(vec![PendingNotifications {
            execution: ID,
            rows: 2,
            bytes: 9,
        }]);
        assert_eq!((pending.rows, pending.bytes), (2, 9));
        assert_eq!(pending.shares[&ID].rows, 2);
        assert!(pending.is_calling(&OTHER) && !pending.is_calling(&ID));
        assert!(!pending.is_parked(7));
        assert_eq!(pending.next(), []);
        pending.end_call(OTHER);
        assert!(!pending.shares.contains_key(&OTHER));
    }
}
