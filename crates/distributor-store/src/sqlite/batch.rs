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
        self.journal_done(&batch.journal_done)
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
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO attempts
             (key, quest, number, version, state, modified, config_name, wake_at, ready, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        let mut update = self.connection.prepare_cached(
            "UPDATE attempts SET version = ?3, state = ?4, modified = ?5, config_name = ?6,
                    wake_at = ?7, ready = ?8, body = ?9
             WHERE key = ?1 AND version = ?2",
        )?;
        for attempt in attempts {
            let encoded = encoding::attempt(attempt, |snapshot| {
                self.shared.snapshot_key(self.connection, snapshot)
            })?;
            let config_name = self.shared.name_key(self.connection, &attempt.config_name)?;
            let version = integer(attempt.version)?;
            let state = encoding::attempt_state_number(attempt.state);
            let wake_at = attempt.wake_at().map(Timestamp::as_micros);
            let ready = attempt.ready.map(integer).transpose()?;
            self.counters.ready = self.counters.ready.max(ready.unwrap_or(0));
            let apart_before = if version == 0 {
                let Some(quest) = self.find_quest(&attempt.id.quest)? else {
                    return Err(missing(format_args!("quest {}", attempt.id.quest)));
                };
                self.counters.attempt_key += 1;
                let inserted = insert.execute(params![
                    self.counters.attempt_key,
                    quest,
                    attempt.id.number,
                    version + 1,
                    state,
                    attempt.modified.as_micros(),
                    config_name,
                    wake_at,
                    ready,
                    encoded.body,
                ]);
                if inserted.as_ref().is_err_and(is_duplicate) {
                    return Err(conflict(format_args!("attempt {}", attempt.id)));
                }
                inserted?;
                false
            } else {
                let known = self.find_attempt(attempt.id)?;
                let changed = match known {
                    Some(known) => update.execute(params![
                        known.key,
                        version,
                        version + 1,
                        state,
                        attempt.modified.as_micros(),
                        config_name,
                        wake_at,
                        ready,
                        encoded.body,
                    ])?,
                    None => 0,
                };
                let Some(known) = known.filter(|_| changed == 1) else {
                    return Err(conflict(format_args!("attempt {}", attempt.id)));
                };
                self.counters.count(known.state, -1);
                known.apart
            };
            self.counters.count(state, 1);
        }
        Ok(())
    }
}
