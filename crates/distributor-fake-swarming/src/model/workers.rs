//! The bots: what each has, and what it is at.

use std::collections::BTreeMap;

use super::{Properties, TaskId};
use crate::settings::Bot;

/// A bot.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    /// What it has, its `id` among it.
    pub(crate) dimensions: BTreeMap<String, Vec<String>>,
    /// What it runs.
    pub(crate) task: Option<TaskId>,
}

impl Worker {
    /// Whether it has all that is asked for.
    pub(crate) fn has(&self, asked: &[(String, String)]) -> bool {
        asked.iter().all(|(key, values)| {
            let mine = self.dimensions.get(key);
            mine.is_some_and(|mine| {
                let mut either = values.split('|');
                either.any(|value| mine.iter().any(|one| one == value))
            })
        })
    }
}

/// All bots, by id.
#[derive(Debug)]
pub(crate) struct Workers {
    all: BTreeMap<String, Worker>,
}

impl Workers {
    pub(super) fn new(bots: &[Bot]) -> Self {
        let all = bots.iter().map(|bot| {
            let mut dimensions = bot.dimensions.clone();
            dimensions.insert("id".to_owned(), vec![bot.id.clone()]);
            let worker = Worker {
                dimensions,
                task: None,
            };
            (bot.id.clone(), worker)
        });
        Workers { all: all.collect() }
    }

    pub(super) fn pools(&self) -> impl Iterator<Item = String> + '_ {
        let dimensions = self.all.values().map(|worker| &worker.dimensions);
        dimensions
            .filter_map(|dimensions| dimensions.get("pool"))
            .flatten()
            .cloned()
    }

    /// All of them, by id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Worker)> {
        self.all.iter().map(|(id, worker)| (id.as_str(), worker))
    }

    /// The bot of this id.
    pub(crate) fn get(&self, id: &str) -> Option<&Worker> {
        self.all.get(id)
    }

    /// Whether a bot has all this, busy or not.
    pub(super) fn could_run(&self, properties: &Properties) -> bool {
        let mut all = self.all.values();
        all.any(|worker| worker.has(&properties.dimensions))
    }

    /// The free ones.
    pub(super) fn free(&self) -> Vec<(&str, &Worker)> {
        self.iter()
            .filter(|(_, worker)| worker.task.is_none())
            .collect()
    }

    pub(super) fn occupy(&mut self, id: &str, task: TaskId) {
        if let Some(worker) = self.all.get_mut(id) {
            worker.task = Some(task);
        }
    }

    pub(super) fn release(&mut self, id: &str, task: TaskId) {
        if let Some(worker) = self.all.get_mut(id)
            && worker.task == Some(task)
        {
            worker.task = None;
        }
    }
}
