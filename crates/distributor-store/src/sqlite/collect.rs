//! Removal of old attempts, in steps between which others commit.

use std::collections::HashSet;
use std::time::Duration;

use distributor_core::{QuestId, Timestamp};
use rusqlite::{Connection, OptionalExtension};

use super::cache::{Shared, write_lock};
use super::writer::{Work, Writer};
use super::{SqliteStore, quests};
use crate::{Collected, Result};

/// Attempts that one step looks at.
const STEP: i64 = 512;

/// Pages that one step gives back.
const PAGES: i64 = 1024;

/// The latest moment of change that is old enough, in microseconds.
pub(super) fn cutoff(now: Timestamp, older_than: Duration) -> i64 {
    let age = i64::try_from(older_than.as_micros()).unwrap_or(i64::MAX);
    now.as_micros().saturating_sub(age)
}

/// What one step did.
#[derive(Default)]
struct Step {
    attempts: u64,
    quests: Vec<QuestId>,
    /// Where the next step begins, if there is one.
    next: Option<i64>,
}

/// One attempt that a step looks at.
struct Candidate {
    key: i64,
    quest: i64,
    state: i64,
    modified: i64,
}

impl SqliteStore {
    /// Bytes of the file and its log.
    pub(super) fn size(&self) -> u64 {
        let length = |path: &std::path::Path| path.metadata().map_or(0, |file| file.len());
        let mut log = self.file.clone().into_os_string();
        log.push("-wal");
        length(&self.file) + length(log.as_ref())
    }

    pub(super) fn collect_in_steps(
        &self,
        now: Timestamp,
        older_than: Duration,
    ) -> Result<Collected> {
        let cutoff = cutoff(now, older_than);
        let mut collected = Collected {
            bytes_before: self.size(),
            ..Collected::default()
        };
        let mut next = Some(0);
        while let Some(after) = next {
            let step = self.writer()?.collect_step(&self.shared, after, cutoff)?;
            collected.attempts += step.attempts;
            collected.quests += step.quests.len() as u64;
            next = step.next;
        }
        while self.writer()?.give_back_pages()? {}
        self.writer()?.empty_log()?;
        collected.bytes_after = self.size();
        Ok(collected)
    }
}

impl Writer {
    fn collect_step(&mut self, shared: &Shared, after: i64, cutoff: i64) -> Result<Step> {
        let step = self.transaction(|work| {
            let mut candidates = candidates(work.connection, after)?;
            let next = candidates
                .last()
                .map(|last| last.key)
                .filter(|_| candidates.len() as i64 == STEP);
            candidates.retain(|found| found.state >= 3 && found.modified <= cutoff);
            keep_needed(work.connection, &mut candidates)?;
            remove(work, &candidates)?;
            Ok(Step {
                attempts: candidates.len() as u64,
                quests: remove_childless(work.connection, &candidates)?,
                next,
            })
        })?;
        if step.attempts > 0 {
            self.forget_attempts();
        }
        if let (Some(recent), false) = (&shared.recent, step.quests.is_empty()) {
            let mut recent = write_lock(recent);
            for quest in &step.quests {
                recent.remove(quest);
            }
        }
        Ok(step)
    }

    /// False once there is no more.
    fn give_back_pages(&mut self) -> Result<bool> {
        let free = |connection: &Connection| {
            connection.pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0))
        };
        let connection = self.connection();
        let before = free(connection)?;
        // Each row that is asked for gives one page back, so all must be asked for.
        let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
        let after = free(connection)?;
        Ok(0 < after && after < before)
    }

    /// Moves the log to the file, and cuts both to size; readers in progress may prevent it.
    fn empty_log(&mut self) -> Result<()> {
        self.connection()
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_row| Ok(()))?;
        Ok(())
    }
}

fn candidates(connection: &Connection, after: i64) -> Result<Vec<Candidate>> {
    let mut select = connection.prepare_cached(
        "SELECT key, quest, state, modified FROM attempts WHERE key > ?1 ORDER BY key LIMIT ?2",
    )?;
    let rows = select.query_map([after, STEP], |row| {
        Ok(Candidate {
            key: row.get(0)?,
            quest: row.get(1)?,
            state: row.get(2)?,
            modified: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Drops from the list what an unfinished attempt or the journal needs.
fn keep_needed(connection: &Connection, candidates: &mut Vec<Candidate>) -> Result<()> {
    let (Some(first), Some(last)) = (candidates.first(), candidates.last()) else {
        return Ok(());
    };
    let mut select = connection
        .prepare_cached("SELECT DISTINCT attempt FROM journal WHERE attempt BETWEEN ?1 AND ?2")?;
    let owed = select
        .query_map([first.key, last.key], |row| row.get(0))?
        .collect::<rusqlite::Result<HashSet<i64>>>()?;
    let mut is_needed = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM dependencies
                        CROSS JOIN attempts ON attempts.key = dependent
                        WHERE dependency = ?1 AND state < 3)",
    )?;
    let mut free = Vec::with_capacity(candidates.len());
    for found in candidates.drain(..) {
        if !owed.contains(&found.key)
            && !is_needed.query_row([found.key], |row| row.get::<_, bool>(0))?
        {
            free.push(found);
        }
    }
    *candidates = free;
    Ok(())
}

fn remove(work: &mut Work<'_>, doomed: &[Candidate]) -> Result<()> {
    let removals = [
        "DELETE FROM attempts WHERE key = ?1",
        "DELETE FROM outcomes WHERE attempt = ?1",
        "DELETE FROM executions WHERE attempt = ?1",
        "DELETE FROM dependencies WHERE dependent = ?1",
        "DELETE FROM dependencies WHERE dependency = ?1",
    ];
    for removal in removals {
        let mut delete = work.connection.prepare_cached(removal)?;
        for found in doomed {
            delete.execute([found.key])?;
        }
    }
    for found in doomed {
        work.counters.count(found.state, -1);
    }
    Ok(())
}

/// Removes the quests of these attempts that have no other.
fn remove_childless(connection: &Connection, doomed: &[Candidate]) -> Result<Vec<QuestId>> {
    let mut delete = connection.prepare_cached(
        "DELETE FROM quests
         WHERE key = ?1 AND NOT EXISTS (SELECT 1 FROM attempts WHERE quest = ?1)
         RETURNING id",
    )?;
    let mut removed = Vec::new();
    for found in doomed {
        let id = delete
            .query_row([found.quest], |row| row.get(0).map(QuestId::from_bytes))
            .optional()?;
        if let Some(id) = id {
            quests::remove_indexed(connection, &id, found.quest)?;
            removed.push(id);
        }
    }
    Ok(removed)
}
