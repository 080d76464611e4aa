//! Reads of single journal rows, and of what the journal holds of notifications.

use rusqlite::params;

use super::error::integer;
use super::read::{Reader, attempt_id, journal_columns};
use crate::notifications::{self, PendingNotifications};
use crate::records::{JournalKind, JournalRecord};
use crate::{Result, encoding};

impl Reader<'_> {
    pub(super) fn journal_rows(&self, ids: &[u64]) -> Result<Vec<Option<JournalRecord>>> {
        match ids {
            [id] => Ok(vec![self.journal_row_by_id(*id)?]),
            _ => self.at_once(|| ids.iter().map(|id| self.journal_row_by_id(*id)).collect()),
        }
    }

    fn journal_row_by_id(&self, id: u64) -> Result<Option<JournalRecord>> {
        self.one(
            concat!(
                "SELECT ",
                journal_columns!(),
                " FROM journal
                       CROSS JOIN attempts ON attempts.key = journal.attempt
                       CROSS JOIN quests ON quests.key = attempts.quest
                 WHERE journal.id = ?1"
            ),
            [integer(id)?],
            |row| self.journal_row(row),
        )
    }

    /// Row by row: the payloads together may be large.
    pub(super) fn pending_notifications(&self) -> Result<Vec<PendingNotifications>> {
        let rows = self.many(
            concat!(
                "SELECT ",
                journal_columns!(),
                " FROM journal NOT INDEXED
                       CROSS JOIN attempts ON attempts.key = journal.attempt
                       CROSS JOIN quests ON quests.key = attempts.quest
                 WHERE kind = ?1"
            ),
            params![encoding::journal_kind_number(
                JournalKind::HandleNotification
            )],
            |row| {
                let execution = attempt_id(row, 1)?.execution(row.get(4)?);
                Ok((execution, self.journal_row(row)?.payload.len()))
            },
        )?;
        Ok(notifications::sum(rows))
    }
}
