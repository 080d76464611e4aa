//! The sources of distributors for a host.

use std::sync::Arc;

use distributor_core::{DistributorSource, ErrorKind, LiveRegistry, TestingRegistry, Token};

use crate::support::{Stub, TestHost, test_registry};

fn live(text: &str, version: &str) -> LiveRegistry {
    let registry = Arc::new(test_registry());
    let file = registry.parse("distributors.cfg", text, version);
    LiveRegistry::new(registry, file, TestHost::shared(), "dm.example.com")
}

fn entry(body: &str) -> String {
    format!("distributor_configs {{ key: \"main\" value {{ {body} }} }}")
}

#[test]
fn dc_12_dc_64_host_and_version_reach_the_backend() {
    let live = live(&entry("noop {}"), "rev-1");
    let snapshot = live.snapshot("main").unwrap();
    assert_eq!(snapshot.version, "rev-1");
    let url = live
        .distributor(&snapshot)
        .unwrap()
        .info_url(&Token::default());
    assert_eq!(
        url,
        "main rev-1 distributor.backend.noop.Config dm.example.com"
    );
}

#[test]
fn dc_02_dc_16_a_new_file_changes_later_snapshots_and_no_earlier_one() {
    let live = live(&entry("noop {}"), "rev-1");
    let before = live.snapshot("main").unwrap();
    let copy = before.as_ref().clone();
    let text = entry("jobsim { pool: \"p\" }");
    live.replace(live.registry().parse("distributors.cfg", &text, "rev-2"));
    assert_eq!(*before, copy);
    let after = live.snapshot("main").unwrap();
    assert_eq!(
        (after.version.as_str(), after.config_type.as_str()),
        ("rev-2", "jobsim.Config")
    );
    let url = live
        .distributor(&before)
        .unwrap()
        .info_url(&Token::default());
    assert!(
        url.starts_with("main rev-1 distributor.backend.noop.Config"),
        "{url}"
    );

    live.replace(live.registry().parse("distributors.cfg", "", "rev-3"));
    assert_eq!(
        live.snapshot("main").expect_err("gone").kind(),
        ErrorKind::NotFound
    );
    assert!(live.distributor(&after).is_ok());
}

#[test]
fn one_instance_serves_a_configuration_over_reloads() {
    let live = live(&entry("noop {}"), "rev-1");
    let first = live.distributor(&live.snapshot("main").unwrap()).unwrap();
    live.replace(
        live.registry()
            .parse("distributors.cfg", &entry("noop { # same\n }"), "rev-2"),
    );
    let second = live.distributor(&live.snapshot("main").unwrap()).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    let text = entry("noop { delay { seconds: 1 } }");
    live.replace(live.registry().parse("distributors.cfg", &text, "rev-3"));
    let third = live.distributor(&live.snapshot("main").unwrap()).unwrap();
    assert!(!Arc::ptr_eq(&first, &third));
}

#[test]
fn dc_67_a_factory_error_is_not_remembered() {
    let live = live(&entry("jobsim {}"), "rev-1");
    let snapshot = live.snapshot("main").unwrap();
    for _ in 0..2 {
        let error = live.distributor(&snapshot).err().expect("no pool");
        assert_eq!(error.to_string(), "pool must not be empty");
    }
}

#[test]
fn dc_68_the_testing_registry_maps_names_to_functions() {
    let testing =
        TestingRegistry::new(TestHost::shared()).with("mock", |config| Arc::new(Stub(config)) as _);
    let snapshot = testing.snapshot("mock").unwrap();
    let url = testing
        .distributor(&snapshot)
        .unwrap()
        .info_url(&Token::default());
    assert_eq!(url, "mock test-version  test-dm-host.example.com");
    let error = testing.snapshot("other").expect_err("unknown");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        "unknown distributor configuration `other`"
    );
}
