#![doc = include_str!("../README.md")]

mod backend;
mod client;
mod config;
mod credentials;
mod generated;
mod notification;
mod output;
mod parameters;
mod proto_json;
mod request;
mod result;
mod seconds;
mod state;
mod statuses;
mod token;
mod url_rule;
mod wire;

use distributor_core::{Capabilities, register};

pub use backend::Swarming;
pub use generated::swarming_v1 as proto;

register! {
    kind: "swarming_v1",
    number: 4,
    config_type: "swarmingV1.Config",
    descriptor_set: generated::DESCRIPTOR_SET,
    summary: "runs tasks on a Swarming farm, by its first API",
    example: "swarming { url: \"https://swarming.example.com\" }\n\
              credentials { token_file: \"/etc/distributor/swarming-token\" }",
    works_unconfigured: false,
    capabilities: Capabilities {
        idempotent_run: true,
        notifications: true,
        cancel: true,
        logs: true,
    },
    factory: Swarming::factory,
}
