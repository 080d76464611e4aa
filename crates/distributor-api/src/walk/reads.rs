//! Reads for many attempts at once. One record that cannot be read spoils no other.

use std::fmt::Debug;

use distributor_core::{AttemptId, QuestId};
use distributor_store::records::{AttemptRecord, ExecutionRecord, QuestRecord};
use distributor_store::{Result, Store};

/// Reads of one walk.
pub(super) struct Reads<'a> {
    store: &'a dyn Store,
    /// Something could not be read.
    pub(super) had_errors: bool,
}

impl<'a> Reads<'a> {
    pub(super) fn new(store: &'a dyn Store) -> Self {
        Reads {
            store,
            had_errors: false,
        }
    }

    /// Attempts; `None` for one that cannot be read, `Some(None)` for one that does not exist.
    pub(super) fn attempts(&mut self, ids: &[AttemptId]) -> Vec<Option<Option<AttemptRecord>>> {
        self.each(ids, |store, ids| store.attempts(ids))
    }

    /// Quests, like [`Reads::attempts`].
    pub(super) fn quests(&mut self, ids: &[QuestId]) -> Vec<Option<Option<QuestRecord>>> {
        self.each(ids, |store, ids| store.quests(ids))
    }

    /// What each depends on, at most `limit` for each; `None` if that cannot be read.
    pub(super) fn dependencies(
        &mut self,
        ids: &[AttemptId],
        limit: usize,
    ) -> Vec<Option<Vec<AttemptId>>> {
        self.each(ids, |store, ids| store.dependencies_of_each(ids, limit))
    }

    /// What depends on each, like [`Reads::dependencies`].
    pub(super) fn dependents(
        &mut self,
        ids: &[AttemptId],
        limit: usize,
    ) -> Vec<Option<Vec<AttemptId>>> {
        self.each(ids, |store, ids| store.dependents_of_each(ids, limit))
    }

    /// Does `dependent` depend on each of these? Not, if that cannot be read.
    pub(super) fn have_dependencies(
        &mut self,
        dependent: AttemptId,
        dependencies: &[AttemptId],
    ) -> Vec<bool> {
        let read = self.store.have_dependencies(dependent, dependencies);
        self.usable(&dependent, read).unwrap_or_default()
    }

    /// The newest executions of an attempt; `None` if they cannot be read.
    pub(super) fn executions(
        &mut self,
        id: AttemptId,
        limit: usize,
    ) -> Option<Vec<ExecutionRecord>> {
        let read = self.store.executions(id, limit);
        self.usable(&id, read)
    }

    /// Numbers of all attempts of a quest; `None` if they cannot be read.
    pub(super) fn attempt_numbers(&mut self, id: QuestId) -> Option<Vec<u32>> {
        let read = self.store.attempt_numbers(id);
        self.usable(&id, read)
    }

    fn each<K: Debug, V>(
        &mut self,
        keys: &[K],
        read: impl Fn(&dyn Store, &[K]) -> Result<Vec<V>>,
    ) -> Vec<Option<V>> {
        if keys.is_empty() {
            return Vec::new();
        }
        if let Ok(found) = read(self.store, keys) {
            return found.into_iter().map(Some).collect();
        }
        let one = |key: &K| {
            let found = read(self.store, std::slice::from_ref(key));
            self.usable(key, found)?.into_iter().next()
        };
        keys.iter().map(one).collect()
    }

    fn usable<T>(&mut self, key: &dyn Debug, read: Result<T>) -> Option<T> {
        match read {
            Ok(found) => Some(found),
            Err(error) => {
                tracing::error!(?key, %error, "part of the graph cannot be read");
                self.had_errors = true;
                None
            }
        }
    }
}
