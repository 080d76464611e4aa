//! The life cycle of an attempt and its executions as a pure function:
//! `(record, event, now) -> (changed record, effects)` (architecture, A1).
//!
//! ```text
//! Attempt                  `run` answered
//!   new ----> SCHEDULING ------------------> EXECUTING ----> FINISHED
//!                ^  ^  retry, or all          |    |   ended normally, nothing to wait for
//!                |  |  dependencies are over  |    |
//!                |  +-------------------------+    | ended normally, dependencies pending
//!                | the last dependency ended       |
//!                +--------------- WAITING <--------+
//!                                    ^
//!   new, declares dependencies ------+
//!
//! Execution           activated,             result delivered,          the task
//!                     or seen running        or must halt               is over
//!   new ----> SCHEDULING ------> RUNNING ----------------> STOPPING ------------> FINISHED
//! ```
//!
//! Every state on the way also leads to `ABNORMAL_FINISHED`. For an attempt that means cancelled,
//! a dependency ended so, or an execution ended so and is not retried; for an execution:
//!
//! | In | Deadline | What happens then |
//! |---|---|---|
//! | `SCHEDULING` | `start_timeout` | `TIMED_OUT` |
//! | `RUNNING` | `run_timeout` | `TIMED_OUT` |
//! | `STOPPING` | `poll_timeout`, else `stop_timeout` | three polls, 30 s apart, then `EXPIRED` |
//! | any, called off | [`ENDING_PATIENCE`] | ends as decided, without the backend's word |
//!
//! Between "decided" and "`run` answered" an execution exists only as
//! [`AttemptRecord::prepared`], and the attempt stays `SCHEDULING`. An execution that a person
//! cancels, and one of a simple quest that times out, is *called off*: it keeps its state until its
//! task is over, and ends with the outcome that was decided.
//!
//! It refuses to read a clock, a store or a random source, to call a backend, and to know of any
//! attempt but the one it is given: what concerns others leaves as an [`Effect`].
//!
//! Replaying an event is harmless: what no longer fits the record changes nothing, and only calls
//! made by people or jobs ([`Event::Activate`], [`Event::FinishAttempt`], [`Event::Halt`],
//! [`Event::CancelExecution`]) are refused aloud.

mod create;
mod dependencies;
mod end;
mod job;
mod poll;
mod result;
mod start;
mod transition;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{ConfigSnapshot, Secret, Started, TaskState, Timestamp, Token, dm};
use distributor_store::records::{AttemptRecord, ExecutionRecord, Policy};

pub use create::{create, policy};
pub use job::authenticate;
pub use result::{FinalResult, MAX_REASON_BYTES};
pub use transition::{InvalidTransition, evolve_attempt, evolve_execution};

/// After this much time since `run` a permanent error of `get_status` means that the task is
/// missing; until then it counts as transient (DC-40, DC-41).
pub const MISSING_GRACE: Duration = Duration::from_secs(30);
/// How often the final information is asked for in STOPPING (DC-32).
pub const STOPPING_POLLS: u32 = 3;
/// The gap between these (DC-32).
pub const STOPPING_POLL_GAP: Duration = Duration::from_secs(30);
/// How long an execution that the host has called off may take to be over before the host records
/// its end without the backend's word.
pub const ENDING_PATIENCE: Duration = Duration::from_secs(120);
/// How often the backend is asked meanwhile, if it does not tell.
pub const ENDING_POLL_GAP: Duration = Duration::from_secs(5);
/// A start timeout, run timeout or give-up that is noticed later than this was slept through: the
/// service was down, and news may wait. Then the backend is asked first, and it counts this much
/// later.
pub const OVERSLEPT: Duration = Duration::from_secs(30);

/// What can happen to an attempt.
#[derive(Debug, Clone)]
pub enum Event {
    /// There is room at its backend: decide the next execution.
    Start {
        /// 32 random bytes.
        activation_token: Secret,
        /// The configuration as it is now (DC-02).
        config: Arc<ConfigSnapshot>,
    },
    /// There is no such backend, so no execution can run: REJECTED with this reason.
    StartImpossible {
        /// What little is known of the configuration: its name.
        config: Arc<ConfigSnapshot>,
        /// Why.
        reason: String,
    },
    /// `run` answered.
    RunAnswered {
        /// For which execution.
        execution: u32,
        /// What: a permanent error, or a transient one whose tries are used up, is its text.
        answer: Result<RunAnswer, String>,
    },
    /// A task claims the execution.
    Activate {
        /// Which one.
        execution: u32,
        /// What `run` was given.
        activation_token: Secret,
        /// What the job will show from now on; at least 32 bytes.
        execution_token: Secret,
    },
    /// The job delivers the attempt's result.
    FinishAttempt {
        /// Who.
        execution: u32,
        /// Its execution token.
        token: Secret,
        /// Normalized.
        result: Arc<dm::JsonResult>,
    },
    /// The job asked for attempts that are not all finished: it must stop and will be run again.
    Halt {
        /// Who.
        execution: u32,
        /// Its execution token.
        token: Secret,
        /// One entry per dependency: is it over already? If all are, the job may go on and nothing
        /// changes.
        satisfied: Vec<bool>,
    },
    /// `get_status` answered.
    StatusAnswered {
        /// For which execution.
        execution: u32,
        /// What.
        answer: StatusAnswer,
    },
    /// The backend said, by a notification, that the task is over.
    TaskEnded {
        /// Which execution.
        execution: u32,
        /// How.
        result: FinalResult,
    },
    /// A notification came for an execution whose `run` has not answered yet (DC-47).
    Poke {
        /// Which one.
        execution: u32,
    },
    /// There is news about an execution, and none that could be kept: ask the backend after this
    /// moment.
    News {
        /// Which one.
        execution: u32,
    },
    /// The time of [`AttemptRecord::wake_at`] has come.
    Wake,
    /// News may have been lost (the service was down): ask the backend.
    AskStatus,
    /// An attempt that this one depends on ended.
    DependencyEnded {
        /// Its bit.
        bit: u32,
        /// The execution that asked for it.
        for_execution: u32,
        /// If it ended abnormally: who and why, in words.
        culprit: Option<String>,
    },
    /// Somebody wants the attempt to end.
    Cancel {
        /// Why, for people.
        reason: String,
    },
    /// Somebody wants the attempt to end, if this execution is its current one and not over.
    CancelExecution {
        /// Which one.
        execution: u32,
        /// Why, for people.
        reason: String,
    },
}

/// What a successful `run` told.
#[derive(Debug, Clone)]
pub struct RunAnswer {
    /// The backend's name for the task.
    pub token: Token,
    /// See [`Started::poll_timeout`].
    pub poll_timeout: Duration,
    /// Where the task stands.
    pub state: AnsweredState,
}

/// A task state whose result is normalized.
#[derive(Debug, Clone)]
pub enum AnsweredState {
    /// Accepted, not started.
    Pending,
    /// Started.
    Running,
    /// Over.
    Finished(FinalResult),
}

impl From<TaskState> for AnsweredState {
    fn from(state: TaskState) -> Self {
        match state {
            TaskState::Pending => AnsweredState::Pending,
            TaskState::Running => AnsweredState::Running,
            TaskState::Finished(result) => AnsweredState::Finished(FinalResult::normalize(result)),
        }
    }
}

impl From<Started> for RunAnswer {
    fn from(started: Started) -> Self {
        RunAnswer {
            token: started.token,
            poll_timeout: started.poll_timeout,
            state: started.state.into(),
        }
    }
}

/// What came of one status query.
#[derive(Debug, Clone)]
pub enum StatusAnswer {
    /// An answer.
    State(AnsweredState),
    /// No answer, after all retries; asking again later may help.
    Transient(String),
    /// A permanent error.
    Permanent(String),
}

/// What must be done because of an event, once the change is durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// The attempt wants to be started as soon as there is room.
    Ready,
    /// Call `run` for the prepared execution.
    Run,
    /// Nobody wants the prepared execution any more: tell the `run` that is under way.
    Abandon,
    /// Call `get_status` for the current execution.
    GetStatus,
    /// Call `cancel` until it succeeds.
    CancelTask {
        /// Which execution.
        execution: u32,
        /// The backend.
        config: Arc<ConfigSnapshot>,
        /// The task.
        token: Token,
    },
    /// The backend may forget this task.
    Release {
        /// The backend.
        config: Arc<ConfigSnapshot>,
        /// The task.
        token: Token,
    },
    /// Keep this execution; it is no longer the current one.
    Archive(Box<ExecutionRecord>),
    /// The attempt is final: tell the attempts that depend on it.
    Ended,
}

/// Why a job's call was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not this execution, not this state, or not this token.
    #[error("not permitted: {0}")]
    Denied(&'static str),
    /// The activation token is right, and another task was faster.
    #[error("the execution is activated already, by another task")]
    AlreadyActivated,
    /// The host does not know yet that the task was started; the same call will do in a moment.
    #[error("the execution is still being scheduled; try again")]
    NotSettled,
}

/// Applies one event. On `Err` the record is unchanged.
pub fn apply(
    attempt: &mut AttemptRecord,
    event: Event,
    now: Timestamp,
) -> Result<Vec<Effect>, Refusal> {
    let mut effects = Vec::new();
    let change = &mut Change {
        attempt,
        now,
        effects: &mut effects,
    };
    match event {
        Event::Start {
            activation_token,
            config,
        } => change.start(activation_token, config),
        Event::StartImpossible { config, reason } => change.start_impossible(config, reason),
        Event::RunAnswered { execution, answer } => change.run_answered(execution, answer),
        Event::Activate {
            execution,
            activation_token,
            execution_token,
        } => change.activate(execution, &activation_token, execution_token)?,
        Event::FinishAttempt {
            execution,
            token,
            result,
        } => change.finish_attempt(execution, &token, result)?,
        Event::Halt {
            execution,
            token,
            satisfied,
        } => change.halt(execution, &token, &satisfied)?,
        Event::StatusAnswered { execution, answer } => change.status_answered(execution, answer),
        Event::TaskEnded { execution, result } => {
            change.task_ended(execution, result);
        }
        Event::Poke { execution } => change.poke(execution),
        Event::Wake => change.wake(),
        Event::AskStatus => change.ask_status(),
        Event::News { execution } => change.news(execution),
        Event::DependencyEnded {
            bit,
            for_execution,
            culprit,
        } => change.dependency_ended(bit, for_execution, culprit),
        Event::Cancel { reason } => change.cancel(&reason),
        Event::CancelExecution { execution, reason } => {
            change.cancel_execution(execution, &reason)?;
        }
    }
    Ok(effects)
}

/// One event at work: the record, the time, and what is owed because of it.
struct Change<'a> {
    attempt: &'a mut AttemptRecord,
    now: Timestamp,
    effects: &'a mut Vec<Effect>,
}

impl Change<'_> {
    fn policy(&self) -> Policy {
        self.attempt.policy
    }

    /// The current execution, if the attempt is EXECUTING, `number` is current, and it is not over.
    fn live(&mut self, number: u32) -> Option<&mut ExecutionRecord> {
        live(self.attempt, number)?;
        self.attempt.execution.as_mut()
    }
}

fn live(attempt: &AttemptRecord, number: u32) -> Option<&ExecutionRecord> {
    use dm::execution::State;
    if attempt.state != dm::attempt::State::Executing || attempt.current_execution != number {
        return None;
    }
    attempt
        .execution
        .as_ref()
        .filter(|execution| match execution.state {
            State::Scheduling | State::Running | State::Stopping => true,
            State::Finished | State::AbnormalFinished => false,
        })
}

fn abnormal(status: Status, reason: impl Into<String>) -> Arc<dm::AbnormalFinish> {
    Arc::new(result::cap(dm::AbnormalFinish {
        status: status.into(),
        reason: reason.into(),
    }))
}

fn after_if_set(now: Timestamp, delay: Duration) -> Option<Timestamp> {
    // Rounded up to whole microseconds: never early (DC-30).
    let whole = delay.saturating_add(Duration::from_nanos(999));
    (!delay.is_zero()).then(|| now.after(whole))
}
