//! A strict fake of the Swarming server: refuses what the published schema refuses, keeps its state over
//! restarts, publishes notifications, and misbehaves by script.
//!
//! It refuses to be a farm: there are no bots but its own.
