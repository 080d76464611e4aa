//! What a host lends to its backends (architecture, A12): nothing in a backend is global.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use distributor_proto::ExecutionId;

use crate::clock::Clock;
use crate::config::ConfigSnapshot;
use crate::error::Result;
use crate::helper::HelperCommand;
use crate::secret::Secret;

/// "Something changed for this execution" (DC-60). `data` and `attributes` mean nothing to the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The execution it is about.
    pub id: ExecutionId,
    /// Arbitrary bytes.
    pub data: Vec<u8>,
    /// Attributes, never `auth_token` (DC-45).
    pub attributes: BTreeMap<String, String>,
}

impl Notification {
    /// A notification without attributes.
    pub fn new(id: ExecutionId, data: impl Into<Vec<u8>>) -> Self {
        Notification {
            id,
            data: data.into(),
            attributes: BTreeMap::new(),
        }
    }
}

/// Where a publisher sends its messages, and what it must put into `auth_token` (DC-19 … DC-21).
#[derive(Debug, Clone)]
pub struct Topic {
    /// Full topic name, `projects/<project>/topics/<name>`.
    pub name: String,
    /// The routing token.
    pub auth_token: Secret,
}

/// A piece of work that a backend sends to its own `handle_task_queue_task` (DC-17).
///
/// `Debug` shows the names of the headers and lengths only: what a backend writes may be secret.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct QueueTask {
    /// Headers, given back unchanged.
    pub headers: BTreeMap<String, String>,
    /// Body, given back unchanged.
    pub body: Vec<u8>,
    /// Not delivered before this much time has passed. Zero in what is delivered.
    pub delay: Duration,
}

impl fmt::Debug for QueueTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers = self.headers.iter();
        let header_lengths: BTreeMap<&str, usize> = headers
            .map(|(name, value)| (name.as_str(), value.len()))
            .collect();
        f.debug_struct("QueueTask")
            .field("header_lengths", &header_lengths)
            .field("body_length", &self.body.len())
            .field("delay", &self.delay)
            .finish()
    }
}

/// What a host offers to the backends that it builds.
#[async_trait]
pub trait Host: Send + Sync + fmt::Debug {
    /// The time.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Tells the host, in-process, that an execution changed.
    ///
    /// The host calls `handle_notification` soon. Not durable: what a crash takes away the host
    /// finds again by asking `get_status`, so only a backend that can answer may rely on it.
    fn notify(&self, notification: Notification);

    /// See [`Config::prepare_topic`](crate::Config::prepare_topic).
    async fn prepare_topic(&self, config: &ConfigSnapshot, id: ExecutionId) -> Result<Topic>;

    /// See [`Config::enqueue_task`](crate::Config::enqueue_task).
    async fn enqueue_task(&self, config: &ConfigSnapshot, task: QueueTask) -> Result<()>;

    /// A folder of this configuration's own: same name and content, same folder, over restarts.
    /// It exists only if the backend has made it (mode 0700).
    fn state_directory(&self, config: &ConfigSnapshot) -> Result<PathBuf>;

    /// How to start the helper program `name` (see [`crate::helper`]).
    fn helper(&self, name: &str) -> Result<HelperCommand>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_task_shows_no_content() {
        let task = QueueTask {
            headers: [("authorization".to_owned(), "CANARY".to_owned())].into(),
            body: b"CANARY!".to_vec(),
            delay: Duration::from_secs(5),
        };
        assert_eq!(
            format!("{task:?}"),
            r#"QueueTask { header_lengths: {"authorization": 6}, body_length: 7, delay: 5s }"#
        );
    }
}
