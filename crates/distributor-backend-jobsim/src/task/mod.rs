//! One execution: activate, go through the stages, finish.
//!
//! It knows nothing of the table of tasks and remembers nothing: an execution that is begun again,
//! after a crash, goes the same way, because all it does follows from its [`Order`]. What it did
//! before the crash was either not carried out, and then the same request is the first, or it was:
//!
//! * activated: activating by the same token again is fine;
//! * asked for dependencies, and need not wait: the same answer;
//! * had to wait, or finished: the execution is stopping, so the activation is refused, and all that
//!   is left to do is to end normally, with the state that it had begun with. If that state is older
//!   than the one before the crash, the next execution goes through finished stages again, with the
//!   same results.

mod calls;
mod dependencies;
mod state;

use std::sync::Arc;

use distributor_core::{Clock, ExecutionId, Secret, dm};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::phrase;
use crate::proto::stage::StageType;
use crate::proto::{Phrase, Result as JobResult};
use crate::service::Service;
use calls::{Refused, persistently};
use state::State;

/// Sets these tokens apart from all else that is derived from an activation token.
const TOKEN_DOMAIN: &[u8] = b"jobsim execution token v1\0";

/// How many KiB of phrases all tasks together may have in requests.
pub(crate) const REQUEST_KIB: usize = 64 * 1024;

/// The value of a job whose phrase does not say.
const DEFAULT_VALUE: i64 = 1;

/// What is to be executed; all that must survive a crash.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// The execution.
    pub(crate) execution: ExecutionId,
    /// The key to it.
    pub(crate) activation_token: Secret,
    /// The name of the configuration, as the quest wrote it: dependencies get the same.
    pub(crate) config_name: String,
    /// The phrase's text.
    pub(crate) parameters: String,
    /// What the former execution left.
    pub(crate) previous: Option<String>,
}

/// What all tasks share.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// The API.
    pub(crate) service: Arc<dyn Service>,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Room for requests, in KiB.
    pub(crate) room: Semaphore,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// Normally, leaving this state.
    Finished(String),
    /// It was never ours: somebody else had activated it.
    Stranger(String),
    /// For this reason.
    Failed(String),
}

/// Why an execution stops before its last stage.
enum Stop {
    /// Dependencies are not finished: another execution will go on.
    Halted,
    /// The job has failed, which is a result.
    JobFailed,
    /// See [`Refused::NotOurs`].
    NotOurs { in_doubt: bool, reason: String },
    /// Something is wrong.
    Error(String),
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotOurs { in_doubt, reason } => Stop::NotOurs { in_doubt, reason },
            Refused::Error(reason) => Stop::Error(reason),
        }
    }
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Stop::Error(reason)
    }
}

struct Task<'a> {
    order: &'a Order,
    surroundings: &'a Surroundings,
    phrase: Phrase,
    state: State,
    auth: dm::execution::Auth,
}

/// Executes the order. `again` says that a former life may have executed some of it.
pub(crate) async fn execute(surroundings: &Surroundings, order: &Order, again: bool) -> End {
    let mut task = match Task::new(surroundings, order) {
        Ok(task) => task,
        Err(reason) => return End::Failed(reason),
    };
    match task.activate().await {
        Ok(()) => {}
        Err(Refused::NotOurs { .. }) if again => return End::Finished(task.state.to_json()),
        Err(Refused::NotOurs { .. }) => return End::Stranger(task.state.to_json()),
        Err(Refused::Error(reason)) => return End::Failed(reason),
    }
    let done = match task.work().await {
        Ok(()) => task.finish_well().await,
        Err(Stop::JobFailed) => task.finish(&JobResult::default()).await,
        Err(stop) => Err(stop),
    };
    match done {
        Ok(()) | Err(Stop::Halted | Stop::JobFailed) => End::Finished(task.state.to_json()),
        // A request that was carried out, and whose answer was lost, has stopped the execution.
        Err(Stop::NotOurs { in_doubt, .. }) if in_doubt || again => {
            End::Finished(task.state.to_json())
        }
        Err(Stop::NotOurs { reason, .. } | Stop::Error(reason)) => End::Failed(reason),
    }
}

impl<'a> Task<'a> {
    fn new(surroundings: &'a Surroundings, order: &'a Order) -> Result<Self, String> {
        let phrase =
            phrase::read(&order.parameters).map_err(|error| format!("parameters: {error}"))?;
        let state = State::read(order.previous.as_deref(), phrase.stages.len())?;
        Ok(Task {
            order,
            surroundings,
            phrase,
            state,
            auth: dm::execution::Auth {
                id: Some(order.execution.into()),
                token: execution_token(order),
            },
        })
    }

    async fn activate(&self) -> Result<(), Refused> {
        let request = dm::ActivateExecutionReq {
            auth: Some(dm::execution::Auth {
                id: self.auth.id.clone(),
                token: self.order.activation_token.expose().to_vec(),
            }),
            execution_token: self.auth.token.clone(),
        };
        let Surroundings { service, clock, .. } = self.surroundings;
        persistently(clock.as_ref(), "ActivateExecution", || {
            service.activate(&request)
        })
        .await
    }

    /// A stage that is not completed is gone through again by the next execution.
    async fn work(&mut self) -> Result<(), Stop> {
        let clock = self.surroundings.clock.as_ref();
        loop {
            let index = self.state.stage;
            match self.phrase.stages.get(index).map(|stage| &stage.stage_type) {
                None => return Ok(()),
                Some(None) => {}
                Some(Some(StageType::Stall(stall))) => {
                    clock
                        .sleep_until(clock.now().after(phrase::delay(stall)))
                        .await;
                }
                Some(Some(StageType::Failure(failure))) => {
                    if phrase::chance(self.phrase.seed, index, failure.chance) {
                        return Err(Stop::JobFailed);
                    }
                }
                Some(Some(StageType::Deps(_))) => {
                    let total = self.depend(index).await?;
                    self.state.sum = add(self.state.sum, total)?;
                }
            }
            self.state.stage += 1;
        }
    }

    async fn finish_well(&self) -> Result<(), Stop> {
        let stage = &self.phrase.return_stage;
        let value = stage.map_or(DEFAULT_VALUE, |stage| stage.retval);
        let result = JobResult {
            success: true,
            value: add(value, self.state.sum)?,
        };
        self.finish(&result).await
    }

    async fn finish(&self, result: &JobResult) -> Result<(), Stop> {
        // A failure is worth what it is worth for ever; only a success has a date.
        let stage = self.phrase.return_stage.filter(|_| result.success);
        let request = dm::FinishAttemptReq {
            auth: Some(self.auth.clone()),
            data: Some(dm::JsonResult {
                object: phrase::write_message(result)?,
                size: 0,
                expiration: stage.and_then(|stage| stage.expiration),
            }),
        };
        let Surroundings { service, clock, .. } = self.surroundings;
        Ok(persistently(clock.as_ref(), "FinishAttempt", || service.finish(&request)).await?)
    }
}

fn add(left: i64, right: i64) -> Result<i64, String> {
    left.checked_add(right)
        .ok_or_else(|| format!("the sum of the values overflows: {left} + {right}"))
}

/// Derived, so that an execution that is begun again has the same: then activating is idempotent.
fn execution_token(order: &Order) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(TOKEN_DOMAIN);
    digest.update(order.execution.to_string());
    digest.update(b"\0");
    digest.update(order.activation_token.expose());
    digest.finalize().to_vec()
}
