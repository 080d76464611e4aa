//! Handing out the rows of one execution one after the other.

use distributor_store::records::{JournalKind, JournalRecord};
use distributor_store::{PendingNotifications, StoreError};

use super::Parked;
use crate::driver::committer::Committer;
use crate::driver::dispatch::{Dispatcher, execution_of};

impl Dispatcher {
    /// The notifications that are stored, after [`Dispatcher::begin_anew`].
    pub(in crate::driver) fn count_notifications(&mut self, stored: Vec<PendingNotifications>) {
        let under_way = &self.under_way;
        self.notifications.recount(stored, under_way);
        self.leased.retain(|row| under_way.contains(row));
    }

    /// The row will not be due any more.
    pub(in crate::driver) fn unlease(&mut self, row: u64) {
        self.leased.remove(&row);
    }

    /// Must this notification wait for another one about the same execution?
    pub(in crate::driver) fn parks(&mut self, row: &JournalRecord) -> bool {
        let id = execution_of(row);
        if row.kind != JournalKind::HandleNotification || !self.notifications.must_wait(&id, row.id)
        {
            return false;
        }
        if row.due.is_some() {
            self.leased.insert(row.id);
        }
        let (row, bytes) = (row.id, row.payload.len());
        self.notifications.park(id, Parked { row, bytes });
        true
    }
}

impl Committer {
    /// Notifications that waited for others about the same execution. Each turn hands them out or
    /// finds them obsolete, so it ends.
    pub(in crate::driver) fn hand_out_parked(&mut self) -> Result<(), StoreError> {
        loop {
            let next = self.dispatcher.notifications.next();
            if next.is_empty() {
                return Ok(());
            }
            let ids: Vec<u64> = next.iter().map(|(_, row)| *row).collect();
            let rows = self.store.journal_rows(&ids)?;
            for ((id, row), found) in next.into_iter().zip(&rows) {
                self.dispatcher.unlease(row);
                if found.is_none() {
                    self.dispatcher.notifications.end_turn(id, row);
                }
            }
            self.hand_out(rows.into_iter().flatten().collect())?;
        }
    }
}
