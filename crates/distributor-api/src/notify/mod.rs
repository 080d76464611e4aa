//! Notifications that come from outside, however they travel.
//!
//! * [`message`](PubsubMessage): what Google Pub/Sub sends, pushed or pulled, taken apart.
//!
//! It refuses to know transports: who calls it has the bytes already, and turns the verdict into an
//! answer.

mod message;

pub use message::{MessageError, PubsubMessage, Pulled};
