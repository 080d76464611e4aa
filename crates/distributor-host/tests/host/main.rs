//! The host as a whole, on scripted backends, virtual time and stores that fail on purpose.

mod calls;
mod cancelling;
mod capacity;
mod configuration;
mod dependencies;
mod faults;
mod lanes;
mod notifications;
mod restart;
mod results;
mod retries;
mod simulation;
mod support;
mod timers;
