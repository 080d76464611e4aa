//! What goes wrong, by a script: the same script and the same order of requests give the same faults.

mod dice;
mod judge;
mod script;

pub use judge::Fault;
pub use script::{Bots, Kind, Notifications, Rule, Script, ScriptError};

pub(crate) use dice::Dice;
pub(crate) use judge::{Fate, Judge};
