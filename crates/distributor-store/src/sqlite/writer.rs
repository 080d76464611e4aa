//! The one connection that writes, and its transactions.

use std::collections::HashMap;

use distributor_core::AttemptId;
use rusqlite::{Connection, TransactionBehavior};

use super::batch::BatchWriter;
use super::cache::{Generations, Shared, write_lock};
use super::counters::Counters;
use super::lock::DirectoryLock;
use crate::{Batch, Result};

/// Attempts whose keys are remembered; twice as many at most.
const ATTEMPTS_REMEMBERED: usize = 16 * 1024;

/// What the writer remembers of an attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) key: i64,
    pub(super) state: i64,
    /// Its outcomes are stored apart.
    pub(super) apart: bool,
}

/// The connection, and what is remembered of the file.
pub(super) struct Writer {
    connection: Connection,
    counters: Counters,
    attempts: Generations<AttemptId, Known>,
    // Last, so that it goes last.
    _lock: DirectoryLock,
}

/// A transaction in progress.
pub(super) struct Work<'a> {
    pub(super) connection: &'a Connection,
    pub(super) counters: &'a mut Counters,
    pub(super) attempts: &'a mut Generations<AttemptId, Known>,
}

impl Writer {
    pub(super) fn new(connection: Connection, lock: DirectoryLock) -> Result<Self> {
        Ok(Writer {
            counters: Counters::load(&connection)?,
            connection,
            attempts: Generations::new(ATTEMPTS_REMEMBERED),
            _lock: lock,
        })
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// See [`Store::commit`](crate::Store::commit).
    pub(super) fn commit(&mut self, shared: &Shared, batch: &Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let indexed_before = self.counters.quests_indexed;
        let mut new_quests = HashMap::new();
        let result = self.transaction(|work| {
            let mut writer = BatchWriter {
                connection: work.connection,
                counters: work.counters,
                attempts: work.attempts,
                shared,
                new_quests: &mut new_quests,
            };
            writer.write(batch)?;
            writer.publish_quests()
        });
        if result.is_err() {
            shared.forget_interned();
        }
        if let Some(recent) = &shared.recent {
            match &result {
                Err(_) if !new_quests.is_empty() => {
                    write_lock(recent).retain(|id, _| !new_quests.contains_key(id));
                }
                Ok(()) if self.counters.quests_indexed != indexed_before => {
                    write_lock(recent).clear();
                }
                _ => {}
            }
        }
        result
    }

    /// Runs `work` in a transaction; after an error nothing of it is left, here or in the file.
    pub(super) fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Work<'_>) -> Result<T>,
    ) -> Result<T> {
        if !self.connection.is_autocommit() {
            // A panic left it open.
            self.connection.execute_batch("ROLLBACK")?;
        }
        let before = self.counters;
        let result = Self::run(
            &mut self.connection,
            &mut self.counters,
            &mut self.attempts,
            work,
        );
        if result.is_err() {
            self.counters = self.counters.rolled_back_to(before);
            self.attempts.clear();
        }
        result
    }

    /// Attempts were removed.
    pub(super) fn forget_attempts(&mut self) {
        self.attempts.clear();
    }

    fn run<T>(
        connection: &mut Connection,
        counters: &mut Counters,
        attempts: &mut Generations<AttemptId, Known>,
        work: impl FnOnce(&mut Work<'_>) -> Result<T>,
    ) -> Result<T> {
        let before = *counters;
        // Dropped without a commit it rolls back.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&mut Work {
            connection: &transaction,
            counters,
            attempts,
        })?;
        if *counters != before {
            counters.store(&transaction)?;
        }
        transaction.commit()?;
        Ok(done)
    }
}
