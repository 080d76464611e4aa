//! How record bodies look in a database: protobuf messages with explicit tags.
//!
//! Columns hold what a query needs; the rest of a record is one body. A tag is never given a new
//! meaning and never reused, so that old rows keep decoding: `samples` proves it. This module
//! refuses to know any database: configuration snapshots are numbers here, and whoever calls
//! turns them into snapshots.

mod bodies;
mod decode;
mod encode;

#[cfg(test)]
mod samples;

pub(crate) use decode::{AttemptColumns, Decoder};
pub(crate) use encode::{
    Encoded, attempt, attempt_state_number, built_by, description, execution, journal,
    journal_kind_number, queue_state_number, task,
};
