//! The contract between a host and its backends.
//!
//! * [`Distributor`]: the trait a backend implements.
//! * [`Config`] and [`Host`]: what a backend is given.
//! * [`register!`] and [`Registry`]: how a backend crate becomes a kind in configuration files.
//! * [`config_file`]: reads `distributors.cfg`.
//! * [`Error`]: the one error.
//!
//! This crate refuses to know any backend, any store and any transport. A backend crate depends
//! on it and on nothing else of this project.

pub mod clock;
pub mod config;
pub mod config_file;
pub mod error;
mod generated;
pub mod helper;
pub mod host;
pub mod registry;
pub mod secret;
pub mod source;

mod backend;
mod register;

pub use backend::{
    AbandonSignal, Abandoned, Capabilities, Distributor, LogChunk, LogStream, NeedResult,
    RunRequest, Started, Swept, TaskResult, TaskState, Token,
};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use config::{Config, ConfigSnapshot};
pub use distributor_proto::text::to_json_with_proto_names;
pub use distributor_proto::{AttemptId, ExecutionId, QuestId, dm};
pub use error::{Applied, Error, ErrorKind, Result, Retry};
pub use helper::{HelperCommand, HelperProgram};
pub use host::{Host, Notification, QueueTask, Topic};
pub use register::{BackendDescriptor, Factory};
pub use registry::{Registry, RegistryError};
pub use secret::Secret;
pub use source::{DistributorSource, LiveRegistry, TestingRegistry};

/// What [`register!`] expands to. Not for direct use.
#[doc(hidden)]
pub mod __private {
    pub use inventory;
}
