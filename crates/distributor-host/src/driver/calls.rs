//! One call to a backend: what it is given, and the message that carries its answer home.
//!
//! Every call ends in exactly one message, also if the backend panics or the host stops.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use distributor_core::source::DistributorSource;
use distributor_core::{
    Abandoned, AttemptId, Clock, ConfigSnapshot, Distributor, Error, ErrorKind, ExecutionId,
    NeedResult, Notification, Result, RunRequest, Secret, TaskResult, Token, dm,
};
use distributor_store::records::Outcome;
use distributor_store::{Store, StoreError};
use tokio::sync::mpsc::UnboundedSender;

use super::answers::timed_out;
use super::message::{Message, Row};
use super::queue::{collecting, with_tasks};
use crate::machine::FinalResult;

/// Results of needed attempts that are passed on to one execution, in bytes altogether.
const NEEDS_BYTES: usize = 16 * 1024 * 1024;

pub(super) struct CallContext {
    pub(super) source: Arc<dyn DistributorSource>,
    pub(super) store: Arc<dyn Store>,
    pub(super) inbox: UnboundedSender<Message>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) timeout: Duration,
}

pub(super) struct Call {
    pub(super) row: Row,
    pub(super) id: ExecutionId,
    pub(super) desc: Arc<dm::quest::Desc>,
    pub(super) config: Arc<ConfigSnapshot>,
    pub(super) what: What,
}

pub(super) enum What {
    Run {
        activation_token: Secret,
        last_successful_execution: u32,
        abandoned: Abandoned,
    },
    GetStatus {
        token: Token,
    },
    Cancel {
        token: Token,
    },
    Notification {
        /// Empty at the first try of a hint.
        row: Option<Row>,
        notification: Arc<Notification>,
        token: Token,
    },
}

impl What {
    fn answer(&self, row: Row, id: ExecutionId, error: Error) -> Message {
        match self {
            What::Run { .. } => Message::RunAnswered {
                row,
                id,
                answer: Err(error),
            },
            What::GetStatus { .. } => Message::StatusAnswered {
                row,
                id,
                answer: Err(error),
            },
            What::Cancel { .. } => Message::CancelAnswered {
                row,
                id,
                answer: Err(error),
            },
            What::Notification {
                row, notification, ..
            } => Message::NotificationHandled {
                row: *row,
                notification: notification.clone(),
                answer: Err(error),
            },
        }
    }
}

/// Sends its message when dropped: a call that panics has an answer too.
pub(super) struct Answer {
    inbox: UnboundedSender<Message>,
    message: Option<Message>,
}

impl Answer {
    /// `message` is what is sent if no other is set.
    pub(super) fn new(context: &CallContext, message: Message) -> Self {
        Answer {
            inbox: context.inbox.clone(),
            message: Some(message),
        }
    }

    pub(super) fn set(&mut self, message: Message) {
        self.message = Some(message);
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(message) = self.message.take() {
            let _stopped = self.inbox.send(message);
        }
    }
}

pub(super) async fn perform(context: Arc<CallContext>, call: Call) {
    let Call { row, id, .. } = call;
    let mut answer = Answer::new(&context, call.what.answer(row, id, panicked()));
    answer.set(match context.source.distributor(&call.config) {
        Ok(distributor) => {
            let asked = ask(&context, distributor.as_ref(), call);
            with_tasks(collecting(asked).await)
        }
        Err(error) => call.what.answer(row, id, error),
    });
}

pub(super) fn panicked() -> Error {
    Error::new(ErrorKind::Internal, "the backend panicked").transient()
}

async fn ask(context: &CallContext, distributor: &dyn Distributor, call: Call) -> Message {
    let Call {
        row,
        id,
        desc,
        what,
        ..
    } = call;
    match what {
        What::Run {
            activation_token,
            last_successful_execution,
            abandoned,
        } => {
            let answer = async {
                let (previous_result, needs) =
                    run_inputs(context, id, &desc, last_successful_execution).await?;
                let request = RunRequest {
                    execution: id,
                    quest: desc,
                    activation_token,
                    previous_result,
                    needs,
                    abandoned,
                };
                distributor.run(request).await
            };
            Message::RunAnswered {
                row,
                id,
                answer: answer.await.map(Into::into),
            }
        }
        What::GetStatus { token } => Message::StatusAnswered {
            row,
            id,
            answer: within(context, distributor.get_status(&desc, &token))
                .await
                .map(Into::into),
        },
        What::Cancel { token } => Message::CancelAnswered {
            row,
            id,
            answer: within(context, distributor.cancel(&desc, &token)).await,
        },
        What::Notification {
            row,
            notification,
            token,
        } => {
            let handled = distributor.handle_notification(&desc, &token, &notification);
            let answer = within(context, handled).await;
            Message::NotificationHandled {
                row,
                notification,
                answer: answer.map(|result| result.map(FinalResult::normalize)),
            }
        }
    }
}

/// The limit is on the host's clock, like every other time.
pub(super) async fn within<T>(
    context: &CallContext,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    let limit = context.timeout;
    tokio::select! {
        biased;
        answer = call => answer,
        () = context.clock.sleep_until(context.clock.now().after(limit)) => Err(timed_out(limit)),
    }
}

/// The previous result and the results of what a simple quest needs (DC-25). Most executions have
/// neither, and then nothing is read.
async fn run_inputs(
    context: &CallContext,
    id: ExecutionId,
    desc: &Arc<dm::quest::Desc>,
    last_successful: u32,
) -> Result<(Option<dm::JsonResult>, Vec<NeedResult>)> {
    let simple = desc.meta.as_ref().and_then(|meta| meta.simple.as_ref());
    let has_needs = simple.is_some_and(|simple| !simple.needs.is_empty());
    if last_successful == 0 && !has_needs {
        return Ok((None, Vec::new()));
    }
    let (store, desc) = (context.store.clone(), desc.clone());
    let read = move || {
        let previous = match last_successful {
            0 => None,
            number => store.execution(id.attempt, number)?,
        };
        let previous = match previous.and_then(|execution| execution.outcome) {
            Some(Outcome::Data(data)) => Some(data.as_ref().clone()),
            _ => None,
        };
        Ok((previous, needs(store.as_ref(), id.attempt, &desc)?))
    };
    let unreadable = |error: StoreError| {
        Error::new(ErrorKind::Unavailable, "the store could not be read")
            .because(error)
            .transient()
            .not_applied()
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(inputs) => inputs.map_err(unreadable),
        Err(error) => Err(Error::new(ErrorKind::Internal, "reading was interrupted")
            .because(error)
            .transient()
            .not_applied()),
    }
}

fn needs(
    store: &dyn Store,
    id: AttemptId,
    desc: &dm::quest::Desc,
) -> Result<Vec<NeedResult>, StoreError> {
    let simple = desc.meta.as_ref().and_then(|meta| meta.simple.as_ref());
    let named = simple
        .map(|simple| simple.needs.as_slice())
        .unwrap_or_default();
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let waited_for: Vec<AttemptId> = store
        .dependencies(id)?
        .into_iter()
        .map(|dependency| dependency.dependency)
        .collect();
    let ended: HashMap<String, _> = waited_for
        .iter()
        .zip(store.attempts(&waited_for)?)
        .map(|(id, record)| (id.quest.to_string(), (*id, record)))
        .collect();
    let mut budget = NEEDS_BYTES;
    let mut needs = Vec::with_capacity(named.len());
    for need in named {
        let Some((attempt, Some(record))) = ended.get(&need.quest) else {
            continue;
        };
        let result = match &record.outcome {
            Some(Outcome::Abnormal(finish)) => TaskResult::Abnormal(finish.as_ref().clone()),
            Some(Outcome::Data(data)) => {
                let mut data = data.as_ref().clone();
                match budget.checked_sub(data.object.len()) {
                    Some(left) => budget = left,
                    None => data.object.clear(),
                }
                TaskResult::Data(data)
            }
            None => continue,
        };
        needs.push(NeedResult {
            name: need.name.clone(),
            attempt: *attempt,
            result,
        });
    }
    Ok(needs)
}
