//! A task: what was asked, and how it stands.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{State, TaskRequest};
use crate::clock::{Micros, SECOND};

/// Names a task. Its text is hexadecimal and ends in 0; the run of the task has the same text with a 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskId(u64);

impl TaskId {
    /// Makes the texts as long as the ones of a farm.
    const FIRST: u64 = 0x5f3_0000_0000_0000;

    /// The id of the `n`th task, from 1.
    pub fn numbered(n: u64) -> Self {
        TaskId(Self::FIRST.saturating_add(n))
    }

    /// Which task it is, from 1.
    pub fn number(self) -> u64 {
        self.0.saturating_sub(Self::FIRST)
    }

    /// From the task's or its run's text; `None` if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        if text.len() > 16 || !text.bytes().all(|byte| lower(&byte)) {
            return None;
        }
        let (number, run) = text.split_at_checked(text.len().checked_sub(1)?)?;
        if !matches!(run, "0" | "1") {
            return None;
        }
        u64::from_str_radix(number, 16).ok().map(TaskId)
    }

    /// The run's text.
    pub fn run(self) -> String {
        format!("{:x}1", self.0)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}0", self.0)
    }
}

/// How a task ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Its final state.
    pub state: State,
    /// If it ran.
    pub exit_code: Option<i64>,
    /// Whether it was the farm's fault.
    pub internal_failure: bool,
}

/// How a task stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its state.
    pub state: State,
    /// Which slice it waits for or runs as.
    pub slice: usize,
    /// When it was asked for.
    pub created: Micros,
    /// When the wait for the current slice ends.
    pub expires: Micros,
    /// When a bot took it.
    pub started: Option<Micros>,
    /// When it was over, if it ran.
    pub completed: Option<Micros>,
    /// When it was given up.
    pub abandoned: Option<Micros>,
    /// When it last changed.
    pub modified: Micros,
    /// The bot that runs or ran it.
    pub bot: Option<String>,
    /// If it ran to its end.
    pub exit_code: Option<i64>,
    /// Whether it was the farm's fault.
    pub internal_failure: bool,
    /// Whether its bot was told to kill it.
    pub killing: bool,
    /// What it was asked by tags to end as: whether also if it runs.
    pub cancel_asked: Option<bool>,
    /// Whether it is a process of this machine.
    pub process: bool,
    /// How and when it ends by itself; for a process, when its bot dies.
    pub planned: Option<(Micros, End)>,
    /// How many requests were answered with it.
    pub asked: u64,
}

/// A task.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// What was asked.
    pub request: Arc<TaskRequest>,
    /// How it stands.
    pub status: Status,
}

impl Task {
    /// When something happens to it by itself.
    pub(super) fn wake_at(&self) -> Option<Micros> {
        let status = &self.status;
        let by_itself = match status.state {
            State::Pending => Some(status.expires),
            State::Running => status.planned.map(|(at, _)| at),
            _ => return None,
        };
        match status.cancel_asked {
            Some(_) => Some(status.modified),
            None => by_itself,
        }
    }

    /// Ends it.
    pub(super) fn end(&mut self, end: End, now: Micros) {
        let status = &mut self.status;
        let ran = status.started.is_some();
        status.state = end.state;
        status.exit_code = end.exit_code;
        status.internal_failure = end.internal_failure;
        status.modified = now;
        status.planned = None;
        status.cancel_asked = None;
        let given_up = matches!(
            end.state,
            State::Expired | State::Canceled | State::Killed | State::BotDied | State::NoResource
        );
        status.abandoned = given_up.then_some(now);
        status.completed = ran.then_some(now);
    }

    /// Whether what it ran for failed: with an exit code, or because it took too long.
    pub fn failure(&self) -> bool {
        self.status.state == State::TimedOut || self.status.exit_code.is_some_and(|code| code != 0)
    }

    /// How long it ran, in seconds.
    pub fn duration(&self) -> Option<f64> {
        let micros = self.status.completed? - self.status.started?;
        #[expect(clippy::cast_precision_loss, reason = "shown, not computed with")]
        let seconds = micros as f64 / SECOND as f64;
        Some(seconds)
    }
}

impl End {
    /// In a state that says everything.
    pub fn plain(state: State) -> Self {
        End {
            state,
            exit_code: match state {
                State::TimedOut | State::Killed => Some(-1),
                _ => None,
            },
            internal_failure: state == State::BotDied,
        }
    }

    /// With an exit code.
    pub fn completed(exit_code: i64) -> Self {
        End {
            state: State::Completed,
            exit_code: Some(exit_code),
            internal_failure: false,
        }
    }
}
