//! From "there is room" to "the task is started": deciding an execution, and the answer of `run`.

use std::sync::Arc;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::{attempt, execution};
use distributor_core::{ConfigSnapshot, Secret, Timestamp, Token};
use distributor_store::records::{ExecutionRecord, Prepared, StoredSecret};
use sha2::{Digest, Sha256};

use super::{AnsweredState, Change, ENDING_PATIENCE, Effect, RunAnswer, abnormal, after_if_set};

impl Change<'_> {
    /// Decides the next execution: token and configuration are fixed before `run` is called (A4).
    pub(super) fn start(&mut self, activation_token: Secret, config: Arc<ConfigSnapshot>) {
        if self.attempt.state != attempt::State::Scheduling || self.attempt.prepared.is_some() {
            return;
        }
        let Some(number) = self.attempt.current_execution.checked_add(1) else {
            return self.give_up(abnormal(Status::Rejected, "no execution number is left"));
        };
        self.attempt.ready = None;
        self.attempt.prepared = Some(Prepared {
            execution: number,
            activation_token: StoredSecret(activation_token),
            config,
            created: self.now,
            poke: false,
            ending: None,
            give_up_at: None,
        });
        self.effects.push(Effect::Run);
    }

    pub(super) fn start_impossible(&mut self, config: Arc<ConfigSnapshot>, reason: String) {
        if self.attempt.state != attempt::State::Scheduling || self.attempt.prepared.is_some() {
            return;
        }
        let Some(number) = self.attempt.current_execution.checked_add(1) else {
            return self.give_up(abnormal(Status::Rejected, reason));
        };
        self.attempt.ready = None;
        self.begin_execution(new_execution(number, self.now, self.now, config));
        self.end_abnormally(abnormal(Status::Rejected, reason));
    }

    /// The answer of `run`: the execution exists from now on (DC-29).
    pub(super) fn run_answered(&mut self, number: u32, answer: Result<RunAnswer, String>) {
        let Some(prepared) = self
            .attempt
            .prepared
            .take_if(|prepared| prepared.execution == number)
        else {
            return;
        };
        if self.attempt.state != attempt::State::Scheduling {
            // The attempt was ended meanwhile: what was started is not wanted.
            if let Ok(answer) = answer {
                let (config, token) = (prepared.config, answer.token);
                self.effects.push(match answer.state {
                    AnsweredState::Finished(_) => Effect::Release { config, token },
                    AnsweredState::Pending | AnsweredState::Running => Effect::CancelTask {
                        execution: number,
                        config,
                        token,
                    },
                });
            }
            return;
        }
        if answer.is_err()
            && let Some(ending) = prepared.ending
        {
            self.give_up(ending);
            return;
        }
        let mut execution =
            new_execution(number, prepared.created, self.now, prepared.config.clone());
        let answer = match answer {
            Ok(answer) => answer,
            Err(reason) => {
                self.begin_execution(execution);
                self.end_abnormally(abnormal(Status::Rejected, reason));
                return;
            }
        };
        execution.token = answer.token;
        execution.poll_timeout = answer.poll_timeout;
        execution.deadline = after_if_set(self.now, self.policy().start_timeout);
        if self.policy().simple {
            // For others it is the waiting time in STOPPING (DC-31), and only that.
            execution.poll_at = after_if_set(self.now, answer.poll_timeout);
        } else {
            let token = prepared.activation_token;
            execution.activation_digest = Sha256::digest(token.0.expose()).to_vec();
            execution.auth_token = token;
        }
        execution.ending = prepared.ending.clone();
        self.begin_execution(execution);
        match answer.state {
            AnsweredState::Pending => {}
            AnsweredState::Running => self.seen_running(number),
            AnsweredState::Finished(result) => self.task_ended(number, result),
        }
        if let Some(ending) = prepared.ending
            && self.live(number).is_some()
        {
            self.cancel_task();
            self.wait_for_the_end(ending);
        }
        if prepared.poke {
            self.ask_status();
        }
    }

    /// The backend says that the task runs; a simple quest has nobody else to say so.
    pub(super) fn seen_running(&mut self, number: u32) {
        let policy = self.policy();
        let now = self.now;
        let Some(execution) = self.live(number) else {
            return;
        };
        let ending = execution.ending.is_some();
        if policy.simple && execution.state == execution::State::Scheduling {
            if !ending {
                execution.deadline = after_if_set(now, policy.run_timeout);
            }
            self.execution_to(execution::State::Running);
        }
    }

    /// A notification that comes before `run` has answered becomes a status query (DC-47).
    pub(super) fn poke(&mut self, number: u32) {
        if let Some(prepared) = &mut self.attempt.prepared
            && prepared.execution == number
        {
            prepared.poke = true;
            // Asked for by a host that has just begun: it has waited for nothing yet.
            let patience = self.now.after(ENDING_PATIENCE);
            prepared.give_up_at = prepared.give_up_at.map(|_| patience);
        }
    }

    fn begin_execution(&mut self, execution: ExecutionRecord) {
        self.attempt.current_execution = execution.number;
        self.attempt_to(attempt::State::Executing);
        if let Some(past) = self.attempt.execution.replace(execution) {
            self.effects.push(Effect::Archive(Box::new(past)));
        }
    }
}

fn new_execution(
    number: u32,
    created: Timestamp,
    now: Timestamp,
    config: Arc<ConfigSnapshot>,
) -> ExecutionRecord {
    ExecutionRecord {
        number,
        state: execution::State::Scheduling,
        created,
        modified: now,
        started: now,
        config,
        token: Token::default(),
        auth_token: StoredSecret::default(),
        poll_timeout: std::time::Duration::ZERO,
        deadline: None,
        poll_at: None,
        polls: 0,
        polling: false,
        ask_again: false,
        last_error: None,
        activation_digest: Vec::new(),
        ending: None,
        outcome: None,
    }
}
