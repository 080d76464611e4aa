//! Durable records of quests, attempts, executions, dependencies, owed calls and queued tasks.
//!
//! * [`records`]: what is stored.
//! * [`Store`] and [`Batch`]: the contract, kept by [`MemoryStore`] and [`SqliteStore`] alike (one
//!   suite runs on both; other stores get it with the feature `suite`).
//!
//! It refuses to decide anything: states change in `distributor-host`.

pub mod bits;
pub mod records;
#[cfg(any(test, feature = "suite"))]
pub mod suite;

mod encoding;
mod memory;
mod notifications;
mod queue;
mod sqlite;
mod store;

pub use memory::MemoryStore;
pub use notifications::PendingNotifications;
pub use queue::{
    DueTask, QueueChange, QueueCounts, QueuePage, QueueRecord, QueueState, QueuedTask,
};
pub use sqlite::SqliteStore;
pub use store::{
    AttemptFilter, AttemptPage, Batch, Collected, EdgeCursor, EdgePage, JournalDelay, Result,
    StateCounts, Store, StoreError,
};
