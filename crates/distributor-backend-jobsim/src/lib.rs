#![doc = include_str!("../README.md")]

mod backend;
mod config;
mod generated;
mod phrase;
mod service;
mod task;

use distributor_core::Capabilities;

pub use backend::Jobsim;
pub use generated::jobsim as proto;
pub use service::{CallError, Code, Service};

distributor_core::register! {
    kind: "jobsim",
    number: 2048,
    config_type: "jobsim.Config",
    descriptor_set: generated::DESCRIPTOR_SET,
    summary: "simulates jobs that call the API: for tests and for load",
    example: "pool: \"main\"",
    works_unconfigured: false,
    capabilities: Capabilities {
        idempotent_run: true,
        notifications: true,
        cancel: true,
        logs: false,
    },
    factory: Jobsim::factory,
}
