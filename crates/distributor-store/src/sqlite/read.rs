//! Reads by id, and what the committer asks between commits.

use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

use distributor_core::{AttemptId, ConfigSnapshot, QuestId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::cache::{Shared, read_lock};
use super::counters::Counters;
use super::error::bound;
use super::quests::{self, PrefixSearch, Recent, RecentIds};
use crate::Result;
use crate::encoding::{AttemptColumns, Decoder};
use crate::records::{AttemptRecord, ExecutionRecord, JournalRecord, QuestRecord};

/// Reads on one connection, for one call.
pub(super) struct Reader<'a> {
    pub(super) connection: &'a Connection,
    shared: &'a Shared,
    /// The recent quests, in a process that does not write.
    recent: OnceCell<Recent>,
}

/// What [`Reader::attempt`] expects in a row, from a join of `attempts` and `outcomes`.
macro_rules! attempt_columns {
    () => {
        "attempts.key, number, version, state, modified, config_name, ready, \
         attempts.body, outcomes.body"
    };
}
pub(super) use attempt_columns;

/// What [`Reader::journal_row`] expects in a row.
macro_rules! journal_columns {
    () => {
        "journal.id, quests.id, attempts.number, kind, execution, due, tries, journal.body"
    };
}
pub(super) use journal_columns;

impl<'a> Reader<'a> {
    pub(super) fn new(connection: &'a Connection, shared: &'a Shared) -> Self {
        Reader {
            connection,
            shared,
            recent: OnceCell::new(),
        }
    }

    /// Runs several statements on one state of the file.
    pub(super) fn at_once<T>(&self, read: impl FnOnce() -> Result<T>) -> Result<T> {
        self.connection.prepare_cached("BEGIN")?.execute([])?;
        let result = read();
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        result
    }

    pub(super) fn quests(&self, ids: &[QuestId]) -> Result<Vec<Option<QuestRecord>>> {
        self.at_once(|| ids.iter().map(|id| self.quest(*id)).collect())
    }

    fn quest(&self, id: QuestId) -> Result<Option<QuestRecord>> {
        let Some(key) = self.quest_key(&id)? else {
            return Ok(None);
        };
        let what = format_args!("quest {id}");
        self.one(
            "SELECT created, description, built_by FROM quests WHERE key = ?1 AND id = ?2",
            params![key, id.as_bytes()],
            |row| {
                self.decode(&what, |decoder| {
                    Ok(QuestRecord {
                        id,
                        desc: decoder.description(row.get_ref(1)?.as_blob().map_err(from_sql)?)?,
                        created: Timestamp::from_micros(row.get(0)?),
                        built_by: decoder.built_by(row.get_ref(2)?.as_blob().map_err(from_sql)?)?,
                    })
                })
            },
        )
    }

    pub(super) fn quest_key(&self, id: &QuestId) -> Result<Option<i64>> {
        // First the recent ones: between the two looks they may move to the index, and never back.
        let recent = match &self.shared.recent {
            Some(recent) => read_lock(recent).get(id).copied(),
            None => self.loaded_recent()?.get(id).copied(),
        };
        match recent {
            Some(key) => Ok(Some(key)),
            None => quests::find_indexed(self.connection, id),
        }
    }

    fn loaded_recent(&self) -> Result<&Recent> {
        if let Some(recent) = self.recent.get() {
            return Ok(recent);
        }
        let loaded = quests::load_recent(self.connection)?;
        Ok(self.recent.get_or_init(|| loaded))
    }

    pub(super) fn quests_with_prefix(&self, prefix: &str, limit: usize) -> Result<Vec<QuestId>> {
        let recent = match &self.shared.recent {
            Some(_) => RecentIds::Shared(self.shared),
            None => RecentIds::Loaded(self.loaded_recent()?),
        };
        let search = PrefixSearch {
            connection: self.connection,
            recent,
            limit,
        };
        search.run(prefix)
    }

    pub(super) fn attempts(&self, ids: &[AttemptId]) -> Result<Vec<Option<AttemptRecord>>> {
        match ids {
            [id] => Ok(vec![self.attempt_by_id(*id)?]),
            _ => self.at_once(|| ids.iter().map(|id| self.attempt_by_id(*id)).collect()),
        }
    }

    fn attempt_by_id(&self, id: AttemptId) -> Result<Option<AttemptRecord>> {
        let Some(quest) = self.quest_key(&id.quest)? else {
            return Ok(None);
        };
        self.one(
            concat!(
                "SELECT ",
                attempt_columns!(),
                " FROM attempts LEFT JOIN outcomes ON outcomes.attempt = attempts.key
                 WHERE quest = ?1 AND number = ?2"
            ),
            params![quest, id.number],
            |row| self.attempt(id.quest, row),
        )
    }

    /// An attempt from a row of [`attempt_columns`].
    pub(super) fn attempt(&self, quest: QuestId, row: &Row<'_>) -> Result<AttemptRecord> {
        let id = quest.attempt(row.get(1)?);
        let columns = AttemptColumns {
            id,
            version: row.get::<_, i64>(2)?.unsigned_abs(),
            state: row.get(3)?,
            modified: Timestamp::from_micros(row.get(4)?),
            config_name: self.shared.name(self.connection, row.get(5)?)?,
            ready: row.get::<_, Option<i64>>(6)?.map(i64::unsigned_abs),
        };
        let body = row.get_ref(7)?.as_blob().map_err(from_sql)?;
        let apart = row.get_ref(8)?.as_blob_or_null().map_err(from_sql)?;
        self.decode(&format_args!("attempt {id}"), |decoder| {
            decoder.attempt(columns, body, apart)
        })
    }

    pub(super) fn attempt_numbers(&self, quest: QuestId) -> Result<Vec<u32>> {
        let Some(quest) = self.quest_key(&quest)? else {
            return Ok(Vec::new());
        };
        self.many(
            "SELECT number FROM attempts WHERE quest = ?1 ORDER BY number",
            [quest],
            |row| Ok(row.get(0)?),
        )
    }

    /// The key of an attempt.
    pub(super) fn attempt_key(&self, id: AttemptId) -> Result<Option<i64>> {
        let Some(quest) = self.quest_key(&id.quest)? else {
            return Ok(None);
        };
        self.one(
            "SELECT key FROM attempts WHERE quest = ?1 AND number = ?2",
            params![quest, id.number],
            |row| Ok(row.get(0)?),
        )
    }

    pub(super) fn executions(&self, id: AttemptId, limit: usize) -> Result<Vec<ExecutionRecord>> {
        self.at_once(|| {
            let Some(key) = self.attempt_key(id)? else {
                return Ok(Vec::new());
            };
            let current = self.attempt_by_id(id)?.and_then(|found| found.execution);
            let mut found: Vec<_> = current.into_iter().take(limit).collect();
            found.extend(self.many(
                "SELECT number, body FROM executions WHERE attempt = ?1
                 ORDER BY number DESC LIMIT ?2",
                params![key, bound(limit - found.len())],
                |row| self.past_execution(id, row),
            )?);
            Ok(found)
        })
    }

    pub(super) fn execution(&self, id: AttemptId, number: u32) -> Result<Option<ExecutionRecord>> {
        self.at_once(|| {
            let Some(key) = self.attempt_key(id)? else {
                return Ok(None);
            };
            let attempt = self.attempt_by_id(id)?;
            let current = attempt
                .and_then(|attempt| attempt.execution)
                .filter(|execution| execution.number == number);
            match current {
                Some(current) => Ok(Some(current)),
                None => self.one(
                    "SELECT number, body FROM executions WHERE attempt = ?1 AND number = ?2",
                    params![key, number],
                    |row| self.past_execution(id, row),
                ),
            }
        })
    }

    fn past_execution(&self, attempt: AttemptId, row: &Row<'_>) -> Result<ExecutionRecord> {
        let id = attempt.execution(row.get(0)?);
        let body = row.get_ref(1)?.as_blob().map_err(from_sql)?;
        self.decode(&format_args!("execution {id}"), |decoder| {
            decoder.execution(body)
        })
    }

    pub(super) fn ready(&self, config_name: &str, limit: usize) -> Result<Vec<AttemptId>> {
        self.many(
            "SELECT quests.id, attempts.number
             FROM attempts INDEXED BY attempts_ready
                  CROSS JOIN quests ON quests.key = attempts.quest
             WHERE config_name = (SELECT key FROM config_names WHERE name = ?1)
                   AND ready IS NOT NULL
             ORDER BY ready, attempts.key LIMIT ?2",
            params![config_name, bound(limit)],
            |row| attempt_id(row, 0),
        )
    }

    pub(super) fn ready_config_names(&self) -> Result<Vec<String>> {
        self.many(
            "SELECT name FROM config_names
             WHERE EXISTS (SELECT 1 FROM attempts INDEXED BY attempts_ready
                           WHERE config_name = config_names.key AND ready IS NOT NULL)
             ORDER BY name",
            [],
            |row| Ok(row.get(0)?),
        )
    }

    pub(super) fn configurations(&self) -> Result<Vec<Arc<ConfigSnapshot>>> {
        self.many(
            "SELECT name, version, config_type, content, dm_host
             FROM config_snapshots ORDER BY key",
            [],
            |row| {
                Ok(Arc::new(ConfigSnapshot {
                    name: row.get(0)?,
                    version: row.get(1)?,
                    config_type: row.get(2)?,
                    content: row.get(3)?,
                    dm_host: row.get(4)?,
                }))
            },
        )
    }

    pub(super) fn due_attempts(&self, now: Timestamp, limit: usize) -> Result<Vec<AttemptId>> {
        self.many(
            "SELECT quests.id, attempts.number
             FROM attempts INDEXED BY attempts_waking
                  CROSS JOIN quests ON quests.key = attempts.quest
             WHERE wake_at IS NOT NULL AND wake_at <= ?1
             ORDER BY wake_at, attempts.key LIMIT ?2",
            params![now.as_micros(), bound(limit)],
            |row| attempt_id(row, 0),
        )
    }

    pub(super) fn due_journal(&self, now: Timestamp, limit: usize) -> Result<Vec<JournalRecord>> {
        self.many(
            concat!(
                "SELECT ",
                journal_columns!(),
                " FROM journal INDEXED BY journal_due
                       CROSS JOIN attempts ON attempts.key = journal.attempt
                       CROSS JOIN quests ON quests.key = attempts.quest
                 WHERE due IS NOT NULL AND due <= ?1 ORDER BY due, journal.id LIMIT ?2"
            ),
            params![now.as_micros(), bound(limit)],
            |row| self.journal_row(row),
        )
    }

    pub(super) fn next_due(&self) -> Result<Option<Timestamp>> {
        let earliest = self.many(
            "SELECT * FROM (SELECT wake_at AS due FROM attempts INDEXED BY attempts_waking
                            WHERE wake_at IS NOT NULL ORDER BY wake_at LIMIT 1)
             UNION ALL
             SELECT * FROM (SELECT due FROM journal INDEXED BY journal_due
                            WHERE due IS NOT NULL ORDER BY due LIMIT 1)",
            [],
            |row| Ok(Timestamp::from_micros(row.get(0)?)),
        )?;
        Ok(earliest.into_iter().min())
    }

    pub(super) fn journal(&self, after: u64, limit: usize) -> Result<Vec<JournalRecord>> {
        self.many(
            concat!(
                "SELECT ",
                journal_columns!(),
                " FROM journal NOT INDEXED
                       CROSS JOIN attempts ON attempts.key = journal.attempt
                       CROSS JOIN quests ON quests.key = attempts.quest
                 WHERE due IS NULL AND journal.id > ?1 ORDER BY journal.id LIMIT ?2"
            ),
            params![bound(after), bound(limit)],
            |row| self.journal_row(row),
        )
    }

    pub(super) fn journal_row(&self, row: &Row<'_>) -> Result<JournalRecord> {
        let id = row.get::<_, i64>(0)?.unsigned_abs();
        let attempt = attempt_id(row, 1)?;
        let body = row.get_ref(7)?.as_blob_or_null().map_err(from_sql)?;
        let what = format_args!("journal row {id} of attempt {attempt}");
        self.decode(&what, |decoder| {
            let (target, payload) = decoder.journal(body)?;
            Ok(JournalRecord {
                id,
                kind: decoder.journal_kind(row.get(3)?)?,
                attempt,
                execution: row.get(4)?,
                due: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_micros),
                tries: row.get(6)?,
                target,
                payload,
            })
        })
    }

    pub(super) fn high_marks(&self) -> Result<(u64, u64)> {
        let counters = Counters::load(self.connection)?;
        Ok((
            counters.journal.unsigned_abs(),
            counters.ready.unsigned_abs(),
        ))
    }

    pub(super) fn decode<T>(
        &self,
        what: &dyn fmt::Display,
        decode: impl FnOnce(&Decoder<'_>) -> Result<T>,
    ) -> Result<T> {
        let snapshots =
            |key| -> Result<Arc<ConfigSnapshot>> { self.shared.snapshot(self.connection, key) };
        decode(&Decoder {
            what,
            snapshots: &snapshots,
        })
    }

    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let row = statement
            .query_row(params, |row| Ok(read(row)))
            .optional()?;
        row.transpose()
    }

    pub(super) fn many<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read(row)?);
        }
        Ok(found)
    }
}

/// An attempt's id from a quest's id at `column` and the number after it.
pub(super) fn attempt_id(row: &Row<'_>, column: usize) -> Result<AttemptId> {
    Ok(QuestId::from_bytes(row.get(column)?).attempt(row.get(column + 1)?))
}

pub(super) fn from_sql(error: rusqlite::types::FromSqlError) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
}
