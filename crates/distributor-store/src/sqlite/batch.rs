//! The statements of a commit, in the order of a batch's fields.

use std::collections::HashMap;

use distributor_core::{AttemptId, QuestId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::cache::{Generations, Shared, read_lock, write_lock};
use super::counters::Counters;
use super::error::{integer, is_duplicate};
use super::quests;
use super::writer::Known;
use crate::encoding::{self, Encoded};
use crate::records::{
    AttemptRecord, DependencyRecord, ExecutionRecord, JournalRecord, QuestRecord,
};
use crate::{Batch, JournalDelay, Result, StoreError};

/// Writes one batch, in a transaction that its owner commits.
pub(super) struct BatchWriter<'a> {
    pub(super) connection: &'a Connection,
    pub(super) counters: &'a mut Counters,
    pub(super) attempts: &'a mut Generations<AttemptId, Known>,
    pub(super) shared: &'a Shared,
    pub(super) new_quests: &'a mut HashMap<QuestId, i64>,
}

impl BatchWriter<'_> {
    pub(super) fn write(&mut self, batch: &Batch) -> Result<()> {
        self.quests(&batch.quests)?;
        self.attempts(&batch.attempts)?;
        self.past_executions(&batch.past_executions)?;
        self.dependencies(&batch.dependencies)?;
        self.journal_added(&batch.journal_added)?;
        self.journal_delayed(&batch.journal_delayed)?;
        self.journal_done(&batch.journal_done)?;
        self.queue(batch)
    }

    /// Shows the new quests to readers, before the commit: it must not be that a reader sees an
    /// attempt and not its quest. Moves the recent ones to the index if there are many.
    pub(super) fn publish_quests(&mut self) -> Result<()> {
        let Some(recent) = &self.shared.recent else {
            return Ok(());
        };
        if self.new_quests.is_empty() {
            return Ok(());
        }
        let mut recent = write_lock(recent);
        recent.extend(self.new_quests.iter().map(|(id, key)| (*id, *key)));
        if recent.len() >= quests::MOST_RECENT {
            quests::index(self.connection, &recent)?;
            self.counters.quests_indexed = self.counters.quest_key;
        }
        Ok(())
    }

    fn quests(&mut self, quests: &[QuestRecord]) -> Result<()> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO quests (key, id, created, description, built_by)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let mut update = self
            .connection
            .prepare_cached("UPDATE quests SET built_by = ?2 WHERE key = ?1")?;
        for quest in quests {
            let built_by = encoding::built_by(&quest.built_by);
            if let Some(key) = self.find_quest(&quest.id)? {
                update.execute(params![key, built_by])?;
                continue;
            }
            self.counters.quest_key += 1;
            insert.execute(params![
                self.counters.quest_key,
                quest.id.as_bytes(),
                quest.created.as_micros(),
                encoding::description(&quest.desc),
                built_by,
            ])?;
            self.new_quests.insert(quest.id, self.counters.quest_key);
        }
        Ok(())
    }

    fn find_quest(&self, id: &QuestId) -> Result<Option<i64>> {
        let recent = self.shared.recent.as_ref();
        let known = self.new_quests.get(id).copied();
        match known.or_else(|| read_lock(recent?).get(id).copied()) {
            Some(key) => Ok(Some(key)),
            None => quests::find_indexed(self.connection, id),
        }
    }

    fn attempts(&mut self, attempts: &[AttemptRecord]) -> Result<()> {
        for attempt in attempts {
            let encoded = encoding::attempt(attempt, |snapshot| {
                self.shared.snapshot_key(self.connection, snapshot)
            })?;
            let known = match attempt.version {
                0 => self.insert_attempt(attempt, &encoded)?,
                _ => self.update_attempt(attempt, &encoded)?,
            };
            if let Some(ready) = attempt.ready {
                self.counters.ready = self.counters.ready.max(integer(ready)?);
            }
            self.attempts.insert(attempt.id, known);
        }
        Ok(())
    }

    fn insert_attempt(&mut self, attempt: &AttemptRecord, encoded: &Encoded) -> Result<Known> {
        let Some(quest) = self.find_quest(&attempt.id.quest)? else {
            return Err(missing(format_args!("quest {}", attempt.id.quest)));
        };
        self.counters.attempt_key += 1;
        let known = Known {
            key: self.counters.attempt_key,
            state: encoding::attempt_state_number(attempt.state),
            apart: encoded.outcomes.is_some(),
        };
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO attempts
             (key, version, state, modified, config_name, wake_at, ready, body, quest, number)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        let inserted = insert.execute(params![
            known.key,
            1,
            known.state,
            attempt.modified.as_micros(),
            self.shared
                .name_key(self.connection, &attempt.config_name)?,
            attempt.wake_at().map(Timestamp::as_micros),
            attempt.ready.map(integer).transpose()?,
            encoded.body,
            quest,
            attempt.id.number,
        ]);
        if inserted.as_ref().is_err_and(is_duplicate) {
            return Err(conflict(format_args!("attempt {}", attempt.id)));
        }
        inserted?;
        self.put_outcomes(known.key, false, encoded)?;
        self.counters.count(known.state, 1);
        Ok(known)
    }

    fn update_attempt(&mut self, attempt: &AttemptRecord, encoded: &Encoded) -> Result<Known> {
        let conflict = || conflict(format_args!("attempt {}", attempt.id));
        let before = self.find_attempt(attempt.id)?.ok_or_else(conflict)?;
        let known = Known {
            key: before.key,
            state: encoding::attempt_state_number(attempt.state),
            apart: encoded.outcomes.is_some(),
        };
        let version = integer(attempt.version)?;
        let mut update = self.connection.prepare_cached(
            "UPDATE attempts SET version = ?2, state = ?3, modified = ?4, config_name = ?5,
                    wake_at = ?6, ready = ?7, body = ?8
             WHERE key = ?1 AND version = ?9",
        )?;
        let updated = update.execute(params![
            known.key,
            version + 1,
            known.state,
            attempt.modified.as_micros(),
            self.shared
                .name_key(self.connection, &attempt.config_name)?,
            attempt.wake_at().map(Timestamp::as_micros),
            attempt.ready.map(integer).transpose()?,
            encoded.body,
            version,
        ])?;
        if updated == 0 {
            return Err(conflict());
        }
        self.put_outcomes(known.key, before.apart, encoded)?;
        self.counters.count(before.state, -1);
        self.counters.count(known.state, 1);
        Ok(known)
    }

    /// Writes outcomes that are stored apart, if they changed: comparing costs less than writing.
    fn put_outcomes(&self, attempt: i64, apart_before: bool, encoded: &Encoded) -> Result<()> {
        let Some(outcomes) = &encoded.outcomes else {
            if apart_before {
                self.connection
                    .prepare_cached("DELETE FROM outcomes WHERE attempt = ?1")?
                    .execute([attempt])?;
            }
            return Ok(());
        };
        if apart_before {
            let is_same = self
                .connection
                .prepare_cached("SELECT body = ?2 FROM outcomes WHERE attempt = ?1")?
                .query_row(params![attempt, outcomes], |row| row.get(0))
                .optional()?;
            if is_same == Some(true) {
                return Ok(());
            }
        }
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO outcomes (attempt, body) VALUES (?1, ?2)")?
            .execute(params![attempt, outcomes])?;
        Ok(())
    }

    fn find_attempt(&mut self, id: AttemptId) -> Result<Option<Known>> {
        if let Some(known) = self.attempts.get(&id) {
            return Ok(Some(*known));
        }
        let Some(quest) = self.find_quest(&id.quest)? else {
            return Ok(None);
        };
        let known = self
            .connection
            .prepare_cached(
                "SELECT key, state, EXISTS (SELECT 1 FROM outcomes WHERE attempt = key)
                 FROM attempts WHERE quest = ?1 AND number = ?2",
            )?
            .query_row(params![quest, id.number], |row| {
                Ok(Known {
                    key: row.get(0)?,
                    state: row.get(1)?,
                    apart: row.get(2)?,
                })
            })
            .optional()?;
        if let Some(known) = known {
            self.attempts.insert(id, known);
        }
        Ok(known)
    }

    fn attempt_key(&mut self, id: AttemptId) -> Result<i64> {
        let known = self.find_attempt(id)?;
        known
            .map(|known| known.key)
            .ok_or_else(|| missing(format_args!("attempt {id}")))
    }

    fn past_executions(&mut self, executions: &[(AttemptId, ExecutionRecord)]) -> Result<()> {
        for (attempt, execution) in executions {
            let attempt = self.attempt_key(*attempt)?;
            let config = self
                .shared
                .snapshot_key(self.connection, &execution.config)?;
            self.connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO executions (attempt, number, body) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![
                    attempt,
                    execution.number,
                    encoding::execution(execution, config)
                ])?;
        }
        Ok(())
    }

    fn dependencies(&mut self, dependencies: &[DependencyRecord]) -> Result<()> {
        for dependency in dependencies {
            let dependent = self.attempt_key(dependency.dependent)?;
            let needed = self.attempt_key(dependency.dependency)?;
            self.connection
                .prepare_cached(
                    "INSERT INTO dependencies
                     (dependent, dependency, bit, for_execution, propagated)
                     VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (dependent, dependency) DO UPDATE SET
                     bit = ?3, for_execution = ?4, propagated = ?5",
                )?
                .execute(params![
                    dependent,
                    needed,
                    dependency.bit,
                    dependency.for_execution,
                    dependency.propagated
                ])?;
        }
        Ok(())
    }

    fn journal_added(&mut self, rows: &[JournalRecord]) -> Result<()> {
        let connection = self.connection;
        let mut insert = connection.prepare_cached(
            "INSERT INTO journal (id, attempt, kind, execution, due, tries, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        for row in rows {
            let config = match &row.target {
                Some((config, _)) => Some(self.shared.snapshot_key(connection, config)?),
                None => None,
            };
            let id = integer(row.id)?;
            let inserted = insert.execute(params![
                id,
                self.attempt_key(row.attempt)?,
                encoding::journal_kind_number(row.kind),
                row.execution,
                row.due.map(Timestamp::as_micros),
                row.tries,
                encoding::journal(row, config),
            ]);
            if inserted.as_ref().is_err_and(is_duplicate) {
                return Err(conflict(format_args!("journal row {id}")));
            }
            inserted?;
            self.counters.journal = self.counters.journal.max(id);
        }
        Ok(())
    }

    fn journal_delayed(&self, delays: &[JournalDelay]) -> Result<()> {
        let mut update = self
            .connection
            .prepare_cached("UPDATE journal SET due = ?2, tries = ?3 WHERE id = ?1")?;
        for delay in delays {
            update.execute(params![
                integer(delay.id)?,
                delay.due.as_micros(),
                delay.tries
            ])?;
        }
        Ok(())
    }

    fn journal_done(&self, ids: &[u64]) -> Result<()> {
        let mut delete = self
            .connection
            .prepare_cached("DELETE FROM journal WHERE id = ?1")?;
        for id in ids {
            delete.execute([integer(*id)?])?;
        }
        Ok(())
    }
}

fn missing(what: std::fmt::Arguments<'_>) -> StoreError {
    let what = what.to_string();
    StoreError::Missing { what }
}

pub(super) fn conflict(what: std::fmt::Arguments<'_>) -> StoreError {
    let what = what.to_string();
    StoreError::Conflict { what }
}
