//! Tasks are cancelled: at once while they wait, by their bots once they run.

use super::{Change, End, Filter, Model, State, StateQuery, Task, TaskId};
use crate::clock::Micros;

/// What a wish to cancel leads to.
#[derive(Debug, Default)]
pub(crate) struct CancelAnswer {
    /// Whether it did anything.
    pub(crate) ok: bool,
    /// Whether the task ran.
    pub(crate) was_running: bool,
    /// What has to be stored for it.
    pub(crate) change: Change,
}

impl Model {
    /// Cancels the task, if it waits, or, with `kill_running`, if it runs and is not being killed; and the
    /// tasks that it asked for. `None` if there is no such task.
    pub(crate) fn cancel(
        &self,
        id: TaskId,
        kill_running: bool,
        now: Micros,
    ) -> Option<CancelAnswer> {
        let task = self.tasks.get(&id)?;
        let mut change = Change::default();
        let ok = self.cancel_one(task, kill_running, now, &mut change);
        let mut family = match ok {
            true => vec![id],
            false => Vec::new(),
        };
        while let Some(parent) = family.pop() {
            for child in self.children.get(&parent).into_iter().flatten() {
                if let Some(child) = self.tasks.get(child) {
                    self.cancel_one(child, kill_running, now, &mut change);
                    family.push(child.id);
                }
            }
        }
        Some(CancelAnswer {
            ok,
            was_running: task.status.state == State::Running,
            change,
        })
    }

    pub(super) fn cancel_one(
        &self,
        task: &Task,
        kill_running: bool,
        now: Micros,
        change: &mut Change,
    ) -> bool {
        let mut task = task.clone();
        match task.status.state {
            State::Pending => task.end(End::plain(State::Canceled), now),
            State::Running if kill_running && !task.status.killing => {
                task.status.killing = true;
                task.status.cancel_asked = None;
                task.status.modified = now;
                let killed_at = self.outcomes.killed_at(now);
                match task.status.planned {
                    _ if task.status.process => change.kills.push(task.id),
                    // A task that is over before its bot hears of the wish ends as it would have.
                    Some((at, _)) if at < killed_at => {}
                    _ => task.status.planned = Some((killed_at, End::plain(State::Killed))),
                }
            }
            _ => return false,
        }
        change.put(task, true);
        true
    }

    /// Notes for the tasks of these tags that they shall be cancelled, which [`Model::step`] then does.
    pub(crate) fn cancel_later(
        &self,
        filter: &Filter,
        limit: usize,
        kill_running: bool,
        now: Micros,
    ) -> Change {
        let mut change = Change::default();
        let state = match kill_running {
            true => StateQuery::PendingRunning,
            false => StateQuery::One(State::Pending),
        };
        let tasks = self.tasks.values().filter(|task| {
            state.admits(task) && filter.admits(task) && task.status.cancel_asked.is_none()
        });
        for task in tasks.take(limit) {
            let mut task = task.clone();
            task.status.cancel_asked = Some(kill_running);
            task.status.modified = now;
            change.put(task, false);
        }
        change
    }
}
