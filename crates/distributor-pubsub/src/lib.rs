//! Google Pub/Sub from the client's side: the pull receiver, and published key sets.
//!
//! * [`PullReceiver`]: takes the messages of a subscription, for a host without a public address.
//! * [`Client`]: the three calls of the REST API that this needs.
//! * [`Credentials`]: where its bearer tokens come from.
//! * [`KeyUrl`]: the public keys of an issuer of identity tokens, from where it publishes them.
//!
//! It refuses to know what a message means: that is `distributor-api`'s. It refuses to lose
//! one: it is acknowledged only after whoever handled it said that it may be.

mod backoff;
mod client;
mod credentials;
mod endpoint;
mod error;
mod fetch;
mod health;
mod key_set;
mod message;
mod receiver;
mod settle;
mod subscription;
#[cfg(test)]
mod tests;

pub use client::Client;
pub use credentials::{CredentialSource, Credentials};
pub use endpoint::{EMULATOR_VARIABLE, Endpoint};
pub use error::{CallError, CredentialError, SetupError};
pub use key_set::KeyUrl;
pub use receiver::{Handler, PullReceiver, Settings};
pub use subscription::Subscription;
