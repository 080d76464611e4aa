//! What backends answered, as events: retries, limits, and what each method's end means (DC-23).

use std::sync::Arc;
use std::time::Duration;

use distributor_core::{Applied, Error, ErrorKind, ExecutionId, Notification, Retry, Timestamp};
use distributor_store::JournalDelay;
use distributor_store::records::AttemptRecord;

use super::committer::Committer;
use super::message::Row;
use super::payload;
use super::received::Parked;
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
            .is_some_and(|record| !record.is_final() && !is_called_off(record));
        // An earlier try may have started a task that must be found and ended.
        let doubtful = |error: &Error| row.tries > 0 || error.applied() == Applied::Unknown;
        let answer = match answer {
            Ok(answer) => Ok(answer),
            Err(error) if (wanted || doubtful(&error)) && self.try_again(work, row, &error) => {
                return;
            }
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
        let id = notification.id;
        let Some(record) = work.record(&id.attempt) else {
            return;
        };
        if let Some(prepared) = &record.prepared {
            // Once is enough, and every time would put off the moment of giving up.
            if prepared.execution == id.number && !prepared.poke {
                let execution = id.number;
                self.apply_quietly(work, id.attempt, Event::Poke { execution });
            }
        } else if !is_live(record, id.number) {
            // Nothing to learn.
        } else if self.dispatcher.has_room_for_hint(work.notified.len()) {
            work.notified.push(Arc::new(notification));
        } else {
            self.ask_instead(work, id);
        }
    }

    pub(super) fn notification_handled(
        &mut self,
        work: &mut Work,
        row: Option<Row>,
        notification: &Notification,
        answer: Result<Option<FinalResult>, Error>,
    ) {
        let id = notification.id;
        if let Err(error) = &answer {
            let live = work
                .record(&id.attempt)
                .is_some_and(|record| is_live(record, id.number));
            let again = live
                && match row {
                    Some(row) => self.try_again(work, row, error),
                    None => self.journal_notification(work, notification, error),
                };
            if again {
                return;
            }
            tracing::warn!(execution = %id, %error, "notification dropped");
        }
        if let Ok(Some(result)) = answer {
            let event = Event::TaskEnded {
                execution: id.number,
                result,
            };
            self.apply_quietly(work, id.attempt, event);
        }
        let row = row.map(|Row { id: row, bytes, .. }| Parked { row, bytes });
        self.notification_done(work, id, row);
    }

    /// After the first failure a hint becomes a row, so that it is tried again like any call.
    fn journal_notification(
        &mut self,
        work: &mut Work,
        notification: &Notification,
        error: &Error,
    ) -> bool {
        let Some(due) = self.next_try(work, 1, error) else {
            return false;
        };
        let payload = payload::encode(notification.clone());
        self.add_notification(work, notification.id, payload, Some((due, 1)));
        true
    }

    /// Delays the row for another try, unless the error is permanent or the tries are used up.
    fn try_again(&mut self, work: &mut Work, row: Row, error: &Error) -> bool {
        let tries = row.tries + 1;
        let due = self.next_try(work, tries, error);
        work.batch
            .journal_delayed
            .extend(due.map(|due| JournalDelay {
                id: row.id,
                due,
                tries,
            }));
        due.is_some()
    }

    /// When to try again after `tries` failures, the last of which was `error`.
    pub(super) fn next_try(&mut self, work: &Work, tries: u32, error: &Error) -> Option<Timestamp> {
        let Retry::Transient { after } = error.retry() else {
            return None;
        };
        if tries >= self.settings.retry.limit {
            return None;
        }
        let random = self.random_number();
        let delay = self.settings.retry.delay(tries, random);
        Some(work.now.after(after.unwrap_or(Duration::ZERO).max(delay)))
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

/// Was the wish to end the attempt heard while `run` is under way?
pub(super) fn is_called_off(record: &AttemptRecord) -> bool {
    let prepared = record.prepared.as_ref();
    prepared.is_some_and(|prepared| prepared.ending.is_some())
}

/// Is this the current execution, and not over?
pub(super) fn is_live(record: &AttemptRecord, number: u32) -> bool {
    use distributor_core::dm::attempt::State;
    record.state == State::Executing && record.current_execution == number
}

/// A call that took longer than the host allows.
pub(super) fn timed_out(limit: Duration) -> Error {
    let message = format!("no answer within {} s", limit.as_secs_f64());
    Error::new(ErrorKind::Timeout, message).transient()
}
