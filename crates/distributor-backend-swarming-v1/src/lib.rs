//! Runs tasks on Swarming, by its first API.
//!
//! It refuses to speak the second one, which is a backend of its own.

mod config;
mod generated;
mod notification;
mod parameters;
mod proto_json;
mod request;
mod result;
mod seconds;
mod state;
mod token;
mod url_rule;
mod wire;

pub use generated::swarming_v1 as proto;
