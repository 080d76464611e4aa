//! Reads of the dependencies of many attempts in one go.

use distributor_core::AttemptId;
use rusqlite::params;

use super::error::bound;
use super::read::{Reader, attempt_id};
use crate::Result;

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
}
