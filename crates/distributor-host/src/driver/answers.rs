//! What backends answered, as events: retries, limits, and what each method's end means (DC-23).

use std::time::Duration;

use distributor_core::{Error, ErrorKind, ExecutionId, Notification, Retry, Timestamp};
use distributor_store::JournalDelay;

use super::committer::Committer;
use super::message::Row;
use super::work::Work;
use crate::machine::{AnsweredState, Event, FinalResult, RunAnswer, StatusAnswer};

impl Committer {
    pub(super) fn run_answered(
        &mut self,
        work: &mut Work,
        row: Row,
        id: ExecutionId,
        answer: Result<RunAnswer, Error>,
    ) {
        let wanted = work
            .record(&id.attempt)
            .is_some_and(|record| !record.is_final());
        let answer = match answer {
            Ok(answer) => Ok(answer),
            Err(error) if wanted && self.try_again(work, row, &error) => return,
            Err(error) => Err(error.to_string()),
        };
        work.batch.journal_done.push(row.id);
        let event = Event::RunAnswered {
            execution: id.number,
            answer,
        };
        self.apply_quietly(work, id.attempt, event);
    }

    pub(super) fn status_answered(
        &mut self,
        work: &mut Work,
        row: Row,
        id: ExecutionId,
        answer: Result<AnsweredState, Error>,
    ) {
        let answer = match answer {
            Ok(state) => StatusAnswer::State(state),
            Err(error) if self.try_again(work, row, &error) => return,
            Err(error) if error.is_transient() => StatusAnswer::Transient(error.to_string()),
            Err(error) => StatusAnswer::Permanent(error.to_string()),
        };
        work.batch.journal_done.push(row.id);
        let event = Event::StatusAnswered {
            execution: id.number,
            answer,
        };
        self.apply_quietly(work, id.attempt, event);
    }

    /// A failing `cancel` changes no recorded outcome (DC-37).
    pub(super) fn cancel_answered(
        &mut self,
        work: &mut Work,
        row: Row,
        id: ExecutionId,
        answer: Result<(), Error>,
    ) {
        if let Err(error) = answer {
            if self.try_again(work, row, &error) {
                return;
            }
            tracing::warn!(execution = %id, %error, "the task could not be cancelled");
        }
        work.batch.journal_done.push(row.id);
    }

    /// A hint from a backend in this process. Unknown and ended executions are ignored (DC-48, DC-49).
    pub(super) fn notified(&mut self, work: &mut Work, notification: Notification) {
        use distributor_core::dm::attempt::State;
        let id = notification.id;
        let Some(record) = work.record(&id.attempt) else {
            return;
        };
        if record.state == State::Executing && record.current_execution == id.number {
            work.notified.push(notification);
        } else if record.prepared.is_some() {
            let event = Event::Poke {
                execution: id.number,
            };
            self.apply_quietly(work, id.attempt, event);
        }
    }

    pub(super) fn notification_handled(
        &mut self,
        work: &mut Work,
        id: ExecutionId,
        answer: Result<Option<FinalResult>, Error>,
    ) {
        let event = match answer {
            Ok(None) => return,
            Ok(Some(result)) => Event::TaskEnded {
                execution: id.number,
                result,
            },
            Err(error) if error.is_transient() => Event::AskStatus,
            Err(error) => {
                tracing::warn!(execution = %id, %error, "notification dropped");
                return;
            }
        };
        self.apply_quietly(work, id.attempt, event);
    }

    /// Delays the row for another try, unless the error is permanent or the tries are used up.
    fn try_again(&mut self, work: &mut Work, row: Row, error: &Error) -> bool {
        let Retry::Transient { after } = error.retry() else {
            return false;
        };
        let tries = row.tries + 1;
        if tries >= self.settings.retry.limit {
            return false;
        }
        let random = self.random_number();
        let delay = self.settings.retry.delay(tries, random);
        let delay = after.unwrap_or(Duration::ZERO).max(delay);
        work.batch.journal_delayed.push(JournalDelay {
            id: row.id,
            due: work.now.after(delay),
            tries,
        });
        true
    }

    fn random_number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        // Without randomness the delay has no jitter, which is no reason to fail.
        let _no_jitter = self.random.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Everything whose time has come, one batch full of it.
    pub(super) fn wake_due(
        &mut self,
        work: &mut Work,
    ) -> Result<(), distributor_store::StoreError> {
        work.tick = true;
        let due = self.store.due_attempts(work.now, self.settings.batch)?;
        self.load(work, &due)?;
        for id in due {
            // Another event of this batch may have moved the time.
            let still_due = work
                .record(&id)
                .and_then(|record| record.wake_at())
                .is_some_and(|wake_at: Timestamp| wake_at <= work.now);
            if still_due {
                self.apply_quietly(work, id, Event::Wake);
            }
        }
        Ok(())
    }
}

/// A call that took longer than the host allows.
pub(super) fn timed_out(limit: Duration) -> Error {
    let message = format!("no answer within {} s", limit.as_secs_f64());
    Error::new(ErrorKind::Timeout, message).transient()
}
