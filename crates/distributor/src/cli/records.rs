//! What commands read: the records of a state directory, or those of a service.
//!
//! Secrets and whatever only a host needs cannot be asked for here.

use std::sync::Arc;

use distributor_core::{AttemptId, QuestId};
use distributor_store::records::{AttemptRecord, DependencyRecord, ExecutionRecord, QuestRecord};
use distributor_store::{AttemptFilter, StateCounts, Store};

use super::exit::Failure;

/// A part of a listing.
#[derive(Debug)]
pub(super) struct Page {
    /// Newest first.
    pub(super) attempts: Vec<AttemptRecord>,
    /// Give this to get the next page; `None` at the end.
    pub(super) next: Option<PageToken>,
}

/// Where a page begins. Only who gave it knows what it means.
#[derive(Debug, Clone)]
pub(super) struct PageToken(pub(super) String);

/// Reads records. Lists come back in the order in which they were asked for, `None` for what does
/// not exist. Blocking.
pub(super) trait Records: Send + Sync {
    fn quests(&self, ids: &[QuestId]) -> Result<Vec<Option<QuestRecord>>, Failure>;

    /// Quests whose id starts with `prefix`, sorted, at most `limit`.
    fn quests_with_prefix(&self, prefix: &str, limit: usize) -> Result<Vec<QuestId>, Failure>;

    /// Attempts, each with its current execution.
    fn attempts(&self, ids: &[AttemptId]) -> Result<Vec<Option<AttemptRecord>>, Failure>;

    /// Numbers of all attempts of a quest, ascending.
    fn attempt_numbers(&self, quest: QuestId) -> Result<Vec<u32>, Failure>;

    /// Number of the newest attempt of each quest, `None` for a quest without any.
    fn newest_attempts(&self, quests: &[QuestId]) -> Result<Vec<Option<u32>>, Failure> {
        let newest = |quest: &QuestId| Ok(self.attempt_numbers(*quest)?.pop());
        quests.iter().map(newest).collect()
    }

    /// Executions, newest first, at most `limit`.
    fn executions(&self, attempt: AttemptId, limit: usize)
    -> Result<Vec<ExecutionRecord>, Failure>;

    fn execution(
        &self,
        attempt: AttemptId,
        number: u32,
    ) -> Result<Option<ExecutionRecord>, Failure>;

    /// What `dependent` depends on.
    fn dependencies(&self, dependent: AttemptId) -> Result<Vec<DependencyRecord>, Failure>;

    /// Who depends on `dependency`, at most `limit`.
    fn dependents(
        &self,
        dependency: AttemptId,
        limit: usize,
    ) -> Result<Vec<DependencyRecord>, Failure>;

    /// A listing, newest first.
    fn list(
        &self,
        filter: AttemptFilter,
        from: Option<PageToken>,
        limit: usize,
    ) -> Result<Page, Failure>;

    /// How many attempts are in each state.
    fn counts(&self) -> Result<StateCounts, Failure>;
}

/// The records of a store in this process.
#[derive(Debug, Clone)]
pub(super) struct Local(pub(super) Arc<dyn Store>);

impl Records for Local {
    fn quests(&self, ids: &[QuestId]) -> Result<Vec<Option<QuestRecord>>, Failure> {
        Ok(self.0.quests(ids)?)
    }

    fn quests_with_prefix(&self, prefix: &str, limit: usize) -> Result<Vec<QuestId>, Failure> {
        Ok(self.0.quests_with_prefix(prefix, limit)?)
    }

    fn attempts(&self, ids: &[AttemptId]) -> Result<Vec<Option<AttemptRecord>>, Failure> {
        Ok(self.0.attempts(ids)?)
    }

    fn attempt_numbers(&self, quest: QuestId) -> Result<Vec<u32>, Failure> {
        Ok(self.0.attempt_numbers(quest)?)
    }

    fn executions(
        &self,
        attempt: AttemptId,
        limit: usize,
    ) -> Result<Vec<ExecutionRecord>, Failure> {
        Ok(self.0.executions(attempt, limit)?)
    }

    fn execution(
        &self,
        attempt: AttemptId,
        number: u32,
    ) -> Result<Option<ExecutionRecord>, Failure> {
        Ok(self.0.execution(attempt, number)?)
    }

    fn dependencies(&self, dependent: AttemptId) -> Result<Vec<DependencyRecord>, Failure> {
        Ok(self.0.dependencies(dependent)?)
    }

    fn dependents(
        &self,
        dependency: AttemptId,
        limit: usize,
    ) -> Result<Vec<DependencyRecord>, Failure> {
        Ok(self.0.dependents(dependency, limit)?)
    }

    fn list(
        &self,
        filter: AttemptFilter,
        from: Option<PageToken>,
        limit: usize,
    ) -> Result<Page, Failure> {
        let before = from.map(|token| token.0.parse()).transpose();
        let before = before.map_err(|_| Failure::Internal("no page token".to_owned()))?;
        let page = self.0.list(filter, before, limit)?;
        Ok(Page {
            attempts: page.attempts,
            next: page.next.map(|next| PageToken(next.to_string())),
        })
    }

    fn counts(&self) -> Result<StateCounts, Failure> {
        Ok(self.0.counts()?)
    }
}
