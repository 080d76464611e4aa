//! Finds tasks by state, tags and time, a page at a time.

use super::{Model, State, Task, TaskId};
use crate::clock::Micros;

/// Which states are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StateQuery {
    /// Any.
    #[default]
    All,
    /// This one.
    One(State),
    /// Not over.
    PendingRunning,
    /// Ran to its end with exit code 0.
    Success,
    /// Ran to its end with another exit code.
    Failure,
    /// Took another task's result, which no task here does.
    Deduped,
}

impl StateQuery {
    /// By its name on the wire.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ALL" => StateQuery::All,
            "PENDING_RUNNING" => StateQuery::PendingRunning,
            "COMPLETED_SUCCESS" => StateQuery::Success,
            "COMPLETED_FAILURE" => StateQuery::Failure,
            "DEDUPED" => StateQuery::Deduped,
            name => StateQuery::One(State::named(name)?),
        })
    }

    /// Whether the task is one of these.
    pub fn admits(self, task: &Task) -> bool {
        let state = task.status.state;
        match self {
            StateQuery::All => true,
            StateQuery::One(one) => state == one,
            StateQuery::PendingRunning => !state.is_final(),
            StateQuery::Success => state == State::Completed && !task.failure(),
            StateQuery::Failure => state == State::Completed && task.failure(),
            StateQuery::Deduped => false,
        }
    }
}

/// Which time orders a list, the newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// When it was asked for.
    #[default]
    Created,
    /// When it was over.
    Completed,
    /// When it was given up.
    Abandoned,
    /// When it began to run.
    Started,
}

impl Sort {
    /// By its name on the wire.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "CREATED_TS" => Sort::Created,
            "COMPLETED_TS" => Sort::Completed,
            "ABANDONED_TS" => Sort::Abandoned,
            "STARTED_TS" => Sort::Started,
            _ => return None,
        })
    }

    fn key(self, task: &Task) -> Option<Micros> {
        match self {
            Sort::Created => Some(task.status.created),
            Sort::Completed => task.status.completed,
            Sort::Abandoned => task.status.abandoned,
            Sort::Started => task.status.started,
        }
    }
}

/// Which tasks are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In which states.
    pub state: StateQuery,
    /// With all of these.
    pub tags: Vec<String>,
    /// Not before, by creation.
    pub start: Option<Micros>,
    /// Before, by creation.
    pub end: Option<Micros>,
}

impl Filter {
    /// Whether the task is one of these.
    pub fn admits(&self, task: &Task) -> bool {
        let created = task.status.created;
        let tags = &task.request.tags;
        self.state.admits(task)
            && self.start.is_none_or(|start| created >= start)
            && self.end.is_none_or(|end| created < end)
            && self.tags.iter().all(|tag| tags.contains(tag))
    }
}

/// Some of the tasks that were asked for.
#[derive(Debug)]
pub struct Page<'a> {
    /// The tasks.
    pub tasks: Vec<&'a Task>,
    /// Where the next page begins, if there is one.
    pub next: Option<(Micros, TaskId)>,
}

impl Model {
    /// At most `limit` tasks, the newest first, from `from` on.
    pub fn list(
        &self,
        filter: &Filter,
        sort: Sort,
        from: Option<(Micros, TaskId)>,
        limit: usize,
    ) -> Page<'_> {
        let tasks = self.tasks.values().filter(|task| filter.admits(task));
        let mut found: Vec<(Micros, TaskId, &Task)> = tasks
            .filter_map(|task| Some((sort.key(task)?, task.id, task)))
            .filter(|(at, id, _)| from.is_none_or(|from| (*at, *id) <= from))
            .collect();
        found.sort_unstable_by_key(|(at, id, _)| std::cmp::Reverse((*at, *id)));
        let next = found.get(limit).map(|(at, id, _)| (*at, *id));
        found.truncate(limit);
        Page {
            tasks: found.into_iter().map(|(_, _, task)| task).collect(),
            next,
        }
    }

    /// How many there are.
    pub fn count(&self, filter: &Filter) -> usize {
        let tasks = self.tasks.values();
        tasks.filter(|task| filter.admits(task)).count()
    }
}
