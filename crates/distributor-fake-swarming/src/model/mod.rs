//! Tasks and bots, and what happens to them: no wire, no store, no waiting.
//!
//! Every operation looks at the model and returns a [`Change`]. Whoever holds the model stores it, with
//! the notices that are due for it, and only then applies it: nothing is seen that could be lost.

mod cancel;
mod create;
mod listing;
mod outcome;
mod request;
mod state;
mod step;
mod task;
#[cfg(test)]
mod tests;
mod workers;

pub use listing::{Filter, Page, Sort, StateQuery};
pub use request::{
    Cache, CipdInput, CipdPackage, Digest, InputRoot, Notify, Properties, Secret, Slice,
    TaskRequest,
};
pub use state::State;
pub use task::{End, Status, Task, TaskId};

pub(crate) use outcome::{Outcomes, missing_packages};
pub(crate) use workers::Worker;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::clock::Micros;
use crate::settings::Bot;
use workers::Workers;

/// All that a farm knows of its tasks.
#[derive(Debug)]
pub struct Model {
    tasks: BTreeMap<TaskId, Task>,
    workers: Workers,
    pools: BTreeSet<String>,
    outcomes: Outcomes,
    /// The pending ones, soonest first.
    line: BTreeSet<(i64, Micros, TaskId)>,
    /// When something happens to a task by itself.
    timers: BTreeSet<(Micros, TaskId)>,
    /// Who asked with which request id, and what he got.
    asked: HashMap<(String, String), TaskId>,
    children: HashMap<TaskId, Vec<TaskId>>,
}

/// What an operation makes of some tasks.
#[derive(Debug, Default)]
pub struct Change {
    /// The tasks as they are from now on.
    pub tasks: Vec<Task>,
    /// Of which a notice is due, in this order.
    pub notices: Vec<TaskId>,
    /// Which ones a bot now has to run.
    pub started: Vec<TaskId>,
    /// Which running ones their bots have to kill.
    pub kills: Vec<TaskId>,
}

impl Change {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    fn put(&mut self, task: Task, notice: bool) {
        if notice {
            self.notices.push(task.id);
        }
        self.tasks.push(task);
    }
}

impl Model {
    pub(crate) fn new(bots: &[Bot], pools: &[String], outcomes: Outcomes) -> Self {
        let workers = Workers::new(bots);
        let pools = workers.pools().chain(pools.iter().cloned()).collect();
        Model {
            tasks: BTreeMap::new(),
            workers,
            pools,
            outcomes,
            line: BTreeSet::new(),
            timers: BTreeSet::new(),
            asked: HashMap::new(),
            children: HashMap::new(),
        }
    }

    /// The task, if there is one.
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(&id)
    }

    /// All tasks, oldest first.
    pub fn tasks(&self) -> impl DoubleEndedIterator<Item = &Task> {
        self.tasks.values()
    }

    pub(crate) fn workers(&self) -> &Workers {
        &self.workers
    }

    pub(crate) fn has_pool(&self, pool: &str) -> bool {
        self.pools.contains(pool)
    }

    /// The pools that tasks may name.
    pub(crate) fn pools(&self) -> impl Iterator<Item = &str> {
        self.pools.iter().map(String::as_str)
    }

    /// When there next is something to do by itself.
    pub fn next_timer(&self) -> Option<Micros> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Takes over what an operation of this model returned.
    pub fn apply(&mut self, change: Change) {
        for task in change.tasks {
            self.put(task);
        }
    }

    /// Takes over a task as it was stored, or as it is from now on.
    pub(crate) fn put(&mut self, task: Task) {
        let id = task.id;
        let former = self.tasks.remove(&id);
        match &former {
            Some(former) => self.forget(former),
            None => self.introduce(&task),
        }
        match task.status.state {
            State::Pending => {
                self.line.insert(place(&task));
            }
            State::Running => {
                if let Some(bot) = &task.status.bot {
                    self.workers.occupy(bot, id);
                }
            }
            _ => {}
        }
        if let Some(at) = task.wake_at() {
            self.timers.insert((at, id));
        }
        self.tasks.insert(id, task);
    }

    fn introduce(&mut self, task: &Task) {
        if let Some(uuid) = &task.request.request_uuid {
            let key = (task.request.caller.clone(), uuid.clone());
            self.asked.insert(key, task.id);
        }
        if let Some(parent) = task.request.parent {
            self.children.entry(parent).or_default().push(task.id);
        }
    }

    fn forget(&mut self, task: &Task) {
        self.line.remove(&place(task));
        if let Some(at) = task.wake_at() {
            self.timers.remove(&(at, task.id));
        }
        if let Some(bot) = &task.status.bot {
            self.workers.release(bot, task.id);
        }
    }
}

/// Its place in the line: by priority, then by age.
fn place(task: &Task) -> (i64, Micros, TaskId) {
    (task.request.priority, task.status.created, task.id)
}
