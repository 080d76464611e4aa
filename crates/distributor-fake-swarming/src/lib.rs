//! A strict fake of the Swarming server: refuses what the published schema refuses, keeps its state over
//! restarts, publishes notifications, and misbehaves by script.
//!
//! [`Farm::start`] serves it on a port. [`model`] knows tasks and bots and nothing of any wire;
//! `wire` and `api` are version 1 of the protocol; `publish` is the little Pub/Sub behind it.
//!
//! It refuses to be a farm: there are no bots but its own, nobody is kept apart from anybody, and nothing
//! is downloaded. It is stricter than a farm in one thing: a field that it does not know is refused,
//! because here it is a mistake of whoever wrote the client.

mod api;
mod bots;
mod clock;
mod farm;
pub mod faults;
pub mod model;
mod publish;
mod settings;
mod shared;
mod store;
mod wire;

pub use clock::{Clock, ManualClock, Micros, SystemClock};
pub use farm::{Farm, StartError};
pub use settings::{Bot, Caller, ErrorShape, Settings, Subscription};
