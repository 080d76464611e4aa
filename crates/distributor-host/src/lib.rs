//! Runs quests durably: the pure life-cycle machine and the driver that performs its effects.

pub mod machine;
