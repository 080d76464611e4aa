//! Drives the real binary as users do.

mod bad_input;
mod commands;
mod examples;
mod exits;
mod killing;
mod reuse;
mod running;
mod signals;
