//! A task is asked for: a new one, or the one that the same request got before.

use std::sync::Arc;

use super::{Change, End, Model, Slice, State, Status, Task, TaskId, TaskRequest};
use crate::clock::{Micros, SECOND};

/// How long a `request_uuid` is remembered.
const REMEMBERED: Micros = 7 * 24 * 3600 * SECOND;

/// What a request for a task leads to.
#[derive(Debug)]
pub(crate) struct CreateAnswer {
    /// The task.
    pub(crate) id: TaskId,
    /// What has to be stored for it.
    pub(crate) change: Change,
    /// Whether it was there before.
    pub(crate) known: bool,
}

impl Model {
    /// Whether the request names a task that does not run, or a fate that there is not.
    ///
    /// # Errors
    /// With the reason for which the request is refused.
    pub(crate) fn examine(&self, request: &TaskRequest) -> Result<(), String> {
        if let Some(parent) = request.parent
            && !self.tasks.contains_key(&parent)
        {
            return Err(format!("parent_task_id: there is no task {parent}"));
        }
        for slice in &request.slices {
            self.outcomes.bound_for(&slice.properties, 0)?;
        }
        Ok(())
    }

    /// Makes the task, or finds the one that this caller got for this `request_uuid`; the rest of the
    /// request is not compared then.
    pub(crate) fn create(&self, request: TaskRequest, now: Micros) -> CreateAnswer {
        if let Some(task) = self.same_request(&request, now) {
            let mut task = task.clone();
            task.status.asked += 1;
            let mut change = Change::default();
            let id = task.id;
            change.put(task, false);
            return CreateAnswer {
                id,
                change,
                known: true,
            };
        }
        let last = self.tasks.last_key_value();
        let id = TaskId::numbered(last.map_or(0, |(id, _)| id.number()) + 1);
        let task = self.new_task(id, request, now);
        let mut change = Change::default();
        // Nobody is told that a task waits, only that it does not.
        let notice = task.status.state.is_final();
        change.put(task, notice);
        CreateAnswer {
            id,
            change,
            known: false,
        }
    }

    fn same_request(&self, request: &TaskRequest, now: Micros) -> Option<&Task> {
        let uuid = request.request_uuid.clone()?;
        let id = self.asked.get(&(request.caller.clone(), uuid))?;
        let task = self.tasks.get(id)?;
        (now.saturating_sub(task.status.created) <= REMEMBERED).then_some(task)
    }

    fn new_task(&self, id: TaskId, request: TaskRequest, now: Micros) -> Task {
        let mut task = Task {
            id,
            request: Arc::new(request),
            status: Status {
                state: State::Pending,
                slice: 0,
                created: now,
                expires: now,
                started: None,
                completed: None,
                abandoned: None,
                modified: now,
                bot: None,
                exit_code: None,
                internal_failure: false,
                killing: false,
                cancel_asked: None,
                process: false,
                planned: None,
                asked: 1,
            },
        };
        if !self.wait_as(&mut task, 0, now) {
            task.end(End::plain(State::NoResource), now);
        }
        task
    }

    /// Makes the task wait as its first slice from `slice` on that has a chance; false if none has.
    pub(super) fn wait_as(&self, task: &mut Task, slice: usize, now: Micros) -> bool {
        let number = task.id.number();
        let request = task.request.clone();
        let chance = |slice: &Slice| {
            let bound_for = self.outcomes.bound_for(&slice.properties, number);
            match bound_for {
                Ok(Some(State::NoResource)) => false,
                _ => slice.wait_for_capacity || self.workers.could_run(&slice.properties),
            }
        };
        let mut rest = request.slices.iter().enumerate().skip(slice);
        match rest.find(|(_, slice)| chance(slice)) {
            Some((number, slice)) => {
                task.status.slice = number;
                task.status.modified = now;
                task.status.expires =
                    now.saturating_add(slice.expiration_secs.saturating_mul(SECOND));
                true
            }
            None => false,
        }
    }
}
