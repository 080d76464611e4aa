//! Calls that a job makes with its execution's tokens: activate, finish, halt.
//!
//! Checks go in a fixed order: current execution, attempt EXECUTING, execution not called off, state
//! of the execution, token (in constant time).

use std::sync::Arc;

use distributor_core::dm::{attempt, execution};
use distributor_core::{Secret, dm};
use distributor_store::bits::Bits;
use distributor_store::records::{AttemptRecord, ExecutionRecord, Outcome, StoredSecret};
use sha2::{Digest, Sha256};

use super::{Change, Refusal, after_if_set, live};

impl Change<'_> {
    /// SCHEDULING and the right activation token: RUNNING. The same call again is fine and does not
    /// move the deadline.
    pub(super) fn activate(
        &mut self,
        number: u32,
        activation_token: &Secret,
        execution_token: Secret,
    ) -> Result<(), Refusal> {
        let run_timeout = self.policy().run_timeout;
        let now = self.now;
        if let Some(prepared) = &self.attempt.prepared
            && prepared.execution == number
            && self.attempt.state == attempt::State::Scheduling
        {
            let invited = prepared
                .activation_token
                .0
                .matches(activation_token.expose());
            return Err(if prepared.ending.is_some() {
                Refusal::Denied("the attempt was called off")
            } else if invited {
                Refusal::NotSettled
            } else {
                Refusal::Denied("wrong activation token")
            });
        }
        let execution = self.current(number)?;
        match execution.state {
            execution::State::Scheduling => {
                if !execution.auth_token.0.matches(activation_token.expose()) {
                    return Err(Refusal::Denied("wrong activation token"));
                }
                execution.auth_token = StoredSecret(execution_token);
                execution.deadline = after_if_set(now, run_timeout);
                self.execution_to(execution::State::Running);
                Ok(())
            }
            execution::State::Running
                if execution.auth_token.0.matches(execution_token.expose()) =>
            {
                Ok(())
            }
            execution::State::Running => {
                let digest = Sha256::digest(activation_token.expose());
                let invited = Secret::new(execution.activation_digest.clone()).matches(&digest);
                Err(if invited {
                    Refusal::AlreadyActivated
                } else {
                    Refusal::Denied("wrong activation token")
                })
            }
            _ => Err(Refusal::Denied("the execution is stopping")),
        }
    }

    /// Stores the attempt's result; it becomes final when the backend says that the task is over.
    pub(super) fn finish_attempt(
        &mut self,
        number: u32,
        token: &Secret,
        result: Arc<dm::JsonResult>,
    ) -> Result<(), Refusal> {
        authenticate(self.attempt, number, token)?;
        self.revoke();
        self.attempt.outcome = Some(Outcome::Data(result));
        Ok(())
    }

    /// The job must stop and wait for others, if there is one to wait for. Otherwise its token stays
    /// good: an execution that stopped for nothing would end its attempt without a result.
    pub(super) fn halt(
        &mut self,
        number: u32,
        token: &Secret,
        satisfied: &[bool],
    ) -> Result<(), Refusal> {
        authenticate(self.attempt, number, token)?;
        if satisfied.iter().all(|satisfied| *satisfied) {
            return Ok(());
        }
        self.revoke();
        let mut dependencies = Bits::new(u32::try_from(satisfied.len()).unwrap_or(u32::MAX));
        for (bit, _) in (0..).zip(satisfied).filter(|(_, satisfied)| **satisfied) {
            dependencies.set(bit);
        }
        self.attempt.dependencies = dependencies;
        Ok(())
    }

    /// Erases the token and enters STOPPING.
    fn revoke(&mut self) {
        let stop_timeout = self.policy().stop_timeout;
        let now = self.now;
        if let Some(execution) = self.attempt.execution.as_mut() {
            execution.auth_token = StoredSecret::default();
            let wait = if execution.poll_timeout.is_zero() {
                stop_timeout
            } else {
                execution.poll_timeout
            };
            execution.deadline = after_if_set(now, wait);
            if execution.deadline.is_some() {
                execution.poll_at = None;
            }
        }
        self.execution_to(execution::State::Stopping);
    }

    fn current(&mut self, number: u32) -> Result<&mut ExecutionRecord, Refusal> {
        current(self.attempt, number)?;
        let execution = self.attempt.execution.as_mut();
        execution.ok_or(Refusal::Denied("the execution is over"))
    }
}

/// Is this the token of the attempt's running execution, and is that `number`? Compares in constant
/// time.
///
/// # Errors
/// What is not so.
pub fn authenticate(attempt: &AttemptRecord, number: u32, token: &Secret) -> Result<(), Refusal> {
    let execution = current(attempt, number)?;
    if execution.state != execution::State::Running {
        return Err(Refusal::Denied("the execution is not running"));
    }
    if !execution.auth_token.0.matches(token.expose()) {
        return Err(Refusal::Denied("wrong execution token"));
    }
    Ok(())
}

fn current(attempt: &AttemptRecord, number: u32) -> Result<&ExecutionRecord, Refusal> {
    if attempt.current_execution != number {
        return Err(Refusal::Denied("not the current execution"));
    }
    if attempt.state != attempt::State::Executing {
        return Err(Refusal::Denied("the attempt is not executing"));
    }
    match live(attempt, number) {
        Some(execution) if execution.ending.is_none() => Ok(execution),
        Some(_) => Err(Refusal::Denied("the execution is being cancelled")),
        None => Err(Refusal::Denied("the execution is over")),
    }
}
