//! One configured backend at one point in time: the stored snapshot and the live [`Config`].
//!
//! It refuses to know where configuration comes from (see [`crate::config_file`]) and how a
//! backend is made from it (see [`crate::Registry`]).

use std::fmt;
use std::sync::Arc;

use distributor_proto::ExecutionId;
use prost::{Message, Name};

use crate::error::{Error, ErrorKind, Result};
use crate::host::{Host, QueueTask, Topic};

/// What is stored with an execution, so that for its whole life the host talks to the same
/// distributor in the same way (DC-03, architecture A5).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConfigSnapshot {
    /// The resolved name: an alias is already followed (DC-13).
    pub name: String,
    /// Revision of the file that it came from (DC-14).
    pub version: String,
    /// Full name of the message in `content`, e.g. `distributor.backend.noop.Config`.
    pub config_type: String,
    /// The encoded message (DC-15).
    pub content: Vec<u8>,
    /// Host name of the API, for jobs that call back (DC-12).
    pub dm_host: String,
}

/// A single instance of a backend's configuration (DC-12 … DC-17).
#[derive(Clone)]
pub struct Config {
    snapshot: Arc<ConfigSnapshot>,
    host: Arc<dyn Host>,
}

impl Config {
    /// Joins a snapshot with the host that will serve the backend.
    pub fn new(snapshot: Arc<ConfigSnapshot>, host: Arc<dyn Host>) -> Self {
        Config { snapshot, host }
    }

    /// Host name of the API; a backend may hand it to jobs so that they can call back (DC-12).
    pub fn dm_host(&self) -> &str {
        &self.snapshot.dm_host
    }

    /// The resolved name (DC-13).
    pub fn name(&self) -> &str {
        &self.snapshot.name
    }

    /// The version of the configuration as fetched (DC-14).
    pub fn version(&self) -> &str {
        &self.snapshot.version
    }

    /// The whole snapshot.
    pub fn snapshot(&self) -> &Arc<ConfigSnapshot> {
        &self.snapshot
    }

    /// The implementation-specific message (DC-15).
    ///
    /// # Errors
    /// `Config` if the content is of another type or does not decode.
    pub fn content<M: Message + Name + Default>(&self) -> Result<M> {
        let wanted = M::full_name();
        if self.snapshot.config_type != wanted {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "configuration `{}` holds a {}, not a {wanted}",
                    self.snapshot.name, self.snapshot.config_type
                ),
            ));
        }
        M::decode(self.snapshot.content.as_slice()).map_err(|error| {
            Error::new(ErrorKind::Config, format!("damaged {wanted}")).because(error)
        })
    }

    /// What the host lends.
    pub fn host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    /// A topic for `id`, and the token that routes messages back; meant to be called from `run`
    /// (DC-18 … DC-22).
    pub async fn prepare_topic(&self, id: ExecutionId) -> Result<Topic> {
        self.host.prepare_topic(&self.snapshot, id).await
    }

    /// Queues work that comes back to `handle_task_queue_task` of a backend that is built from this very
    /// configuration (DC-17), at least once, also if the host dies in between.
    ///
    /// From within a call of the host (awaited, not from a thread or task of the backend's own) the work
    /// is stored together with the call's success, and vanishes if the call fails. From anywhere else it
    /// is stored when this returns.
    ///
    /// # Errors
    /// `InvalidArgument` if body and headers together have more than 1 MiB. `ResourceExhausted` if the
    /// queue is full and `Unavailable` if the work could not be stored, both transient.
    pub async fn enqueue_task(&self, task: QueueTask) -> Result<()> {
        self.host.enqueue_task(&self.snapshot, task).await
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("name", &self.snapshot.name)
            .field("version", &self.snapshot.version)
            .field("config_type", &self.snapshot.config_type)
            .finish_non_exhaustive()
    }
}
