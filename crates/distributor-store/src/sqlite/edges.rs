//! Reads of dependencies, from both ends.

use distributor_core::AttemptId;
use rusqlite::{Row, params};

use super::error::bound;
use super::read::{Reader, attempt_id};
use crate::records::DependencyRecord;
use crate::{EdgeCursor, EdgePage, Result};

const DEPENDENCIES: &str = "SELECT quests.id, attempts.number
     FROM dependencies CROSS JOIN attempts ON attempts.key = dependency
                       CROSS JOIN quests ON quests.key = attempts.quest
     WHERE dependent = ?1 ORDER BY bit, dependency LIMIT ?2";

const DEPENDENTS: &str = "SELECT quests.id, attempts.number
     FROM dependencies INDEXED BY dependents
                       CROSS JOIN attempts ON attempts.key = dependent
                       CROSS JOIN quests ON quests.key = attempts.quest
     WHERE dependency = ?1 ORDER BY propagated, dependent LIMIT ?2";

impl Reader<'_> {
    pub(super) fn dependencies(&self, dependent: AttemptId) -> Result<Vec<DependencyRecord>> {
        let Some(key) = self.attempt_key(dependent)? else {
            return Ok(Vec::new());
        };
        self.many(
            "SELECT quests.id, attempts.number, bit, for_execution, propagated
             FROM dependencies CROSS JOIN attempts ON attempts.key = dependency
                               CROSS JOIN quests ON quests.key = attempts.quest
             WHERE dependent = ?1 ORDER BY bit, dependency",
            [key],
            |row| {
                Ok(DependencyRecord {
                    dependent,
                    dependency: attempt_id(row, 0)?,
                    bit: row.get(2)?,
                    for_execution: row.get(3)?,
                    propagated: row.get(4)?,
                })
            },
        )
    }

    pub(super) fn dependents(
        &self,
        dependency: AttemptId,
        untold: bool,
        limit: usize,
    ) -> Result<Vec<DependencyRecord>> {
        let Some(key) = self.attempt_key(dependency)? else {
            return Ok(Vec::new());
        };
        self.many(
            "SELECT quests.id, attempts.number, bit, for_execution, propagated
             FROM dependencies CROSS JOIN attempts ON attempts.key = dependent
                               CROSS JOIN quests ON quests.key = attempts.quest
             WHERE dependency = ?1 AND propagated <= ?2
             ORDER BY propagated, dependent LIMIT ?3",
            params![key, !untold, bound(limit)],
            |row| {
                Ok(DependencyRecord {
                    dependent: attempt_id(row, 0)?,
                    dependency,
                    bit: row.get(2)?,
                    for_execution: row.get(3)?,
                    propagated: row.get(4)?,
                })
            },
        )
    }

    pub(super) fn have_untold_dependents(&self, dependencies: &[AttemptId]) -> Result<Vec<bool>> {
        let has = |dependency: &AttemptId| -> Result<bool> {
            let Some(quest) = self.quest_key(&dependency.quest)? else {
                return Ok(false);
            };
            let found = self.one(
                "SELECT 1 FROM attempts CROSS JOIN dependencies ON dependency = attempts.key
                 WHERE quest = ?1 AND number = ?2 AND propagated = 0 LIMIT 1",
                params![quest, dependency.number],
                |_| Ok(()),
            )?;
            Ok(found.is_some())
        };
        // Jobs that need nothing of each other are common, and should not pay.
        let any = self.one("SELECT 1 FROM dependencies LIMIT 1", [], |_| Ok(()))?;
        if any.is_none() {
            return Ok(vec![false; dependencies.len()]);
        }
        self.at_once(|| dependencies.iter().map(has).collect())
    }

    pub(super) fn have_dependencies(
        &self,
        dependent: AttemptId,
        dependencies: &[AttemptId],
    ) -> Result<Vec<bool>> {
        self.at_once(|| {
            let Some(dependent) = self.attempt_key(dependent)? else {
                return Ok(vec![false; dependencies.len()]);
            };
            let has = |dependency: &AttemptId| -> Result<bool> {
                let Some(quest) = self.quest_key(&dependency.quest)? else {
                    return Ok(false);
                };
                let found = self.one(
                    "SELECT 1 FROM attempts CROSS JOIN dependencies
                            ON dependent = ?1 AND dependency = attempts.key
                     WHERE quest = ?2 AND number = ?3",
                    params![dependent, quest, dependency.number],
                    |_| Ok(()),
                )?;
                Ok(found.is_some())
            };
            dependencies.iter().map(has).collect()
        })
    }

    pub(super) fn untold_dependencies_of(
        &self,
        of: &[EdgeCursor],
        limit: usize,
    ) -> Result<Vec<EdgePage>> {
        let page = |cursor: &EdgeCursor| {
            let sql =
                "SELECT quests.id, attempts.number, bit, for_execution, propagated, dependency
                       FROM dependencies CROSS JOIN attempts ON attempts.key = dependency
                                         CROSS JOIN quests ON quests.key = attempts.quest
                       WHERE dependent = ?1 AND dependency > ?2 AND propagated = 0
                       ORDER BY dependency LIMIT ?3";
            self.edge_page(sql, cursor, limit, |row| {
                Ok(DependencyRecord {
                    dependent: cursor.attempt,
                    dependency: attempt_id(row, 0)?,
                    bit: row.get(2)?,
                    for_execution: row.get(3)?,
                    propagated: row.get(4)?,
                })
            })
        };
        self.at_once(|| of.iter().map(page).collect())
    }

    pub(super) fn untold_dependents_of(
        &self,
        of: &[EdgeCursor],
        limit: usize,
    ) -> Result<Vec<EdgePage>> {
        let page = |cursor: &EdgeCursor| {
            let sql = "SELECT quests.id, attempts.number, bit, for_execution, propagated, dependent
                       FROM dependencies CROSS JOIN attempts ON attempts.key = dependent
                                         CROSS JOIN quests ON quests.key = attempts.quest
                       WHERE dependency = ?1 AND propagated = 0 AND dependent > ?2
                       ORDER BY dependent LIMIT ?3";
            self.edge_page(sql, cursor, limit, |row| {
                Ok(DependencyRecord {
                    dependent: attempt_id(row, 0)?,
                    dependency: cursor.attempt,
                    bit: row.get(2)?,
                    for_execution: row.get(3)?,
                    propagated: row.get(4)?,
                })
            })
        };
        self.at_once(|| of.iter().map(page).collect())
    }

    pub(super) fn dependencies_of_each(
        &self,
        dependents: &[AttemptId],
        limit: usize,
    ) -> Result<Vec<Vec<AttemptId>>> {
        self.ends_of_each(DEPENDENCIES, dependents, limit)
    }

    pub(super) fn dependents_of_each(
        &self,
        dependencies: &[AttemptId],
        limit: usize,
    ) -> Result<Vec<Vec<AttemptId>>> {
        self.ends_of_each(DEPENDENTS, dependencies, limit)
    }

    /// The far ends of the edges at each of these attempts.
    fn ends_of_each(
        &self,
        sql: &str,
        attempts: &[AttemptId],
        limit: usize,
    ) -> Result<Vec<Vec<AttemptId>>> {
        let of_one = |attempt: &AttemptId| match self.attempt_key(*attempt)? {
            Some(key) => self.many(sql, params![key, bound(limit)], |row| attempt_id(row, 0)),
            None => Ok(Vec::new()),
        };
        self.at_once(|| attempts.iter().map(of_one).collect())
    }

    /// Rows whose last column is the key that the next page begins after.
    fn edge_page(
        &self,
        sql: &str,
        cursor: &EdgeCursor,
        limit: usize,
        read: impl Fn(&Row<'_>) -> Result<DependencyRecord>,
    ) -> Result<EdgePage> {
        let Some(key) = self.attempt_key(cursor.attempt)? else {
            return Ok(EdgePage::default());
        };
        let one_more = bound(limit.saturating_add(1));
        let rows = self.many(sql, params![key, bound(cursor.after), one_more], |row| {
            Ok((read(row)?, row.get::<_, i64>(5)?.unsigned_abs()))
        })?;
        let more = rows.len() > limit;
        let rows = rows.into_iter().take(limit);
        let (edges, keys): (Vec<DependencyRecord>, Vec<u64>) = rows.unzip();
        Ok(EdgePage {
            next: keys.last().copied().filter(|_| more),
            edges,
        })
    }
}
