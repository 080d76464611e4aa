//! Notifications from outside: each is in the store before its sender is told that it arrived.
//!
//! It refuses to know who may send: whoever calls has checked the token.

use distributor_core::Notification;
use distributor_store::records::{JournalKind, JournalRecord};

use super::committer::Committer;
use super::engine::Engine;
use super::message::CallError;
use super::payload;
use super::work::Work;

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
    /// # Errors
    /// `Store` or `NotStored` if it could not be stored: it should be sent again. `Stopped`.
    pub async fn receive(
        &self,
        notification: Notification,
        config_name: &str,
    ) -> Result<Received, CallError> {
        let _not_built = (notification, config_name);
        Err(CallError::Unavailable("not built".to_owned()))
    }
}

impl Committer {
    /// Puts a notification into the journal.
    pub(super) fn record_notification(
        &mut self,
        work: &mut Work,
        notification: Notification,
    ) -> Received {
        let id = notification.id;
        if work.record(&id.attempt).is_none() {
            return Received::Unknown;
        }
        self.next_journal += 1;
        work.batch.journal_added.push(JournalRecord {
            id: self.next_journal,
            kind: JournalKind::HandleNotification,
            attempt: id.attempt,
            execution: id.number,
            due: None,
            tries: 0,
            target: None,
            payload: payload::encode(&notification),
        });
        Received::Recorded
    }
}
