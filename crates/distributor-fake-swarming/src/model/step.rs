//! What happens by itself: waits end, bots take tasks, tasks end, bots die with the farm.

use super::outcome::Course;
use super::{Change, End, Model, State, Task, TaskId};
use crate::clock::Micros;

impl Model {
    /// What is due now: first what ends, and only when nothing ends, what begins. To be repeated until it
    /// returns an empty change.
    pub(crate) fn step(&self, now: Micros) -> Change {
        let mut change = Change::default();
        let due = self.timers.iter().take_while(|(at, _)| *at <= now);
        for task in due.filter_map(|(_, id)| self.tasks.get(id)) {
            self.wake(task, now, &mut change);
        }
        if change.is_empty() {
            self.hand_out(now, &mut change);
        }
        change
    }

    fn wake(&self, task: &Task, now: Micros, change: &mut Change) {
        if let Some(kill_running) = task.status.cancel_asked {
            if !self.cancel_one(task, kill_running, now, change) {
                let mut task = task.clone();
                task.status.cancel_asked = None;
                change.put(task, false);
            }
            return;
        }
        let mut task = task.clone();
        match (task.status.state, task.status.planned) {
            (State::Pending, _) => {
                let next = task.status.slice + 1;
                let waits = self.wait_as(&mut task, next, now);
                if !waits {
                    task.end(End::plain(State::Expired), now);
                }
                change.put(task, !waits);
            }
            (State::Running, Some((_, end))) => {
                if task.status.process {
                    change.kills.push(task.id);
                }
                task.end(end, now);
                change.put(task, true);
            }
            _ => {}
        }
    }

    fn hand_out(&self, now: Micros, change: &mut Change) {
        let mut free = self.workers.free();
        for (_, _, id) in &self.line {
            if free.is_empty() {
                break;
            }
            let Some(task) = self.tasks.get(id) else {
                continue;
            };
            let Some(slice) = task.request.slice(task.status.slice) else {
                continue;
            };
            let properties = &slice.properties;
            if self.outcomes.stays_in_line(*id, properties) {
                continue;
            }
            let wanted = &properties.dimensions;
            let Some(found) = free.iter().position(|(_, worker)| worker.has(wanted)) else {
                continue;
            };
            let (bot, _) = free.swap_remove(found);
            let mut task = task.clone();
            if let Some(state) = self.outcomes.ends_in_line(task.id, properties) {
                task.end(End::plain(state), now);
                change.put(task, true);
                continue;
            }
            task.status.state = State::Running;
            task.status.started = Some(now);
            task.status.modified = now;
            task.status.bot = Some(bot.to_owned());
            match self.outcomes.course(&task, properties, now) {
                Course::Process { dies_at } => {
                    task.status.process = true;
                    task.status.planned = dies_at.map(|at| (at, End::plain(State::BotDied)));
                    change.started.push(*id);
                }
                Course::Ends(at, end) => task.status.planned = Some((at, end)),
            }
            change.put(task, true);
        }
    }

    /// A bot says how its task ended. Nothing if the task is over already.
    pub(crate) fn ended(&self, id: TaskId, end: End, now: Micros) -> Change {
        let mut change = Change::default();
        if let Some(task) = self.tasks.get(&id)
            && task.status.state == State::Running
        {
            let mut task = task.clone();
            task.end(end, now);
            change.put(task, true);
        }
        change
    }

    /// The farm was gone for a while, and its bots with it.
    pub(crate) fn after_restart(&self, now: Micros) -> Change {
        let mut change = Change::default();
        let running = self.tasks.values();
        for task in running.filter(|task| task.status.state == State::Running) {
            let mut task = task.clone();
            task.end(End::plain(State::BotDied), now);
            change.put(task, true);
        }
        change
    }

    /// Stops or resumes what the script makes go wrong, for tasks that start from now on.
    pub(crate) fn set_script(&mut self, script: Option<crate::faults::Script>) {
        self.outcomes.script = script;
    }
}
