//! Runs tasks on Swarming, by its first API.
//!
//! It refuses to speak the second one, which is a backend of its own.

mod generated;

pub use generated::swarming_v1 as proto;
