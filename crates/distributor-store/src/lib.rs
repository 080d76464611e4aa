//! Durable records of quests, attempts, executions, dependencies and owed calls.
//!
//! * [`records`]: what is stored.
//! * [`Store`] and [`Batch`]: the contract, kept by [`MemoryStore`] and [`SqliteStore`] alike (one
//!   suite runs on both).
//!
//! It refuses to decide anything: states change in `distributor-host`.

pub mod bits;
pub mod records;

mod store;

pub use store::{
    AttemptFilter, AttemptPage, Batch, Collected, JournalDelay, Result, StateCounts, Store,
    StoreError,
};
