//! What is stored: one record per quest, attempt, past execution, dependency and journal entry.
//!
//! Plain data. The rules for changing it are the life-cycle machine's, in `distributor-host`.
//! An attempt and its current execution are one record, because they change together.

use std::sync::Arc;
use std::time::Duration;

use distributor_core::dm;
use distributor_core::{AttemptId, ConfigSnapshot, QuestId, Secret, Timestamp, Token};

use crate::bits::Bits;

/// A quest: an immutable description and who asked for it.
#[derive(Debug, Clone, PartialEq)]
pub struct QuestRecord {
    /// Hash of `desc`.
    pub id: QuestId,
    /// The normalized description.
    pub desc: Arc<dm::quest::Desc>,
    /// When it was first seen.
    pub created: Timestamp,
    /// Templates that made it, sorted and unique.
    pub built_by: Vec<dm::quest::TemplateSpec>,
}

/// Retry counters or budgets, by class of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retries {
    /// `FAILED`.
    pub failed: u32,
    /// `CRASHED`.
    pub crashed: u32,
    /// `EXPIRED`.
    pub expired: u32,
    /// `TIMED_OUT`.
    pub timed_out: u32,
}

/// What of a quest's description the life cycle needs at every step, copied so that no step has
/// to decode the description. Zero durations mean "no timeout" (DC-30).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Re-executions allowed, by class of failure.
    pub retries: Retries,
    /// From the start of scheduling to activation.
    pub start_timeout: Duration,
    /// From activation to the job's last call.
    pub run_timeout: Duration,
    /// From there to the backend's word that the task is over.
    pub stop_timeout: Duration,
    /// The job never calls the API; the backend's final result is the attempt's.
    pub simple: bool,
    /// A simple quest that runs although something it needs ended abnormally.
    pub run_anyway: bool,
}

/// Data or abnormal end of an execution or attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Normal, with normalized data.
    Data(Arc<dm::JsonResult>),
    /// Abnormal.
    Abnormal(Arc<dm::AbnormalFinish>),
}

/// An execution that was decided but whose `run` has not answered yet: the activation token and
/// the configuration are durable before the call (architecture, A4), and the execution's number is
/// not used up until it succeeds (DC-29).
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The number that the execution will have.
    pub execution: u32,
    /// The same for every try of `run`.
    pub activation_token: StoredSecret,
    /// The same for every try of `run`.
    pub config: Arc<ConfigSnapshot>,
    /// When it was decided.
    pub created: Timestamp,
    /// A notification arrived before `run` answered: ask for the status once it has (DC-47).
    pub poke: bool,
    /// The host has decided that the attempt ends like this, and waits for the answer of `run`: a task
    /// may have been started that must be over first.
    pub ending: Option<Arc<dm::AbnormalFinish>>,
    /// When it stops waiting for that answer.
    pub give_up_at: Option<Timestamp>,
}

/// One execution.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionRecord {
    /// 1, 2, … within the attempt.
    pub number: u32,
    /// Its state.
    pub state: dm::execution::State,
    /// When it was decided.
    pub created: Timestamp,
    /// Strictly increases with every change of state.
    pub modified: Timestamp,
    /// When `run` answered: the 30 s of DC-40 count from here.
    pub started: Timestamp,
    /// The configuration that it uses for its whole life (DC-03).
    pub config: Arc<ConfigSnapshot>,
    /// The backend's name for the task.
    pub token: Token,
    /// Activation token while SCHEDULING, execution token while RUNNING, erased after.
    pub auth_token: StoredSecret,
    /// The backend's waiting time without news; replaces the stop timeout if not zero (DC-31).
    pub poll_timeout: Duration,
    /// When the current state times out (in STOPPING: when the next poll is due).
    pub deadline: Option<Timestamp>,
    /// When to ask the backend for news before that.
    pub poll_at: Option<Timestamp>,
    /// Fruitless polls in STOPPING so far (DC-32).
    pub polls: u32,
    /// A `get_status` is on its way.
    pub polling: bool,
    /// There may be news since that was asked: another follows its answer.
    pub ask_again: bool,
    /// What the last fruitless poll said went wrong.
    pub last_error: Option<String>,
    /// SHA-256 of the activation token, to tell who comes second from who never was invited; empty
    /// for a simple quest.
    pub activation_digest: Vec<u8>,
    /// The host has decided this end, asked the backend to cancel, and waits for the task to be
    /// over: an execution must not look ended while its task still runs.
    pub ending: Option<Arc<dm::AbnormalFinish>>,
    /// How it ended.
    pub outcome: Option<Outcome>,
}

/// An attempt and its current execution: the unit of change.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    /// Its name.
    pub id: AttemptId,
    /// Counts writes of this record; 0 for one that is not stored yet.
    pub version: u64,
    /// Name of the configuration as the quest writes it: an alias stays an alias.
    pub config_name: Arc<str>,
    /// Its rules.
    pub policy: Policy,
    /// Its state.
    pub state: dm::attempt::State,
    /// When it was created.
    pub created: Timestamp,
    /// Strictly increases with every change of state.
    pub modified: Timestamp,
    /// Consecutive failures so far.
    pub failures: Retries,
    /// Number of the current execution, 0 before the first.
    pub current_execution: u32,
    /// Number of the last execution that ended normally, 0 if none.
    pub last_successful_execution: u32,
    /// One bit per dependency of the current execution; set = satisfied.
    pub dependencies: Bits,
    /// Set while the attempt is SCHEDULING and waits for room at its backend; the order of starts.
    pub ready: Option<u64>,
    /// Set while the attempt is SCHEDULING and `run` is under way.
    pub prepared: Option<Prepared>,
    /// The current execution.
    pub execution: Option<ExecutionRecord>,
    /// The attempt's own result: what dependents see once it is final.
    pub outcome: Option<Outcome>,
}

impl AttemptRecord {
    /// When the life cycle must look at this attempt even if nothing happens.
    pub fn wake_at(&self) -> Option<Timestamp> {
        if self.is_final() {
            return None;
        }
        if let Some(prepared) = &self.prepared {
            return prepared.give_up_at;
        }
        let execution = self.execution.as_ref()?;
        match (execution.deadline, execution.poll_at) {
            (Some(deadline), Some(poll_at)) => Some(deadline.min(poll_at)),
            (deadline, poll_at) => deadline.or(poll_at),
        }
    }

    /// True once nothing will change any more.
    pub fn is_final(&self) -> bool {
        use dm::attempt::State;
        matches!(self.state, State::Finished | State::AbnormalFinished)
    }
}

/// A secret that is stored; equality is for tests and must not authenticate.
#[derive(Debug, Clone, Default)]
pub struct StoredSecret(pub Secret);

impl PartialEq for StoredSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose() == other.0.expose()
    }
}

/// `dependent` waits, or waited, for `dependency`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependencyRecord {
    /// Who waits.
    pub dependent: AttemptId,
    /// For whom.
    pub dependency: AttemptId,
    /// Its bit in the dependent's map.
    pub bit: u32,
    /// The dependent's execution that asked; 0 if it was declared before the first.
    pub for_execution: u32,
    /// The dependent was told that the dependency ended.
    pub propagated: bool,
}

/// A call that is owed (architecture, A3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JournalKind {
    /// `run` of the prepared execution.
    Run,
    /// `get_status` of the current execution.
    GetStatus,
    /// `cancel` of an execution that the host has ended.
    Cancel,
    /// `handle_notification`.
    HandleNotification,
    /// Tell further dependents of an ended attempt; no backend is called.
    Propagate,
}

/// A row of the journal: written with the change that causes the call, removed with the change
/// that records its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalRecord {
    /// Unique and increasing in the order of causes; given out by the host.
    pub id: u64,
    /// The call.
    pub kind: JournalKind,
    /// The attempt it is about.
    pub attempt: AttemptId,
    /// The execution it is about.
    pub execution: u32,
    /// Not before this moment; `None` is at once.
    pub due: Option<Timestamp>,
    /// Failed tries so far.
    pub tries: u32,
    /// For `Cancel`: whom to call and with what. Others find this in the attempt.
    pub target: Option<(Arc<ConfigSnapshot>, Token)>,
    /// For `HandleNotification`: the encoded notification.
    pub payload: Vec<u8>,
}
