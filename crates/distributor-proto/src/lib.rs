//! The language of the service: messages, names, and their rules.
//!
//! The messages of the `dm` API and of its neighbours come from `protos/`. The
//! hand-written modules say when a message is *normalized*, which is what makes
//! a quest id the hash of a description, and give names types.
//!
//! This crate refuses to know who may do what, what is stored, or how anything
//! is run: it is pure, and does no input or output.

pub mod attempt_list;
mod generated;
pub mod id;
pub mod json_object;
pub mod json_result;
pub mod key;
pub mod position;
pub mod quest_id;
pub mod text;
pub mod time;
pub mod weight;

pub use generated::distributor::control;
pub use generated::{DESCRIPTOR_SET, acls, dm, dm_template, templateproto};
pub use id::{AttemptId, ExecutionId, IdError, QuestId};
pub use json_object::normalize_object;
pub use json_result::normalize_result;
pub use quest_id::{normalize_desc, quest_id};
