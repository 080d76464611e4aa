//! Notifications that come from outside, however they travel.
//!
//! * [`message`](PubsubMessage): what Google Pub/Sub sends, pushed or pulled, taken apart.
//! * [`oidc`](PushCallers): who pushes.
//!
//! It refuses to know transports: who calls it has the bytes already, and turns the verdict into an
//! answer.

mod message;
mod oidc;

pub use message::{MessageError, PubsubMessage, Pulled};
pub use oidc::{
    FetchedKeys, GOOGLE_ISSUERS, KeyError, KeyFile, KeySet, KeySource, PushCallers,
    PushCallersError, PushCallersSettings, PushRefusal,
};
