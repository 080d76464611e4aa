//! Names that follow from a kind, and the kinds that exist even where they are not compiled in.

/// The map of `distributor.Config`.
pub(crate) const CONFIG_FIELD: &str = "distributor_configs";

/// Kinds that a person may rightly expect, with their message types: if one is missing, the
/// answer is a cargo feature and not a spelling correction.
pub(crate) const WELL_KNOWN: &[(&str, &str)] = &[
    ("jobsim", "jobsim.Config"),
    ("local_process", "distributor.backend.local_process.Config"),
    ("noop", "distributor.backend.noop.Config"),
    ("swarming_v1", "swarmingV1.Config"),
];

/// The cargo feature of the `distributor` crate that compiles a well-known kind in.
pub fn cargo_feature(kind: &str) -> String {
    format!("backend-{}", config_name(kind))
}

/// The configuration name under which a kind is found without a file: `local-process` for
/// `local_process`.
pub fn config_name(kind: &str) -> String {
    kind.replace('_', "-")
}
