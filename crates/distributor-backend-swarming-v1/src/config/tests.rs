//! Each rule of a configuration, each default.

use super::*;

/// Settings of a server that is not there.
pub(crate) fn settings() -> Settings {
    let message = proto::Config {
        swarming: Some(proto::config::Swarming {
            url: "https://swarming.example".to_owned(),
        }),
        ..proto::Config::default()
    };
    Settings::new(message).unwrap()
}
