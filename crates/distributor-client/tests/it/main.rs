//! The client against a scripted service: what goes over the wire, what is repeated, what it means.

mod calls;
mod fake;
mod jobs;
