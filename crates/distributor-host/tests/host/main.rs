//! The host as a whole, on scripted backends, virtual time and stores that fail on purpose.

mod authentication;
mod calls;
mod cancelling;
mod capacity;
mod collecting;
mod configuration;
mod cycles;
mod dependencies;
mod dynamic;
mod early;
mod faults;
mod graph;
mod halting;
mod lanes;
mod notifications;
mod propagation;
mod queue;
mod received;
mod restart;
mod results;
mod retries;
mod simulation;
mod source;
mod support;
mod timers;
