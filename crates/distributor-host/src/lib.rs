//! Runs quests durably.
//!
//! * [`machine`]: the life cycle as a pure function.
//! * [`driver`]: performs its effects, on a store, on backends, in time.
//!
//! It refuses to know any particular backend or store, and any transport.

pub mod driver;
pub mod machine;

pub use driver::{Engine, EnsureQuest, Entrance, Settings, Surroundings};
