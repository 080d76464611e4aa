//! Time passing and asking for news: deadlines, polls, and what `get_status` answers.

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::execution::State;
use distributor_core::Timestamp;

use super::{
    AnsweredState, Change, ENDING_POLL_GAP, Effect, MISSING_GRACE, STOPPING_POLL_GAP,
    STOPPING_POLLS, StatusAnswer, abnormal,
};

impl Change<'_> {
    pub(super) fn wake(&mut self) {
        let (number, now) = (self.attempt.current_execution, self.now);
        let due = |moment: Option<Timestamp>| moment.is_some_and(|moment| moment <= now);
        let Some(execution) = self.live(number) else {
            return;
        };
        if due(execution.deadline) {
            match (&execution.ending, execution.state) {
                (Some(ending), _) => {
                    let ending = ending.clone();
                    self.end_abnormally(ending);
                    return;
                }
                (None, State::Stopping) => {
                    self.stopping_deadline();
                    return;
                }
                (None, state) => {
                    let reason = format!("DM timeout ({})", state.as_str_name());
                    self.call_off(abnormal(Status::TimedOut, reason));
                }
            }
        }
        let Some(execution) = self.live(number) else {
            return;
        };
        if due(execution.poll_at) {
            let gap = if execution.ending.is_some() {
                ENDING_POLL_GAP
            } else {
                execution.poll_timeout
            };
            execution.poll_at = Some(now.after(gap.max(std::time::Duration::from_millis(1))));
            self.ask_status();
        }
    }

    /// Polls at T, T + 30 s and T + 60 s; at T + 90 s it gives up without another call (DC-32, DC-33).
    fn stopping_deadline(&mut self) {
        let number = self.attempt.current_execution;
        let Some(execution) = self.live(number) else {
            return;
        };
        if execution.polls >= STOPPING_POLLS {
            let detail = execution
                .last_error
                .as_ref()
                .map(|error| format!("; last error: {error}"))
                .unwrap_or_default();
            let reason = format!(
                "DM timeout (STOPPING): no result after {STOPPING_POLLS} status queries{detail}"
            );
            self.cancel_task();
            self.end_abnormally(abnormal(Status::Expired, reason));
            return;
        }
        execution.polls += 1;
        // Counted from the former deadline, so that a late wake-up does not stretch the schedule.
        execution.deadline = execution
            .deadline
            .map(|deadline| deadline.after(STOPPING_POLL_GAP));
        self.ask_status();
    }

    /// One query at a time.
    pub(super) fn ask_status(&mut self) {
        let number = self.attempt.current_execution;
        if let Some(execution) = self.live(number).filter(|execution| !execution.polling) {
            execution.polling = true;
            self.effects.push(Effect::GetStatus);
        }
    }

    pub(super) fn status_answered(&mut self, number: u32, answer: StatusAnswer) {
        let now = self.now;
        let Some(execution) = self.live(number) else {
            return;
        };
        execution.polling = false;
        let settled = now.since(execution.started) > MISSING_GRACE;
        match answer {
            StatusAnswer::State(AnsweredState::Pending) => execution.last_error = None,
            StatusAnswer::State(AnsweredState::Running) => {
                execution.last_error = None;
                self.seen_running(number);
            }
            StatusAnswer::State(AnsweredState::Finished(result)) => {
                self.task_ended(number, result);
            }
            StatusAnswer::Permanent(error) if settled => {
                let ending = execution.ending.clone();
                self.end_abnormally(ending.unwrap_or_else(|| abnormal(Status::Missing, error)));
            }
            StatusAnswer::Permanent(error) => {
                execution.last_error = Some(error);
                // Within the grace it counts as transient, and somebody must ask again (DC-41).
                if execution.poll_at.is_none() && execution.deadline.is_none() {
                    let grace_over = execution
                        .started
                        .after(MISSING_GRACE + std::time::Duration::from_micros(1));
                    execution.poll_at = Some(grace_over);
                }
            }
            StatusAnswer::Transient(error) => execution.last_error = Some(error),
        }
    }
}
