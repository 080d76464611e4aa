//! Drives the real binary as users do.

mod bad_input;
mod commands;
mod configs;
mod examples;
mod exits;
mod following;
mod killing;
mod looking;
mod names;
mod others;
mod reloading;
mod remote;
mod reuse;
mod running;
mod serving;
mod signals;
mod simulated;
mod stopping;
mod supervisors;
