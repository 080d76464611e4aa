//! `Cancel`: asks for the end of attempts and executions.

use std::collections::BTreeSet;

use distributor_core::{AttemptId, ExecutionId};
use distributor_host::driver::CallError;
use distributor_proto::control;
use tokio::task::JoinSet;

use super::reading::attempt_ids;
use crate::access::Caller;
use crate::api::Api;
use crate::status::{Code, Status};

/// Most entries of each list of a request.
const MOST: usize = 1000;

/// What is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Attempt(AttemptId),
    /// Only if it is still its attempt's current one.
    Execution(ExecutionId),
}

impl Target {
    fn attempt(self) -> AttemptId {
        match self {
            Target::Attempt(attempt) => attempt,
            Target::Execution(execution) => execution.attempt,
        }
    }
}

impl Api {
    /// `distributor.control.Control.Cancel`.
    ///
    /// # Errors
    /// `PermissionDenied`; `InvalidArgument`; `FailedPrecondition` for an execution that is not its
    /// attempt's current one; `Unavailable` if the wish could not be stored: the same call may succeed
    /// later, and repeating it does no harm.
    pub async fn cancel(
        &self,
        caller: &Caller,
        request: control::CancelRequest,
    ) -> Result<control::CancelResponse, Status> {
        self.parts().access.check_writer(caller)?;
        let targets = targets(&request)?;
        let reason = match request.reason.trim() {
            "" => format!("cancelled by {}", caller.name()),
            _ => request.reason,
        };
        let targets = self.still_to_end(targets).await?;
        // Sent all at once, so that many are one transaction.
        let mut calls = JoinSet::new();
        for target in targets {
            let (engine, reason) = (self.parts().engine.clone(), reason.clone());
            calls.spawn(async move {
                let answer = match target {
                    Target::Attempt(attempt) => engine.cancel(attempt, reason).await,
                    Target::Execution(execution) => {
                        engine.cancel_execution(execution, reason).await
                    }
                };
                (target, answer)
            });
        }
        let mut not_found = BTreeSet::new();
        let mut failure = None;
        while let Some(done) = calls.join_next().await {
            match done {
                Ok((_, Ok(()))) => {}
                Ok((_, Err(CallError::NotFound(attempt)))) => {
                    not_found.insert(attempt);
                }
                Ok((Target::Execution(execution), Err(CallError::Refused(_)))) => {
                    // It ended meanwhile, or another one is current now.
                    let target = Target::Execution(execution);
                    match self.still_to_end(BTreeSet::from([target])).await {
                        Ok(left) if left.is_empty() => {}
                        Ok(_) => failure = Some(not_current(execution)),
                        Err(refused) => failure = Some(refused),
                    }
                }
                Ok((target, Err(error))) => failure = Some(failed(target, error)),
                Err(error) => {
                    let message = format!("a call was lost: {error}");
                    failure = Some(Status::new(Code::Internal, message));
                }
            }
        }
        match failure {
            Some(failure) => Err(failure),
            None => Ok(control::CancelResponse {
                not_found: not_found.into_iter().map(Into::into).collect(),
            }),
        }
    }

    /// The targets without executions that are over for good. Nothing is cancelled if one of the
    /// executions is not the current one; the host checks again.
    async fn still_to_end(
        &self,
        mut targets: BTreeSet<Target>,
    ) -> Result<BTreeSet<Target>, Status> {
        let executions = targets.iter().filter_map(|target| match target {
            Target::Execution(execution) => Some(*execution),
            Target::Attempt(_) => None,
        });
        let executions: Vec<ExecutionId> = executions.collect();
        let attempts: Vec<AttemptId> = executions.iter().map(|it| it.attempt).collect();
        if attempts.is_empty() {
            return Ok(targets);
        }
        let records = self.read(move |store| store.attempts(&attempts)).await?;
        for (execution, record) in executions.iter().zip(records) {
            let Some(record) = record else {
                continue;
            };
            let over = record
                .execution
                .as_ref()
                .is_some_and(|it| it.outcome.is_some());
            let is_current = record.current_execution == execution.number;
            match (is_current, record.is_final(), over) {
                (true, true, _) => {
                    targets.remove(&Target::Execution(*execution));
                }
                (true, false, false) => {}
                // Another one is current, or the attempt goes on without it.
                (false, _, _) | (true, false, true) => return Err(not_current(*execution)),
            }
        }
        Ok(targets)
    }
}

/// What the request names, each once.
fn targets(request: &control::CancelRequest) -> Result<BTreeSet<Target>, Status> {
    if request.attempts.is_empty() && request.executions.is_empty() {
        let problem = "name at least one attempt here, or an execution in `executions`";
        return Err(Status::invalid("attempts", problem));
    }
    for (field, count) in [
        ("attempts", request.attempts.len()),
        ("executions", request.executions.len()),
    ] {
        if count > MOST {
            let problem = format!("{count} are too many: name at most {MOST}");
            return Err(Status::invalid(field, problem));
        }
    }
    let attempts = attempt_ids("attempts", &request.attempts)?;
    let mut targets: BTreeSet<Target> = attempts.into_iter().map(Target::Attempt).collect();
    for (index, id) in request.executions.iter().enumerate() {
        let execution = ExecutionId::try_from(id)
            .map_err(|error| Status::invalid(format!("executions[{index}]"), error))?;
        targets.insert(Target::Execution(execution));
    }
    Ok(targets)
}

fn not_current(execution: ExecutionId) -> Status {
    let message = format!(
        "executions: {execution} is not the current execution of its attempt, or over; cancel the attempt \
         to end whatever it does now"
    );
    Status::new(Code::FailedPrecondition, message)
}

fn failed(target: Target, error: CallError) -> Status {
    let Status { code, message } = Status::from(error);
    Status::new(code, format!("{}: {message}", target.attempt()))
}
