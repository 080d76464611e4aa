//! Time passing and asking for news: deadlines, polls, and what `get_status` answers.

use std::time::Duration;

use distributor_core::Timestamp;
use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::attempt;
use distributor_core::dm::execution::State;

use super::{
    AnsweredState, Change, ENDING_PATIENCE, ENDING_POLL_GAP, Effect, MISSING_GRACE, OVERSLEPT,
    STOPPING_POLL_GAP, STOPPING_POLLS, StatusAnswer, abnormal, result,
};

/// A backend that wants to be polled more often than this is polled this often.
const SHORTEST_POLL_GAP: Duration = Duration::from_millis(1);

impl Change<'_> {
    pub(super) fn wake(&mut self) {
        let (number, now) = (self.attempt.current_execution, self.now);
        let due = |moment: &Timestamp| *moment <= now;
        if self.attempt.state == attempt::State::Scheduling {
            if let Some(prepared) = &mut self.attempt.prepared
                && prepared.give_up_at.as_ref().is_some_and(due)
                && let Some(ending) = prepared.ending.clone()
            {
                // A late answer is dealt with when it comes.
                self.give_up(ending);
            }
            return;
        }
        let deadline = self.live(number).and_then(|it| it.deadline).filter(due);
        if let Some(deadline) = deadline {
            self.deadline_passed(number, now.since(deadline));
        }
        let simple = self.policy().simple;
        let Some(execution) = self.live(number) else {
            return;
        };
        if execution.poll_at.as_ref().is_some_and(due) {
            let gap = match execution.ending {
                Some(_) => ENDING_POLL_GAP,
                None if simple => execution.poll_timeout,
                None => Duration::ZERO,
            };
            execution.poll_at = (!gap.is_zero()).then(|| now.after(gap.max(SHORTEST_POLL_GAP)));
            self.ask_status();
        }
    }

    fn deadline_passed(&mut self, number: u32, late: Duration) {
        let now = self.now;
        let Some(execution) = self.live(number) else {
            return;
        };
        match (execution.ending.clone(), execution.state) {
            // Nobody was there to see the task end or to have it cancelled.
            (Some(_), _) if late > ENDING_POLL_GAP => {
                execution.deadline = Some(now.after(ENDING_PATIENCE));
            }
            (Some(ending), _) => self.end_abnormally(ending),
            (None, State::Stopping) if execution.polls < STOPPING_POLLS => self.stopping_poll(),
            (None, _) if late > OVERSLEPT => {
                execution.deadline = Some(now.after(OVERSLEPT));
                self.ask_status();
            }
            (None, State::Stopping) => self.stopping_give_up(),
            (None, state) => {
                let reason = format!("DM timeout ({})", state.as_str_name());
                self.call_off(abnormal(Status::TimedOut, reason));
            }
        }
    }

    /// Polls at T, T + 30 s and T + 60 s (DC-32).
    fn stopping_poll(&mut self) {
        let (number, now) = (self.attempt.current_execution, self.now);
        let Some(execution) = self.live(number) else {
            return;
        };
        execution.polls += 1;
        // Counted from the former deadline, so that a late wake-up does not stretch the schedule;
        // but polls that were slept through give the backend no time to answer.
        execution.deadline = execution
            .deadline
            .map(|deadline| deadline.after(STOPPING_POLL_GAP))
            .filter(|next| *next > now)
            .or(Some(now.after(STOPPING_POLL_GAP)));
        self.ask_status();
    }

    /// At T + 90 s, without another call (DC-33).
    fn stopping_give_up(&mut self) {
        let number = self.attempt.current_execution;
        let Some(execution) = self.live(number) else {
            return;
        };
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
    }

    /// The answer of a query that is under way may be older than the news: then another follows it.
    pub(super) fn news(&mut self, number: u32) {
        match self.live(number) {
            Some(execution) if execution.polling => execution.ask_again = true,
            Some(_) => self.ask_status(),
            None => {}
        }
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
        let ask_again = std::mem::take(&mut execution.ask_again);
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
                // Within the grace it counts as transient (DC-41).
                let grace_over = execution.started.after(MISSING_GRACE);
                self.query_failed(number, error, grace_over.after(Duration::from_micros(1)));
            }
            StatusAnswer::Transient(error) => {
                self.query_failed(number, error, now.after(STOPPING_POLL_GAP));
            }
        }
        if ask_again && let Some(execution) = self.live(number) {
            execution.poll_at = Some(execution.poll_at.map_or(now, |at| at.min(now)));
        }
    }

    /// Whoever asked still wants to know: the next query is at `again`, if not earlier. In STOPPING
    /// the number of polls is fixed, and the next one may be the give-up.
    fn query_failed(&mut self, number: u32, error: String, again: Timestamp) {
        let Some(execution) = self.live(number) else {
            return;
        };
        execution.last_error = Some(result::cap_text(error));
        if execution.state != State::Stopping || execution.deadline.is_none() {
            execution.poll_at = Some(execution.poll_at.map_or(again, |at| at.min(again)));
        }
    }
}
