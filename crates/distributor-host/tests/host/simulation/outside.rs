//! What is true outside of the host: what tasks do, and which calls fail.

use std::collections::HashMap;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{ExecutionId, TaskResult, TaskState, Timestamp, Token};

use crate::support::{Random, Reply, Seen, permanent, secs, started, transient};

/// What the tasks do, decided by the seed and the execution alone.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) refused: bool,
    seconds: u64,
    poll: u64,
    pub(super) end: Option<Status>,
}

impl Plan {
    pub(super) fn of(seed: u64, id: ExecutionId) -> Self {
        let mut hash = seed ^ u64::from(id.number) ^ (u64::from(id.attempt.number) << 32);
        for chunk in id.attempt.quest.as_bytes().chunks(8) {
            let word = chunk
                .iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte));
            hash = Random::new(hash ^ word).next();
        }
        let mut random = Random::new(hash);
        Plan {
            refused: random.one_in(12),
            seconds: random.below(4) * random.below(20),
            poll: 1 + random.below(30),
            end: match random.below(8) {
                0 => Some(Status::Failed),
                1 => Some(Status::Crashed),
                2 => Some(Status::Rejected),
                _ => None,
            },
        }
    }

    fn result(&self) -> TaskResult {
        match self.end {
            Some(status) => TaskResult::abnormal(status, "as planned"),
            None => TaskResult::data("{}"),
        }
    }
}

pub(super) struct Task {
    ends: Timestamp,
    cancelled: bool,
    plan: Plan,
}

impl Task {
    fn state(&self, now: Timestamp) -> TaskState {
        if self.cancelled {
            TaskState::Finished(TaskResult::abnormal(Status::Cancelled, "killed"))
        } else if now >= self.ends {
            TaskState::Finished(self.plan.result())
        } else {
            TaskState::Running
        }
    }
}

/// What is true outside of the host: tasks, and whether calls fail.
pub(super) struct Outside {
    pub(super) random: Random,
    pub(super) calm: bool,
    pub(super) tasks: HashMap<Token, (ExecutionId, Task)>,
}

impl Outside {
    /// A failure, some of the time.
    fn trouble<T>(&mut self) -> Option<Reply<T>> {
        if self.calm {
            return None;
        }
        match self.random.below(12) {
            0 => Some(Reply::Panic),
            1 => Some(Reply::Now(Err(transient("busy").not_applied()))),
            2 => Some(Reply::Now(Err(transient("later").retry_after(secs(3))))),
            _ => None,
        }
    }

    pub(super) fn start(&mut self, seed: u64, seen: &Seen) -> Reply<distributor_core::Started> {
        let id = seen.execution.expect("run has an execution");
        let plan = Plan::of(seed, id);
        if plan.refused {
            return Reply::Now(Err(permanent("refused as planned")));
        }
        let lost = !self.calm && self.random.one_in(10);
        if !lost && let Some(trouble) = self.trouble() {
            return trouble;
        }
        let (token, poll) = (seen.task(), secs(plan.poll));
        let (_, task) = self.tasks.entry(Token(token.clone())).or_insert_with(|| {
            let ends = seen.at.after(secs(plan.seconds));
            (
                id,
                Task {
                    ends,
                    cancelled: false,
                    plan,
                },
            )
        });
        if lost {
            return Reply::Now(Err(transient("lost reply")));
        }
        Reply::Now(Ok(started(&token, poll, task.state(seen.at))))
    }

    pub(super) fn status(&mut self, seen: &Seen) -> Reply<TaskState> {
        if let Some(trouble) = self.trouble() {
            return trouble;
        }
        let token = seen.token.as_ref().expect("a token");
        match self.tasks.get(token) {
            Some((_, task)) => Reply::Now(Ok(task.state(seen.at))),
            None => Reply::Now(Err(permanent("no such task"))),
        }
    }

    pub(super) fn cancel(&mut self, seen: &Seen) -> Reply<()> {
        if let Some(trouble) = self.trouble() {
            return trouble;
        }
        let token = seen.token.as_ref().expect("a token");
        if let Some((_, task)) = self.tasks.get_mut(token) {
            task.cancelled |= task.ends > seen.at;
        }
        Reply::Now(Ok(()))
    }

    pub(super) fn hint(&mut self, seen: &Seen) -> Reply<Option<TaskResult>> {
        if let Some(trouble) = self.trouble() {
            return trouble;
        }
        let task = self.tasks.get(&Token(seen.task()));
        let state = task.map(|(_, task)| task.state(seen.at));
        Reply::Now(Ok(match state {
            Some(TaskState::Finished(result)) => Some(result),
            _ => None,
        }))
    }
}
