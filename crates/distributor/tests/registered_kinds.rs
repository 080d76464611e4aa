//! Enabled features are registered kinds, no more and no fewer, whatever the linker does (A7).
//!
//! Worth most in a release build with link-time optimization, where a backend could be dropped.

// The facade's anchors are what is tested: naming it must be enough.
use distributor as _;
use distributor::core::Registry;
use distributor::core::registry::{cargo_feature, config_name};

/// Each backend feature of this crate, and whether it is on.
const FEATURES: &[(&str, bool)] = &[
    ("backend-jobsim", cfg!(feature = "backend-jobsim")),
    (
        "backend-local-process",
        cfg!(feature = "backend-local-process"),
    ),
    ("backend-noop", cfg!(feature = "backend-noop")),
    ("backend-swarming-v1", cfg!(feature = "backend-swarming-v1")),
];

#[test]
fn dc_11_enabled_features_are_registered_kinds() {
    let registry = Registry::linked().unwrap();
    let registered: Vec<String> = registry.kinds().map(cargo_feature).collect();
    let enabled: Vec<&str> = FEATURES
        .iter()
        .filter(|(_, on)| *on)
        .map(|(feature, _)| *feature)
        .collect();
    assert_eq!(registered, enabled);
}

#[test]
fn every_backend_feature_of_the_manifest_is_in_the_list() {
    let manifest = include_str!("../Cargo.toml");
    let manifest: toml::Table = manifest.parse().unwrap();
    let features = manifest["features"].as_table().unwrap().keys();
    let mut features: Vec<&str> = features
        .map(String::as_str)
        .filter(|feature| feature.starts_with("backend-"))
        .collect();
    features.sort_unstable();
    let listed: Vec<&str> = FEATURES.iter().map(|(feature, _)| *feature).collect();
    assert_eq!(features, listed);
}

#[test]
fn kinds_that_need_no_configuration_are_found_under_their_own_name() {
    let registry = Registry::linked().unwrap();
    let built_in = registry.unconfigured("test");
    for kind in registry.descriptors() {
        let name = config_name(kind.kind);
        let found = built_in.config_type(&name).is_some();
        assert_eq!(found, kind.works_unconfigured, "{name}");
    }
}
