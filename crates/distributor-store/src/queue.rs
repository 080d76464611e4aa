//! The task queue as it is stored: tasks that backends have sent to themselves (DC-17).
//!
//! Plain data. When a task is due, tried again or given up is decided in `distributor-host`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use distributor_core::{ConfigSnapshot, Timestamp};

/// What a queued task is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueueState {
    /// To be delivered once it is due.
    Pending,
    /// A dead letter: it failed for good, and waits for a person to replay or discard it.
    Dead,
}

/// A task that a backend has sent to itself.
///
/// `Debug` shows the names of the headers and lengths only: what a backend writes may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct QueueRecord {
    /// Unique and increasing, from the same sequence as the ids of the journal.
    pub id: u64,
    /// The configuration whose backend handles it: the one that has sent it (DC-03, DC-17).
    pub config: Arc<ConfigSnapshot>,
    /// Given back unchanged.
    pub headers: BTreeMap<String, String>,
    /// Given back unchanged.
    pub body: Vec<u8>,
    /// When it was sent.
    pub created: Timestamp,
    /// Not delivered before this moment. Of a dead letter: when it failed for good.
    pub due: Timestamp,
    /// Failed deliveries so far.
    pub tries: u32,
    /// Pending or dead.
    pub state: QueueState,
    /// Why the last delivery failed.
    pub last_error: Option<String>,
}

impl QueueRecord {
    /// Bytes of the headers and the body.
    pub fn size(&self) -> u64 {
        let headers = self.headers.iter();
        let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
        (headers + self.body.len()) as u64
    }
}

impl fmt::Debug for QueueRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers = self.headers.iter();
        let header_lengths: BTreeMap<&str, usize> = headers
            .map(|(name, value)| (name.as_str(), value.len()))
            .collect();
        f.debug_struct("QueueRecord")
            .field("id", &self.id)
            .field("config", &self.config)
            .field("header_lengths", &header_lengths)
            .field("body_length", &self.body.len())
            .field("created", &self.created)
            .field("due", &self.due)
            .field("tries", &self.tries)
            .field("state", &self.state)
            .field("last_error", &self.last_error)
            .finish()
    }
}

/// A new state of a task that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueChange {
    /// Which task.
    pub id: u64,
    /// Its state from now on.
    pub state: QueueState,
    /// As in [`QueueRecord::due`].
    pub due: Timestamp,
    /// As in [`QueueRecord::tries`].
    pub tries: u32,
    /// As in [`QueueRecord::last_error`].
    pub last_error: Option<String>,
}

/// A pending task, as much of it as its delivery needs before there is room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueTask {
    /// Which task.
    pub id: u64,
    /// When it is, or was, due.
    pub due: Timestamp,
    /// Failed deliveries so far.
    pub tries: u32,
}

/// A line of a listing of the queue: all of a task but what its backend has written into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedTask {
    /// As in [`QueueRecord::id`].
    pub id: u64,
    /// As in [`QueueRecord::config`].
    pub config: Arc<ConfigSnapshot>,
    /// Bytes of its headers and body.
    pub size: u64,
    /// When it was sent.
    pub created: Timestamp,
    /// As in [`QueueRecord::due`].
    pub due: Timestamp,
    /// Failed deliveries so far.
    pub tries: u32,
    /// Pending or dead.
    pub state: QueueState,
    /// Why the last delivery failed.
    pub last_error: Option<String>,
}

/// A part of such a listing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueuePage {
    /// Newest first.
    pub tasks: Vec<QueuedTask>,
    /// Give this to get the next page; `None` at the end.
    pub next: Option<u64>,
}

/// How much is in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueCounts {
    /// Tasks to be delivered.
    pub pending: u64,
    /// Dead letters.
    pub dead: u64,
    /// Headers and bodies of all of them, in bytes.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::samples::task;

    #[test]
    fn a_queued_task_shows_no_content() {
        let record = QueueRecord {
            headers: [("authorization".to_owned(), "CANARY".to_owned())].into(),
            body: b"CANARY!".to_vec(),
            ..task(1, 1)
        };
        let shown = format!("{record:?}");
        assert!(
            !shown.contains("CANARY") && !shown.contains("67, 65"),
            "{shown}"
        );
        let lengths = r#"header_lengths: {"authorization": 6}, body_length: 7,"#;
        assert!(shown.contains(lengths), "{shown}");
    }
}
