//! What this host lends to backends: its clock, its notification entrance, its task queue, folders
//! and helpers.
//!
//! A topic is lent only where one is configured; without one it is refused.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use distributor_core::{
    Clock, ConfigSnapshot, Error, ErrorKind, ExecutionId, HelperCommand, Host, Notification,
    QueueTask, Result, Topic,
};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::UnboundedSender;

use super::message::Message;
use super::queue::Sender;
use crate::topic::TopicSettings;

/// What backends find around them: folders, helper programs, a topic.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Folder that holds one folder per configuration; `None` refuses backends that keep state.
    pub backends_directory: Option<PathBuf>,
    /// The program that was built with the helpers, normally the running one.
    pub helper_program: Option<PathBuf>,
    /// Where notifications may be published to; `None` refuses backends that want a topic.
    pub topic: Option<TopicSettings>,
}

#[derive(Debug)]
pub(super) struct Lent {
    pub(super) inbox: UnboundedSender<Message>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) queue: Sender,
    pub(super) surroundings: Surroundings,
}

#[async_trait]
impl Host for Lent {
    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    fn notify(&self, notification: Notification) {
        // After the host has stopped nobody listens, and the next one will ask.
        let _stopped = self.inbox.send(Message::Notified(notification));
    }

    async fn prepare_topic(&self, config: &ConfigSnapshot, id: ExecutionId) -> Result<Topic> {
        let Some(topic) = &self.surroundings.topic else {
            return Err(no_topic(config));
        };
        Ok(Topic {
            name: topic.name.to_string(),
            auth_token: topic.tokens.issue_soon(id, &config.name).await?,
        })
    }

    async fn enqueue_task(&self, config: &ConfigSnapshot, task: QueueTask) -> Result<()> {
        self.queue.enqueue(config, task).await
    }

    fn state_directory(&self, config: &ConfigSnapshot) -> Result<PathBuf> {
        let parent = self
            .surroundings
            .backends_directory
            .as_ref()
            .ok_or_else(|| {
                Error::new(ErrorKind::Unsupported, "this host keeps no state on disk")
            })?;
        Ok(parent.join(directory_name(config)))
    }

    fn helper(&self, name: &str) -> Result<HelperCommand> {
        let program = self.surroundings.helper_program.clone().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "this host has no helper programs")
        })?;
        Ok(HelperCommand {
            program,
            arguments: vec![
                distributor_core::helper::HELPER_ARGUMENT.into(),
                name.into(),
            ],
        })
    }
}

fn no_topic(config: &ConfigSnapshot) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "configuration `{}` wants a topic for notifications, which this host does not have: give the \
             service `--project` or `--topic`",
            config.name
        ),
    )
}

/// The name, made fit for a file system, and a digest of all that makes the configuration what it
/// is: another content is another folder, because old executions still use the old content.
fn directory_name(config: &ConfigSnapshot) -> String {
    let safe: String = config
        .name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_".contains(c) {
                c
            } else {
                '_'
            }
        })
        .take(64)
        .collect();
    let mut digest = Sha256::new();
    for part in [
        config.name.as_bytes(),
        config.config_type.as_bytes(),
        &config.content,
    ] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    let short: String = digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{safe}-{short}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_differ_by_name_and_content_but_not_by_version() {
        let config = |name: &str, version: &str, content: &[u8]| ConfigSnapshot {
            name: name.to_owned(),
            version: version.to_owned(),
            config_type: "x.Config".to_owned(),
            content: content.to_vec(),
            dm_host: String::new(),
        };
        let one = directory_name(&config("a/..", "1", b"x"));
        assert_eq!(one, directory_name(&config("a/..", "2", b"x")));
        assert_ne!(one, directory_name(&config("a/..", "1", b"y")));
        assert_ne!(one, directory_name(&config("a_..", "1", b"x")));
        assert!(one.starts_with("a___-"), "{one}");
    }
}
