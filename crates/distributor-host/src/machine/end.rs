//! The end of an execution, and what the attempt makes of it: retry, wait, finish, give up.

use std::sync::Arc;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::{attempt, execution};
use distributor_core::{Timestamp, dm};
use distributor_store::bits::Bits;
use distributor_store::records::{ExecutionRecord, Outcome, Retries, StoredSecret};

use super::{Change, ENDING_PATIENCE, ENDING_POLL_GAP, Effect, FinalResult, Refusal, abnormal};

impl Change<'_> {
    /// The backend says that the task is over. Stale news change nothing (DC-49).
    pub(super) fn task_ended(&mut self, number: u32, result: FinalResult) {
        let simple = self.policy().simple;
        let Some(execution) = self.live(number) else {
            return;
        };
        let release = Effect::Release {
            config: execution.config.clone(),
            token: execution.token.clone(),
        };
        let state = execution.state;
        let ending = execution.ending.clone();
        self.effects.push(release);
        match (ending, result.into_outcome()) {
            // What the host has decided and asked for is what is recorded.
            (Some(ending), _) => self.end_abnormally(ending),
            (None, Outcome::Abnormal(finish)) => self.end_abnormally(finish),
            (None, Outcome::Data(_)) if !simple && state != execution::State::Stopping => {
                let reason = format!(
                    "distributor finished execution while it was in the {} state.",
                    state.as_str_name()
                );
                self.end_abnormally(abnormal(Status::Failed, reason));
            }
            (None, Outcome::Data(data)) => self.end_normally(data),
        }
    }

    fn end_normally(&mut self, data: Arc<dm::JsonResult>) {
        if self.policy().simple {
            // Nobody else speaks for its job: the steps up to STOPPING happen in one.
            let state = self.attempt.execution.as_ref().map(|it| it.state);
            if state == Some(execution::State::Scheduling) {
                self.execution_to(execution::State::Running);
            }
            self.execution_to(execution::State::Stopping);
            self.attempt.outcome = Some(Outcome::Data(data.clone()));
        }
        self.execution_to(execution::State::Finished);
        self.settle(Outcome::Data(data));
        self.attempt.last_successful_execution = self.attempt.current_execution;
        self.attempt.failures = Retries::default();
        if self.attempt.dependencies.size() == 0 {
            self.attempt_to(attempt::State::Finished);
            self.effects.push(Effect::Ended);
        } else if self.attempt.dependencies.all_set() {
            self.schedule_again();
        } else {
            self.attempt_to(attempt::State::Waiting);
        }
    }

    /// Ends the current execution abnormally and retries the attempt or gives it up.
    pub(super) fn end_abnormally(&mut self, finish: Arc<dm::AbnormalFinish>) {
        self.execution_to(execution::State::AbnormalFinished);
        self.settle(Outcome::Abnormal(finish.clone()));
        if self.take_retry(finish.status()) {
            self.schedule_again();
        } else {
            self.give_up(finish);
        }
    }

    /// A budget of n allows n re-executions; the counter grows either way.
    fn take_retry(&mut self, status: Status) -> bool {
        let budget = self.policy().retries;
        let failures = &mut self.attempt.failures;
        let (count, budget) = match status {
            Status::Failed => (&mut failures.failed, budget.failed),
            Status::Crashed => (&mut failures.crashed, budget.crashed),
            Status::Expired => (&mut failures.expired, budget.expired),
            Status::TimedOut => (&mut failures.timed_out, budget.timed_out),
            Status::Invalid
            | Status::Cancelled
            | Status::Rejected
            | Status::Missing
            | Status::ResultMalformed => return false,
        };
        let retry = *count < budget;
        *count = count.saturating_add(1);
        retry
    }

    pub(super) fn schedule_again(&mut self) {
        self.attempt.dependencies = Bits::default();
        self.attempt.outcome = None;
        self.attempt_to(attempt::State::Scheduling);
        self.effects.push(Effect::Ready);
    }

    pub(super) fn give_up(&mut self, finish: Arc<dm::AbnormalFinish>) {
        self.attempt.ready = None;
        self.attempt.outcome = Some(Outcome::Abnormal(finish));
        self.attempt_to(attempt::State::AbnormalFinished);
        self.effects.push(Effect::Ended);
    }

    /// A phase took too long. A job that speaks the API cannot do harm any more once its token is
    /// gone; the task of a simple quest must be over before it is run again.
    pub(super) fn call_off(&mut self, finish: Arc<dm::AbnormalFinish>) {
        self.cancel_task();
        if self.policy().simple {
            self.wait_for_the_end(finish);
        } else {
            self.end_abnormally(finish);
        }
    }

    pub(super) fn wait_for_the_end(&mut self, finish: Arc<dm::AbnormalFinish>) {
        let now = self.now;
        if let Some(execution) = self.attempt.execution.as_mut() {
            execution.ending = Some(finish);
            execution.auth_token = StoredSecret::default();
            execution.deadline = Some(now.after(ENDING_PATIENCE));
            execution.poll_at = Some(now.after(ENDING_POLL_GAP));
        }
    }

    pub(super) fn cancel_task(&mut self) {
        if let Some(execution) = &self.attempt.execution {
            self.effects.push(Effect::CancelTask {
                execution: execution.number,
                config: execution.config.clone(),
                token: execution.token.clone(),
            });
        }
    }

    /// Somebody wants the attempt to end. Repeating the wish is harmless.
    pub(super) fn cancel(&mut self, reason: &str) {
        let finish = abnormal(Status::Cancelled, reason);
        match self.attempt.state {
            attempt::State::Scheduling => {
                let now = self.now;
                match &mut self.attempt.prepared {
                    None => self.give_up(finish),
                    // The first wish names the reason.
                    Some(prepared) if prepared.ending.is_some() => {}
                    Some(prepared) => {
                        prepared.ending = Some(finish);
                        prepared.give_up_at = Some(now.after(ENDING_PATIENCE));
                        self.effects.push(Effect::Abandon);
                    }
                }
            }
            attempt::State::Waiting => self.give_up(finish),
            attempt::State::Executing => {
                let number = self.attempt.current_execution;
                if self.live(number).is_some_and(|it| it.ending.is_none()) {
                    self.cancel_task();
                    self.wait_for_the_end(finish);
                } else if let Some(ending) = self.live(number).and_then(|it| it.ending.as_mut()) {
                    // A timeout was to be retried; the wish to end is stronger. The first wish
                    // names the reason.
                    if ending.status() != Status::Cancelled {
                        *ending = finish;
                    }
                }
            }
            attempt::State::Finished | attempt::State::AbnormalFinished => {}
        }
    }

    /// Like [`Self::cancel`], for whoever means one execution and no later one.
    pub(super) fn cancel_execution(&mut self, number: u32, reason: &str) -> Result<(), Refusal> {
        if self.attempt.current_execution != number {
            return Err(Refusal::Denied("not the current execution"));
        }
        if self.live(number).is_none() {
            return Err(Refusal::Denied("the execution is over"));
        }
        self.cancel(reason);
        Ok(())
    }

    fn settle(&mut self, outcome: Outcome) {
        if let Some(execution) = self.attempt.execution.as_mut() {
            settle_execution(execution, outcome);
        }
    }
}

/// Nothing is due any more, and no token opens anything.
fn settle_execution(execution: &mut ExecutionRecord, outcome: Outcome) {
    let nothing: Option<Timestamp> = None;
    execution.auth_token = StoredSecret::default();
    execution.deadline = nothing;
    execution.poll_at = nothing;
    execution.polling = false;
    execution.ask_again = false;
    execution.ending = None;
    execution.outcome = Some(outcome);
}
