//! What comes from outside about executions: notifications, and tasks of external queues.
//!
//! * [`message`](PubsubMessage): what Google Pub/Sub sends, pushed or pulled, taken apart.
//! * [`oidc`](PushCallers): who pushes.
//! * [`receiver`](Receiver): from a message to a durable notification, and what to tell the sender.
//! * [`task_queue`](TaskQueueReceiver): from a task to the backend that is to do it.
//!
//! It refuses to know transports: who calls it has the bytes already, and turns the verdict into an
//! answer.

mod message;
mod oidc;
mod outcome;
mod quiet;
mod receiver;
mod task_queue;

use std::path::Path;
use std::sync::Arc;

use distributor_core::Clock;
use distributor_host::Engine;
use distributor_host::topic::{DEFAULT_LIFETIME, QueueTokens, TopicTokens};

pub use distributor_host::DeliverError;
pub use message::{MessageError, PubsubMessage, Pulled};
pub use oidc::{
    FetchedKeys, GOOGLE_ISSUERS, KeyError, KeyFile, KeySet, KeySource, PushCallers,
    PushCallersError, PushCallersSettings, PushRefusal,
};
pub use outcome::{NotificationCounts, Outcome, Verdict};
pub use receiver::Receiver;
pub use task_queue::{Delivery, TaskQueueReceiver, TaskRefusal};

/// What takes in all that comes from outside. A service cannot be made without it (DC-69).
#[derive(Debug)]
pub struct Inbound {
    /// Takes notifications.
    pub receiver: Receiver,
    /// Who may push them. Without it anybody may: then the topic tokens alone decide.
    pub push_callers: Option<PushCallers>,
    /// Takes tasks of external queues.
    pub task_queue: TaskQueueReceiver,
}

impl Inbound {
    /// For a host whose tokens are signed with the secrets in the folder `secrets`, and have their
    /// default lifetimes. Anybody may push.
    pub fn new(engine: &Engine, secrets: &Path, clock: Arc<dyn Clock>) -> Self {
        let topic_tokens = TopicTokens::new(secrets.to_owned(), clock.clone(), DEFAULT_LIFETIME);
        let queue_tokens = QueueTokens::new(secrets.to_owned(), clock.clone());
        Inbound {
            receiver: Receiver::new(engine.clone(), Arc::new(topic_tokens), clock.clone()),
            push_callers: None,
            task_queue: TaskQueueReceiver::new(engine.clone(), queue_tokens, clock),
        }
    }
}
