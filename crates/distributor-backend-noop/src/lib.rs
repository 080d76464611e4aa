#![doc = include_str!("../README.md")]

mod backend;
mod config;
mod generated;

use std::sync::Arc;

use distributor_core::{Capabilities, register};

pub use backend::Noop;
pub use generated::distributor::backend::noop as proto;

register! {
    kind: "noop",
    number: 2049,
    config_type: "distributor.backend.noop.Config",
    descriptor_set: generated::DESCRIPTOR_SET,
    summary: "runs nothing; ends at once, after a delay, or with a failure",
    example: "delay { seconds: 2 }",
    works_unconfigured: true,
    capabilities: Capabilities {
        idempotent_run: true,
        notifications: false,
        cancel: true,
        logs: false,
    },
    factory: |config| Ok(Arc::new(Noop::new(&config)?)),
}
