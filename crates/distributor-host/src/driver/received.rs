//! Notifications from outside: each is in the store before its sender is told that it arrived.
//!
//! It refuses to know who may send: whoever calls has checked the token.

mod pending;

use distributor_core::dm::attempt::State;
use distributor_core::{ConfigSnapshot, ExecutionId, Notification, Timestamp};
use distributor_store::records::{JournalKind, JournalRecord};

pub(super) use pending::{Parked, Pending};

use super::answers::is_live;
use super::committer::Committer;
use super::engine::Engine;
use super::message::{CallError, Message};
use super::payload;
use super::work::Work;
use crate::machine::Event;

/// What became of a notification that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is durable, and its backend will be asked what it means (DC-44).
    Recorded,
    /// So many wait for this execution, or in all, that the backend is asked for the status instead.
    Condensed,
    /// The answer of `run` is not recorded yet: the status is asked for once it is (DC-47).
    Unsettled,
    /// There is no such execution (DC-48).
    Unknown,
    /// The execution is not the current one any more, or over (DC-49).
    Over,
    /// The execution belongs to another configuration than the token says.
    OtherConfiguration,
}

impl Engine {
    /// Takes a notification in. Once this returns it is durable, or there is nothing to do.
    ///
    /// `config_name` is the resolved name in the token; the execution's own snapshot decides which
    /// backend is asked, and one of another name is refused (DC-07).
    ///
    /// An attempt that still waits for room at its backend is `Unknown`: `run` was not called for its
    /// next execution, so there is no task that could have sent anything.
    ///
    /// # Errors
    /// `Store` or `NotStored` if it could not be stored: it should be sent again. `Stopped`.
    pub async fn receive(
        &self,
        notification: Notification,
        config_name: &str,
    ) -> Result<Received, CallError> {
        let id = notification.id;
        // Here and not by the committer, which everybody waits for.
        let payload = payload::encode(notification);
        let config_name = config_name.to_owned();
        self.send(|reply| Message::Receive {
            id,
            payload,
            config_name,
            reply,
        })
        .await
    }
}

impl Committer {
    /// A notification about any execution, which a backend's queue task has returned (DC-51). It is
    /// recorded with this batch; the attempt must be loaded.
    pub(super) fn record_notification(
        &mut self,
        work: &mut Work,
        notification: Notification,
    ) -> Received {
        let id = notification.id;
        self.record_payload(work, id, payload::encode(notification), None)
    }

    /// Like [`Committer::record_notification`], encoded already. If a name is given, the execution's
    /// configuration must have it. What is ignored changes nothing.
    pub(super) fn record_payload(
        &mut self,
        work: &mut Work,
        id: ExecutionId,
        payload: Vec<u8>,
        config_name: Option<&str>,
    ) -> Received {
        let is_other = |config: &ConfigSnapshot| config_name.is_some_and(|it| it != config.name);
        let Some(record) = work.record(&id.attempt) else {
            return Received::Unknown;
        };
        if let Some(prepared) = &record.prepared
            && prepared.execution == id.number
        {
            if record.state != State::Scheduling {
                return Received::Over;
            }
            if is_other(&prepared.config) {
                return Received::OtherConfiguration;
            }
            // Once is enough, and every time would put off the moment of giving up.
            if !prepared.poke {
                let execution = id.number;
                self.apply_quietly(work, id.attempt, Event::Poke { execution });
            }
            return Received::Unsettled;
        }
        let execution = record.execution.as_ref();
        let Some(execution) = execution.filter(|_| is_live(record, id.number)) else {
            let existed = (1..=record.current_execution).contains(&id.number);
            return if existed {
                Received::Over
            } else {
                Received::Unknown
            };
        };
        if is_other(&execution.config) {
            return Received::OtherConfiguration;
        }
        if self.add_notification(work, id, payload, None) {
            Received::Recorded
        } else {
            Received::Condensed
        }
    }

    /// Adds a row about a live execution. Beyond the limits it becomes a status query, and the answer
    /// is false. `retry` is the time of the next try and the number of those that failed.
    pub(super) fn add_notification(
        &mut self,
        work: &mut Work,
        id: ExecutionId,
        payload: Vec<u8>,
        retry: Option<(Timestamp, u32)>,
    ) -> bool {
        let (pending, bytes) = (&mut self.dispatcher.notifications, payload.len());
        if !pending.has_room(&self.settings.notifications, &id, bytes) {
            self.ask_instead(work, id);
            return false;
        }
        pending.add(id, bytes);
        self.next_journal += 1;
        work.batch.journal_added.push(JournalRecord {
            id: self.next_journal,
            kind: JournalKind::HandleNotification,
            attempt: id.attempt,
            execution: id.number,
            due: retry.map(|(due, _)| due),
            tries: retry.map_or(0, |(_, tries)| tries),
            target: None,
            payload,
        });
        true
    }

    /// One question answers any number of notifications, and it can wait in the store.
    pub(super) fn ask_instead(&mut self, work: &mut Work, id: ExecutionId) {
        let record = work.record(&id.attempt);
        let execution = record.and_then(|record| record.execution.as_ref());
        // Of any number of these only two are written.
        if execution.is_some_and(|execution| !execution.ask_again) {
            let execution = id.number;
            self.apply_quietly(work, id.attempt, Event::News { execution });
        }
    }

    /// The row is done, and with it the rows that wait for it if the execution is over: what they
    /// would tell is known.
    pub(super) fn notification_done(
        &mut self,
        work: &mut Work,
        id: ExecutionId,
        row: Option<Parked>,
    ) {
        let record = work.record(&id.attempt);
        let live = record.is_some_and(|record| is_live(record, id.number));
        let waiting = if live {
            Default::default()
        } else {
            self.dispatcher.notifications.take_parked(&id)
        };
        for done in row.into_iter().chain(waiting) {
            work.batch.journal_done.push(done.row);
            self.dispatcher.notifications.remove(id, done.bytes);
            self.dispatcher.unlease(done.row);
        }
    }
}
