//! Reads of many attempts: listings, counts, and what a collection would remove.

use std::time::Duration;

use distributor_core::{QuestId, Timestamp};
use rusqlite::{Params, params};

use super::collect::cutoff;
use super::counters::Counters;
use super::error::bound;
use super::read::{Reader, attempt_columns};
use crate::records::AttemptRecord;
use crate::{AttemptFilter, AttemptPage, Result, StateCounts};

macro_rules! select_attempts {
    ($index:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            attempt_columns!(),
            ", quests.id FROM attempts ",
            $index,
            " CROSS JOIN quests ON quests.key = attempts.quest
              LEFT JOIN outcomes ON outcomes.attempt = attempts.key
              WHERE ",
            $rest
        )
    };
}

impl Reader<'_> {
    pub(super) fn unfinished(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<AttemptRecord>, Option<u64>)> {
        let sql = select_attempts!(
            "INDEXED BY attempts_unfinished",
            "state < 3 AND attempts.key > ?1 ORDER BY attempts.key LIMIT ?2"
        );
        self.page(
            sql,
            params![bound(after), bound(limit.saturating_add(1))],
            limit,
        )
    }

    pub(super) fn list(
        &self,
        filter: AttemptFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<AttemptPage> {
        let sql = match filter.unfinished {
            true => select_attempts!(
                "INDEXED BY attempts_unfinished",
                "state < 3 AND attempts.key < ?1 ORDER BY attempts.key DESC LIMIT ?2"
            ),
            false => select_attempts!(
                "NOT INDEXED",
                "attempts.key < ?1 ORDER BY attempts.key DESC LIMIT ?2"
            ),
        };
        let before = before.map_or(i64::MAX, bound);
        let params = params![before, bound(limit.saturating_add(1))];
        let (attempts, next) = self.page(sql, params, limit)?;
        Ok(AttemptPage { attempts, next })
    }

    /// Reads `limit` rows, and looks whether there is one more.
    fn page(
        &self,
        sql: &str,
        params: impl Params,
        limit: usize,
    ) -> Result<(Vec<AttemptRecord>, Option<u64>)> {
        let mut attempts = Vec::new();
        let mut last = None;
        let mut more = false;
        self.many(sql, params, |row| {
            if attempts.len() == limit {
                more = true;
                return Ok(());
            }
            attempts.push(self.attempt(QuestId::from_bytes(row.get(9)?), row)?);
            last = Some(row.get::<_, i64>(0)?.unsigned_abs());
            Ok(())
        })?;
        Ok((attempts, last.filter(|_| more)))
    }

    pub(super) fn counts(&self) -> Result<StateCounts> {
        Ok(Counters::load(self.connection)?.state_counts())
    }

    /// How many attempts, and quests with them, [`Store::collect`](crate::Store::collect) would
    /// remove.
    pub(super) fn collectable(&self, now: Timestamp, older_than: Duration) -> Result<(u64, u64)> {
        let counted = self.many(
            "WITH doomed AS MATERIALIZED (
                 SELECT key, quest FROM attempts
                 WHERE state >= 3 AND modified <= ?1
                 AND key NOT IN (SELECT attempt FROM journal)
                 AND NOT EXISTS (
                     SELECT 1 FROM dependencies
                     CROSS JOIN attempts AS waiting ON waiting.key = dependent
                     WHERE dependency = attempts.key AND waiting.state < 3))
             SELECT (SELECT count(*) FROM doomed),
                    (SELECT count(*)
                     FROM (SELECT quest, count(*) AS gone FROM doomed GROUP BY quest) AS one
                     WHERE gone = (SELECT count(*) FROM attempts WHERE quest = one.quest))",
            [cutoff(now, older_than)],
            |row| {
                let (attempts, quests): (i64, i64) = (row.get(0)?, row.get(1)?);
                Ok((attempts.unsigned_abs(), quests.unsigned_abs()))
            },
        )?;
        Ok(counted.first().copied().unwrap_or_default())
    }
}
