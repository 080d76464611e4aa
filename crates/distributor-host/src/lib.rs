//! Runs quests durably.
//!
//! * [`machine`]: the life cycle as a pure function.
//! * [`driver`]: performs its effects, on a store, on backends, in time.
//! * [`topic`]: tokens that bring notifications home.
//!
//! It refuses to know any particular backend or store, and any transport.

pub mod driver;
pub mod machine;
pub mod topic;

pub use driver::{DeliverError, Engine, EnsureQuest, Entrance, Received, Settings, Surroundings};
