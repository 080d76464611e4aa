//! The backend `local_process`: runs jobs as processes of this machine.
//!
//! Processes belong to a supervisor that outlives the service, so no end of a task is lost and no
//! task is started twice. This crate refuses to know anything of the service but its contract.
#![doc = ""]
#![doc = include_str!("../README.md")]

mod adoption;
mod backend;
mod config;
mod connection;
mod generated;
mod job;
mod layout;
mod output;
mod parameters;
mod pool;
mod prepare;
mod process;
mod program;
mod result;
mod segments;
mod supervisor;
mod sweep;
mod tasks;
mod work;

use distributor_core::Capabilities;

pub use backend::LocalProcess;
pub use supervisor::main as supervisor_main;

/// The kind in configuration files.
pub const KIND: &str = "local_process";

distributor_core::register! {
    kind: KIND,
    number: 2050,
    config_type: "distributor.backend.local_process.Config",
    descriptor_set: generated::DESCRIPTOR_SET,
    summary: "runs jobs as processes of this machine",
    example: "slots: 4\ngrace { seconds: 10 }\ntail_bytes: 4096\npass_environment: \"PATH\"\npass_environment: \"HOME\"",
    works_unconfigured: true,
    capabilities: Capabilities {
        idempotent_run: true,
        notifications: true,
        cancel: true,
        logs: true,
    },
    factory: LocalProcess::factory,
}

distributor_core::register_helper! {
    name: connection::HELPER,
    main: supervisor_main,
}
