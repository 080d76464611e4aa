//! The Pub/Sub of the farm: messages, to whom they are owed, and how they get there.

mod message;
mod outbox;
mod push;

pub(crate) use message::Message;
pub(crate) use outbox::{Delivery, Outbox};
pub(crate) use push::{Pusher, check_url};
