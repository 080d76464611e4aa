//! Startup checks of the registry, and making backends from snapshots.

use std::sync::Arc;

use distributor_core::{
    BackendDescriptor, ConfigSnapshot, ErrorKind, Registry, RegistryError, Token,
};
use prost_types::field_descriptor_proto::Type;

use crate::support::{
    TestHost, field, file, jobsim, kind, message, noop, sampler, swarming_v1, test_registry,
};

fn check_error(descriptors: impl IntoIterator<Item = BackendDescriptor>, expected: &str) {
    let error = Registry::with(descriptors).expect_err("the kinds must not fit");
    assert_eq!(error.to_string(), expected);
}

fn elsewhere(descriptor: BackendDescriptor) -> BackendDescriptor {
    BackendDescriptor {
        crate_name: "other-crate",
        location: "src/lib.rs:7",
        ..descriptor
    }
}

#[test]
fn kinds_are_sorted_and_found() {
    let registry = test_registry();
    let kinds: Vec<_> = registry.kinds().collect();
    assert_eq!(kinds, ["jobsim", "noop", "sampler"]);
    assert_eq!(registry.get("noop").map(|kind| kind.number), Some(2049));
    assert!(registry.get("swarming_v1").is_none());
}

#[test]
fn a_registry_may_be_empty() {
    let registry = Registry::with([]).expect("nothing fits with nothing");
    assert_eq!(registry.kinds().len(), 0);
    assert!(registry.parse("a.cfg", "", "1").problems().is_empty());
}

#[test]
fn linked_kinds_are_consistent() {
    assert!(Registry::linked().is_ok());
}

#[test]
fn dc_08_duplicates_name_both_crates_and_places() {
    check_error(
        [noop(), elsewhere(noop())],
        "distributor kind `noop` is registered twice: by other-crate (src/lib.rs:7) and by \
         test-crate (lib.rs:1)",
    );
    let number = BackendDescriptor {
        number: noop().number,
        ..elsewhere(jobsim())
    };
    check_error(
        [noop(), number],
        "distributor number 2049 is registered twice: by other-crate (src/lib.rs:7) and by \
         test-crate (lib.rs:1); one of them must take another",
    );
    let config_type = BackendDescriptor {
        kind: "zoom",
        number: 9,
        ..elsewhere(noop())
    };
    check_error(
        [noop(), config_type],
        "config type `distributor.backend.noop.Config` is registered twice: by test-crate \
         (lib.rs:1) and by other-crate (src/lib.rs:7); each backend needs a message of its own",
    );
}

#[test]
fn one_file_name_with_two_contents_names_both_crates() {
    let other = file("jobsim/config.proto", "sim", message("Config", Vec::new()));
    check_error(
        [
            jobsim(),
            elsewhere(kind("sim", 9, "sim.Config", vec![other])),
        ],
        "proto file `jobsim/config.proto` differs between test-crate (lib.rs:1) and other-crate \
         (src/lib.rs:7); rename one of the files, its path must be unique",
    );
}

#[test]
fn one_message_in_two_files_names_the_crate_that_does_not_fit() {
    let again = message("Config", vec![field("x", 1, Type::String)]);
    let mut inner = file("z/config.proto", "jobsim", again);
    inner.message_type.push(message("Other", Vec::new()));
    let error = Registry::with([
        jobsim(),
        elsewhere(kind("z", 9, "jobsim.Other", vec![inner])),
    ]);
    let error = error.expect_err("two definitions");
    assert!(matches!(error, RegistryError::Unfit { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("`z/config.proto` of other-crate"),
        "{error}"
    );
}

#[test]
fn a_config_type_must_be_in_its_own_descriptor_set() {
    let stranger = BackendDescriptor {
        config_type: "jobsim.Config",
        ..noop()
    };
    check_error(
        [stranger],
        "config type `jobsim.Config` of test-crate (lib.rs:1) is not a message of its own \
         descriptor set",
    );
    let damaged = BackendDescriptor {
        descriptor_set: b"\xff",
        ..noop()
    };
    let error = Registry::with([damaged]).expect_err("damaged");
    assert!(
        matches!(error, RegistryError::DamagedDescriptorSet { .. }),
        "{error}"
    );
}

#[test]
fn an_import_that_nobody_brings_is_named() {
    let mut lonely = file("lonely.proto", "lonely", message("Config", Vec::new()));
    lonely.dependency.push("missing.proto".to_owned());
    check_error(
        [kind("lonely", 9, "lonely.Config", vec![lonely])],
        "proto file `lonely.proto` of test-crate (lib.rs:1) imports `missing.proto`, which no \
         descriptor set brings or which imports it back",
    );
    let mut cyclic = file("cyclic.proto", "cyclic", message("Config", Vec::new()));
    cyclic
        .dependency
        .push("distributor/config.proto".to_owned());
    let error = Registry::with([kind("cyclic", 9, "cyclic.Config", vec![cyclic])]);
    let error = error.expect_err("a cycle");
    assert!(
        matches!(error, RegistryError::MissingImport { .. }),
        "{error}"
    );
}

#[test]
fn numbers_of_the_envelope_and_of_protobuf_are_refused() {
    for number in [0, 1, 2, 3, 19_000, 19_999, 536_870_912, u32::MAX] {
        let error = Registry::with([BackendDescriptor { number, ..noop() }]);
        let error = error.expect_err("a number that is not free");
        assert!(
            matches!(error, RegistryError::ReservedNumber { .. }),
            "{error}"
        );
    }
}

#[test]
fn a_kind_must_be_a_field_name() {
    for kind in ["", "No", "1a", "a-b", "a__b", "a_", "é", "alias"] {
        let error = Registry::with([BackendDescriptor { kind, ..noop() }]);
        let error = error.expect_err("not a legal name");
        assert!(
            matches!(error, RegistryError::InvalidKind { .. }),
            "{error}"
        );
    }
}

fn snapshot(config_type: &str) -> Arc<ConfigSnapshot> {
    Arc::new(ConfigSnapshot {
        name: "main".to_owned(),
        version: "7".to_owned(),
        config_type: config_type.to_owned(),
        content: b"\x0a\x01x".to_vec(),
        dm_host: "dm.example.com".to_owned(),
    })
}

#[test]
fn dc_58_the_factory_is_picked_by_message_type() {
    let registry = test_registry();
    for config_type in ["jobsim.Config", "test.Sampler"] {
        let built = registry.build(snapshot(config_type), TestHost::shared());
        let url = built
            .expect("a registered type")
            .info_url(&Token::default());
        assert_eq!(url, format!("main 7 {config_type} dm.example.com"));
    }
}

#[test]
fn dc_58_an_unknown_type_is_named_with_the_feature_that_brings_it() {
    let registry = test_registry();
    let check = |config_type: &str, expected: &str| {
        let built = registry.build(snapshot(config_type), TestHost::shared());
        let error = built.err().expect("not registered");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!error.is_transient());
        assert_eq!(error.to_string(), expected);
    };
    check(
        "swarmingV1.Config",
        "unknown distributor type `swarmingV1.Config` in configuration `main`; compiled in: \
         jobsim, noop, sampler; turn on cargo feature `backend-swarming-v1`",
    );
    check(
        "acme.Config",
        "unknown distributor type `acme.Config` in configuration `main`; compiled in: jobsim, \
         noop, sampler",
    );
}

#[test]
fn dc_56_a_factory_error_surfaces() {
    let mut empty = snapshot("jobsim.Config");
    Arc::make_mut(&mut empty).content.clear();
    let built = test_registry().build(empty, TestHost::shared());
    assert_eq!(
        built.err().expect("no pool").to_string(),
        "pool must not be empty"
    );
}

#[test]
fn all_kinds_of_the_original_fit_together() {
    let kinds = [swarming_v1(), sampler(), noop(), jobsim()];
    assert!(Registry::with(kinds).is_ok());
}
