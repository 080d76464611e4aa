//! What the committer is told: calls of clients, answers of backends, the passing of time.

use std::sync::Arc;

use distributor_core::dm::{attempt, execution};
use distributor_core::{AttemptId, Error, ExecutionId, Notification, QuestId};
use distributor_store::{DueTask, StoreError};
use tokio::sync::oneshot;

use super::graph::{GraphAnswer, GraphRequest};
use super::queue::{NewTask, Order, Ordered};
use super::received::Received;
use crate::machine::{AnsweredState, Event, FinalResult, Refusal, RunAnswer};

/// Why the host did not do what a client asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The request can never be right.
    #[error("{field}: {message}")]
    Invalid {
        /// Path of the field.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// Attempts were asked for of a quest that exists neither in the host nor in the request.
    #[error("cannot create attempts for absent quest \"{0}\"")]
    AbsentQuest(QuestId),
    /// The dependent would wait for itself: the attempts on the way, the dependent first and last.
    #[error("would wait for itself: {}", arrows(.0))]
    Cycle(Vec<AttemptId>),
    /// Whether this dependent would wait for itself cannot be found out: too many wait for each other.
    #[error(
        "cannot tell whether {0} would wait for itself: too many attempts wait for each other; ask again when some of them have ended"
    )]
    TooEntangled(AttemptId),
    /// Something that the host needs cannot be read for the moment; the same call may succeed later.
    #[error("{0}")]
    Unavailable(String),
    /// There is no such attempt.
    #[error("no attempt {0}")]
    NotFound(AttemptId),
    /// The attempt's state or the caller's token does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such task in the queue.
    #[error("no task {0} in the queue")]
    NoTask(u64),
    /// Only a dead letter can be replayed or discarded.
    #[error("task {0} of the queue is not a dead letter: it is still to be delivered")]
    NotDead(u64),
    /// The store failed; nothing was changed, and the same call may succeed later.
    #[error("could not be stored, try again: {0}")]
    Store(#[from] StoreError),
    /// The batch that held this call could not be stored; nothing was changed.
    #[error("could not be stored, try again: {0}")]
    NotStored(String),
    /// The host has stopped.
    #[error("the host has stopped")]
    Stopped,
}

/// Longest cycle that is written out; of a longer one both ends are.
const CYCLE_SHOWN: usize = 16;

fn arrows(cycle: &[AttemptId]) -> String {
    let names = |part: &[AttemptId]| {
        let names: Vec<String> = part.iter().map(AttemptId::to_string).collect();
        names.join(" -> ")
    };
    let half = CYCLE_SHOWN / 2;
    match cycle.len().checked_sub(CYCLE_SHOWN) {
        None | Some(0) => names(cycle),
        Some(hidden) => {
            let (start, rest) = cycle.split_at(half);
            let (_, end) = rest.split_at(hidden);
            format!("{} -> ({hidden} more) -> {}", names(start), names(end))
        }
    }
}

pub(super) type Reply<T> = oneshot::Sender<Result<T, CallError>>;

/// An attempt to be made sure of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttempt {
    /// Its number, from 1.
    pub number: u32,
    /// Attempts that must end before its first execution. Each exists or comes earlier in the same
    /// request, so a cycle cannot be written down.
    pub needs: Vec<AttemptId>,
}

/// What became of one attempt of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ensured {
    /// Its name.
    pub id: AttemptId,
    /// It existed before.
    pub existed: bool,
    /// Its state now.
    pub state: attempt::State,
}

/// A committed change, as told to watchers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptChange {
    /// Which attempt.
    pub id: AttemptId,
    /// Its state now.
    pub state: attempt::State,
    /// Number of its current execution, 0 before the first.
    pub execution: u32,
    /// State of that execution.
    pub execution_state: Option<execution::State>,
}

/// A journal row whose call has come back.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Row {
    pub(super) id: u64,
    pub(super) tries: u32,
    /// Length of its payload.
    pub(super) bytes: usize,
}

#[derive(Debug)]
pub(super) enum Message {
    Ensure {
        request: GraphRequest,
        reply: Reply<GraphAnswer>,
    },
    Call {
        attempt: AttemptId,
        event: Event,
        reply: Reply<()>,
    },
    /// A caller of `Call` about this attempt does not wait for the answer any more.
    CallerGone {
        attempt: AttemptId,
    },
    RunAnswered {
        row: Row,
        id: ExecutionId,
        answer: Result<RunAnswer, Error>,
    },
    StatusAnswered {
        row: Row,
        id: ExecutionId,
        answer: Result<AnsweredState, Error>,
    },
    CancelAnswered {
        row: Row,
        id: ExecutionId,
        answer: Result<(), Error>,
    },
    Notified(Notification),
    /// A notification from outside.
    Receive {
        id: ExecutionId,
        payload: Vec<u8>,
        /// What its token says.
        config_name: String,
        reply: Reply<Received>,
    },
    NotificationHandled {
        /// `None` at the first try: hints are not in the journal before one has failed.
        row: Option<Row>,
        notification: Arc<Notification>,
        answer: Result<Option<FinalResult>, Error>,
    },
    Propagate {
        row: Row,
        attempt: AttemptId,
    },
    /// The answer of a call, and what the backend has sent to itself meanwhile.
    WithTasks {
        answer: Box<Message>,
        tasks: Vec<NewTask>,
    },
    /// A backend sends a task to itself outside of a call.
    Enqueue {
        task: NewTask,
        reply: Reply<()>,
    },
    TaskAnswered {
        task: DueTask,
        answer: Result<Vec<Notification>, Error>,
    },
    /// A task of an external queue was handled.
    Delivered {
        notifications: Vec<Notification>,
        tasks: Vec<NewTask>,
        reply: Reply<()>,
    },
    /// Dead letters are to be replayed or discarded.
    Order {
        order: Order,
        reply: Reply<Ordered>,
    },
    /// Nothing happened; look at what waits.
    Again,
    Tick,
    Flush(oneshot::Sender<()>),
    /// Ended attempts were removed from the store: what is remembered of them is not true any more.
    ForgetEnded(oneshot::Sender<()>),
    Stop,
}

impl Message {
    /// Is this the answer of a call that did what it should?
    pub(super) fn is_success(&self) -> bool {
        match self {
            Message::RunAnswered { answer, .. } => answer.is_ok(),
            Message::StatusAnswered { answer, .. } => answer.is_ok(),
            Message::CancelAnswered { answer, .. } => answer.is_ok(),
            Message::NotificationHandled { answer, .. } => answer.is_ok(),
            Message::TaskAnswered { answer, .. } => answer.is_ok(),
            _ => false,
        }
    }
}
