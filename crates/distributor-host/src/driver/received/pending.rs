//! Notifications in the journal: how many there are, and whose turn it is.
//!
//! One row of an execution has the turn at a time, from its first call until it is done, also while it
//! waits for another try (DC-62). Those behind it are parked here by id, and their content stays in
//! the store. The counts follow from the journal; after a failed commit they are made anew.

use std::collections::{HashMap, HashSet, VecDeque};

use distributor_core::ExecutionId;
use distributor_store::PendingNotifications;

use crate::driver::settings::NotificationLimits;

/// A row that waits for another one about the same execution to be done.
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
    turn: Option<u64>,
    parked: VecDeque<Parked>,
}

/// All rows of kind `HandleNotification`.
#[derive(Debug, Default)]
pub(in crate::driver) struct Pending {
    shares: HashMap<ExecutionId, Share>,
    rows: usize,
    bytes: usize,
    parked: HashSet<u64>,
    /// Executions without a turn that have parked rows.
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

    /// Is it the turn of another row about the same execution?
    pub(in crate::driver) fn must_wait(&self, id: &ExecutionId, row: u64) -> bool {
        let turn = self.shares.get(id).and_then(|share| share.turn);
        turn.is_some_and(|turn| turn != row)
    }

    pub(in crate::driver) fn begin_turn(&mut self, id: ExecutionId, row: u64) {
        self.shares.entry(id).or_default().turn = Some(row);
    }

    pub(in crate::driver) fn end_turn(&mut self, id: ExecutionId, row: u64) {
        let share = self.shares.get_mut(&id);
        if let Some(share) = share.filter(|share| share.turn == Some(row)) {
            share.turn = None;
            if !share.parked.is_empty() {
                self.idle.push(id);
            }
            self.forget_if_empty(&id);
        }
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

    /// The rows whose turn has come: one for each execution that has none.
    pub(in crate::driver) fn next(&mut self) -> Vec<(ExecutionId, u64)> {
        let mut next = Vec::new();
        for id in std::mem::take(&mut self.idle) {
            let share = self
                .shares
                .get_mut(&id)
                .filter(|share| share.turn.is_none());
            if let Some(share) = share
                && let Some(Parked { row, .. }) = share.parked.pop_front()
            {
                share.turn = Some(row);
                self.parked.remove(&row);
                next.push((id, row));
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

    /// Begins anew with what is stored. Calls that are under way keep their turn; nothing is parked,
    /// because the journal will be read again.
    pub(in crate::driver) fn recount(
        &mut self,
        stored: Vec<PendingNotifications>,
        under_way: &HashSet<u64>,
    ) {
        self.shares
            .retain(|_, share| share.turn.is_some_and(|row| under_way.contains(&row)));
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
        let is_empty =
            |share: &Share| share.rows == 0 && share.turn.is_none() && share.parked.is_empty();
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
        for bytes in 1..=3 {
            pending.add(ID, bytes);
        }
        pending.begin_turn(ID, 1);
        assert!(pending.must_wait(&ID, 2) && !pending.must_wait(&OTHER, 2));
        assert!(!pending.must_wait(&ID, 1), "its next try");
        for row in [2, 3, 3] {
            pending.park(ID, Parked { row, bytes: 0 });
        }
        assert!(pending.is_parked(2) && pending.is_parked(3));
        pending.end_turn(ID, 3);
        assert_eq!(pending.next(), [], "it was not its turn");
        pending.end_turn(ID, 1);
        assert_eq!(pending.next(), [(ID, 2)]);
        assert!(!pending.is_parked(2));
        assert_eq!(pending.next(), [], "until that is over too");
        pending.end_turn(ID, 2);
        let rest = pending.take_parked(&ID);
        assert_eq!(rest, [Parked { row: 3, bytes: 0 }]);
        assert_eq!(pending.next(), []);
        assert!(pending.parked.is_empty());
    }

    #[test]
    fn a_new_count_keeps_the_turns_of_calls_and_forgets_the_rest() {
        let mut pending = Pending::default();
        for (id, row) in [(ID, 5), (OTHER, 6)] {
            pending.add(id, 5);
            pending.begin_turn(id, row);
        }
        pending.park(ID, Parked { row: 7, bytes: 5 });
        let stored = PendingNotifications {
            execution: ID,
            rows: 2,
            bytes: 9,
        };
        pending.recount(vec![stored], &HashSet::from([6]));
        assert_eq!((pending.rows, pending.bytes), (2, 9));
        assert_eq!(pending.shares[&ID].rows, 2);
        assert!(pending.must_wait(&OTHER, 7) && !pending.must_wait(&ID, 7));
        assert!(!pending.is_parked(7));
        assert_eq!(pending.next(), []);
        pending.end_turn(OTHER, 6);
        assert!(!pending.shares.contains_key(&OTHER));
    }
}
