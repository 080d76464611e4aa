//! A job's side of the API: it says that it lives, asks for what it needs, gives its result.
//!
//! ```no_run
//! # use distributor_client::{Client, ConnectOptions, job::{Depended, JobContext, JobError}};
//! # async fn example(client: Client) -> Result<(), JobError> {
//! let job = JobContext::from_env(client)?;
//! match job.activate().await {
//!     Err(JobError::Stop { .. }) => return Ok(()), // another task was faster
//!     activated => activated?,
//! }
//! let needs = vec![(distributor_proto::dm::quest::Desc::default(), vec![1])];
//! let Depended::Results(_graph) = job.depend(needs, None, true).await? else {
//!     return Ok(()); // exit with code 0: it is executed again when everything is there
//! };
//! job.finish(r#"{"done":true}"#).await
//! # }
//! ```
//!
//! A job that must stop exits with code 0, whatever it has done until then. It refuses to exit for
//! the job, and to show a token.

mod context;
mod outcome;
mod stored;

use std::fmt;
use std::path::PathBuf;

use distributor_proto::dm;
use tonic::Code;

use crate::client::{Called, Client, ClientError};

pub use context::{CONTEXT_VARIABLE, ContextError, PREVIOUS_VARIABLE, SERVER_VARIABLE};
pub use outcome::{Outcome, OutcomeError, outcome};

/// Length of an execution token that is made here, in bytes; the least that a service accepts.
const TOKEN_LENGTH: usize = 32;
/// Most bytes of results in one answer; the most that a service gives.
const MOST_RESULTS: u32 = 30 * 1024 * 1024;

/// Why a job cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The service does not take this task for the one that executes the attempt, or not any more:
    /// another was faster, it is over, it has to wait. Stop, with exit code 0.
    #[error("this task is not the one that executes the attempt: {reason}")]
    Stop {
        /// What the service says.
        reason: String,
    },
    /// What the backend gave the task is not there or not right.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The call failed for another reason.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// What came of [`JobContext::depend`].
#[derive(Debug, Clone, PartialEq)]
pub enum Depended {
    /// Not all of it is there. The execution is over: exit with code 0. The attempt is executed
    /// again when everything is there, and then the same call gives results.
    Halt,
    /// Everything has ended; [`outcome`] finds how.
    Results(dm::GraphData),
}

/// A task of an attempt.
#[derive(Clone)]
pub struct JobContext {
    client: Client,
    id: dm::execution::Id,
    activation_token: Vec<u8>,
    execution_token: Vec<u8>,
    previous: Option<PathBuf>,
}

impl fmt::Debug for JobContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobContext")
            .field("id", &self.id)
            .field("previous", &self.previous)
            .finish_non_exhaustive()
    }
}

impl JobContext {
    /// This process's task, from `LUCI_CONTEXT`, with a new execution token.
    ///
    /// # Errors
    /// `Context`.
    pub fn from_env(client: Client) -> Result<Self, JobError> {
        Ok(Self::read(client)?.0)
    }

    /// The same for the first of several processes that are one task: it stores the execution token
    /// in a file beside the context file, for its owner alone. If one is there already, it takes it.
    ///
    /// # Errors
    /// `Context`, also if the token cannot be stored.
    pub fn begin_from_env(client: Client) -> Result<Self, JobError> {
        let (mut job, path) = Self::read(client)?;
        job.execution_token = stored::find_or_store(&path, &job.id, &job.execution_token)?;
        Ok(job)
    }

    /// The same for a later process of the task: it takes the execution token that is stored.
    ///
    /// # Errors
    /// `Context`, also if none is stored.
    pub fn join_from_env(client: Client) -> Result<Self, JobError> {
        let (mut job, path) = Self::read(client)?;
        job.execution_token = stored::find(&path, &job.id)?.ok_or(ContextError::NotActivated)?;
        Ok(job)
    }

    fn read(client: Client) -> Result<(Self, PathBuf), JobError> {
        let path = context::path()?;
        let mut job = Self::new(client, context::read(&path)?)?;
        job.previous = context::previous_path();
        Ok((job, path))
    }

    /// A task that was told its authorization in some other way, with a new execution token.
    ///
    /// # Errors
    /// `Context`, if `auth` names no execution or there is no randomness.
    pub fn new(client: Client, auth: dm::execution::Auth) -> Result<Self, JobError> {
        let mut execution_token = vec![0; TOKEN_LENGTH];
        getrandom::fill(&mut execution_token).map_err(|_| ContextError::Random)?;
        Ok(JobContext {
            client,
            id: auth.id.ok_or(ContextError::NoExecution)?,
            activation_token: auth.token,
            execution_token,
            previous: None,
        })
    }

    /// The execution.
    pub fn id(&self) -> &dm::execution::Id {
        &self.id
    }

    /// Says that the task lives. To be called before anything else; again it does no harm.
    ///
    /// # Errors
    /// `Stop` if another task was faster, or the execution is over.
    pub async fn activate(&self) -> Result<(), JobError> {
        let request = dm::ActivateExecutionReq {
            auth: Some(self.auth(&self.activation_token)),
            execution_token: self.execution_token.clone(),
        };
        stop(self.client.activate_execution(request).await)
    }

    /// Makes sure that these quests and their attempts exist, and also `attempts` of quests that
    /// do, and makes the execution depend on all of them. `include_results` asks for the objects of
    /// their results, at most 30 MiB together.
    ///
    /// # Errors
    /// `Stop` if the execution is over; `Client` with `FailedPrecondition` if the attempt would
    /// wait for itself.
    pub async fn depend(
        &self,
        quests: Vec<(dm::quest::Desc, Vec<u32>)>,
        attempts: Option<dm::AttemptList>,
        include_results: bool,
    ) -> Result<Depended, JobError> {
        let nums = |nums| dm::attempt_list::Nums { nums };
        let (quest, quest_attempt) = quests
            .into_iter()
            .map(|(desc, numbers)| (desc, nums(numbers)))
            .unzip();
        let options = dm::ensure_graph_data_req::include::Options {
            result: include_results,
        };
        let request = dm::EnsureGraphDataReq {
            quest,
            quest_attempt,
            raw_attempts: attempts,
            for_execution: Some(self.auth(&self.execution_token)),
            limit: Some(dm::ensure_graph_data_req::Limit {
                max_data_size: MOST_RESULTS,
            }),
            include: Some(dm::ensure_graph_data_req::Include {
                attempt: Some(options),
            }),
            ..dm::EnsureGraphDataReq::default()
        };
        let called: Called<dm::EnsureGraphDataRsp> =
            self.client.call("/dm.Deps/EnsureGraphData", request).await;
        match called {
            // The answer that said so was lost.
            Called {
                answer: Err(error),
                repeated: true,
            } if is_over(error.code()) => Ok(Depended::Halt),
            Called { answer, .. } => {
                let response = stop(answer)?;
                match response.should_halt {
                    true => Ok(Depended::Halt),
                    false => Ok(Depended::Results(response.result.unwrap_or_default())),
                }
            }
        }
    }

    /// Gives the result of the attempt, a JSON object of at most 256 KiB. Exit with code 0 after it.
    ///
    /// # Errors
    /// `Stop` if the execution is over; `Client` with `InvalidArgument` if it is no object.
    pub async fn finish(&self, object: impl Into<String>) -> Result<(), JobError> {
        let request = dm::FinishAttemptReq {
            auth: Some(self.auth(&self.execution_token)),
            data: Some(dm::JsonResult {
                object: object.into(),
                ..dm::JsonResult::default()
            }),
        };
        let called: Called<()> = self.client.call("/dm.Deps/FinishAttempt", request).await;
        match called {
            // An earlier try was carried out, and its answer lost.
            Called {
                answer: Err(error),
                repeated: true,
            } if is_over(error.code()) => Ok(()),
            Called { answer, .. } => stop(answer),
        }
    }

    /// The data of the attempt's last successful execution, as its backend reported it: a JSON
    /// object, `{}` if there was none (DC-25).
    ///
    /// # Errors
    /// `Context` if the backend gives no such file, or it cannot be read.
    pub fn previous(&self) -> Result<String, JobError> {
        let path = self.previous.as_ref().ok_or(ContextError::Variable {
            name: PREVIOUS_VARIABLE,
        })?;
        Ok(context::read_text(path)?)
    }

    fn auth(&self, token: &[u8]) -> dm::execution::Auth {
        dm::execution::Auth {
            id: Some(self.id.clone()),
            token: token.to_vec(),
        }
    }
}

/// [`JobContext::previous`] without a client.
///
/// # Errors
/// As there.
pub fn previous() -> Result<String, ContextError> {
    let path = context::previous_path().ok_or(ContextError::Variable {
        name: PREVIOUS_VARIABLE,
    })?;
    context::read_text(&path)
}

/// True if the service says that the token is not, or no longer, good.
fn is_over(code: Code) -> bool {
    matches!(
        code,
        Code::AlreadyExists | Code::PermissionDenied | Code::Unauthenticated
    )
}

fn stop<R>(answer: Result<R, ClientError>) -> Result<R, JobError> {
    answer.map_err(|error| match is_over(error.code()) {
        true => JobError::Stop {
            reason: error.to_string(),
        },
        false => JobError::Client(error),
    })
}
