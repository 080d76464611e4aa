//! Lookup of names: rules L01 to L10 of the configuration, and what a snapshot holds.

use std::sync::Arc;

use distributor_core::config_file::ConfigFile;
use distributor_core::{ConfigSnapshot, Error, ErrorKind, Registry, Result};

use crate::support::{TestHost, jobsim, noop, swarming_v1, test_registry};

const HOST: &str = "dm.example.com";

fn parse(text: &str) -> ConfigFile {
    test_registry().parse("distributors.cfg", text, "rev-1")
}

fn good(text: &str) -> ConfigFile {
    let file = parse(text);
    assert_eq!(file.problems(), []);
    file
}

#[track_caller]
fn check_error(found: Result<Arc<ConfigSnapshot>>, kind: ErrorKind, message: &str) {
    let error = found.expect_err("the name must not resolve");
    assert_eq!(error.to_string(), message);
    assert_eq!(error.kind(), kind);
    assert!(!error.is_transient());
}

#[test]
fn the_originals_sample_parses_unchanged() {
    let registry = Registry::with([jobsim(), swarming_v1()]).unwrap();
    let text = r#"
distributor_configs { key: "sim"     value { jobsim { pool: "main" } } }
distributor_configs { key: "default" value { alias { other_config: "sim" } } }
"#;
    let file = registry.parse("distributors.cfg", text, "abc");
    assert_eq!(file.problems(), []);
    assert_eq!(file.names().collect::<Vec<_>>(), ["default", "sim"]);
    assert_eq!(file.config_type("default"), Some("jobsim.Config"));

    let text = r#"
# The other notations of the text format.
distributor_configs: <
  key: 'chrome'
  value: { swarming_v1: {
    swarming: { url: "https://swarm"
      "ing.example.com" };
    isolate { url: "https://isolate.example.com", expiration { seconds: 3600 } }
  } }
>;
distributor_configs: [ { key: "a" value { jobsim {} } }, { key: "b" value { jobsim {} } } ]
"#;
    let file = registry.parse("distributors.cfg", text, "abc");
    assert_eq!(file.problems(), []);
    assert_eq!(file.names().collect::<Vec<_>>(), ["a", "b", "chrome"]);
}

#[test]
fn l01_an_unavailable_file_answers_in_its_own_class() {
    let transient = Error::new(ErrorKind::Unavailable, "no route to host").transient();
    let file = ConfigFile::unavailable("distributors.cfg", &transient);
    let error = file.resolve("sim", HOST).expect_err("no file");
    assert_eq!(
        error.to_string(),
        "cannot read distributors.cfg: no route to host"
    );
    assert!(error.is_transient());

    let permanent = Error::new(ErrorKind::NotFound, "no such file");
    let file = ConfigFile::unavailable("distributors.cfg", &permanent);
    assert!(
        !file
            .resolve("sim", HOST)
            .expect_err("no file")
            .is_transient()
    );
}

#[test]
fn l02_an_absent_name_is_unknown_and_the_known_ones_are_listed() {
    let file = good(
        r#"distributor_configs { key: "main" value { noop {} } }
           distributor_configs { key: "sim" value { jobsim { pool: "x" } } }"#,
    );
    check_error(
        file.resolve("mian", HOST),
        ErrorKind::NotFound,
        "unknown distributor configuration `mian`; known: main, sim; did you mean `main`?",
    );

    let entry =
        |n: usize| format!("distributor_configs {{ key: \"c{n:02}\" value {{ noop {{}} }} }}\n");
    let many = good(&(0..25).map(entry).collect::<String>());
    let error = many
        .resolve("somewhere", HOST)
        .expect_err("absent")
        .to_string();
    assert!(error.ends_with("c18, c19 and 5 more"), "{error}");
}

#[test]
fn l03_l10_an_alias_to_nothing_names_both() {
    let file = parse(
        r#"distributor_configs { key: "a" value { alias { other_config: "b" } } }
           distributor_configs { key: "empty" value { alias {} } }"#,
    );
    check_error(
        file.resolve("a", HOST),
        ErrorKind::Config,
        "unknown distributor configuration `b`, via alias `a`",
    );
    check_error(
        file.resolve("empty", HOST),
        ErrorKind::Config,
        "unknown distributor configuration ``, via alias `empty`",
    );
    assert_eq!(file.problems().len(), 2);
}

#[test]
fn l04_exactly_one_level_of_alias_is_allowed() {
    let file = parse(
        r#"distributor_configs { key: "a" value { alias { other_config: "b" } } }
           distributor_configs { key: "b" value { alias { other_config: "c" } } }
           distributor_configs { key: "c" value { noop {} } }
           distributor_configs { key: "self" value { alias { other_config: "self" } } }"#,
    );
    check_error(
        file.resolve("a", HOST),
        ErrorKind::Config,
        "too many levels of indirection: alias `a` stands for `b`, which is an alias too",
    );
    check_error(
        file.resolve("self", HOST),
        ErrorKind::Config,
        "too many levels of indirection: alias `self` stands for `self`, which is an alias too",
    );
    assert!(file.resolve("b", HOST).is_ok());
    assert_eq!(file.problems().len(), 2);
}

#[test]
fn l05_an_unset_type_is_refused_also_behind_an_alias() {
    let file = parse(
        r#"distributor_configs { key: "blank" value {} }
           distributor_configs { key: "none" }
           distributor_configs { key: "a" value { alias { other_config: "blank" } } }"#,
    );
    let blank = "configuration `blank` has a problem: distributors.cfg:1:1: \
                 distributor_configs[\"blank\"]: blank or unrecognized type: no distributor kind \
                 is set";
    check_error(file.resolve("blank", HOST), ErrorKind::Config, blank);
    check_error(
        file.resolve("a", HOST),
        ErrorKind::Config,
        &format!("{blank} (via alias: a)"),
    );
    assert!(file.resolve("none", HOST).is_err());
    assert_eq!(file.problems().len(), 2);
}

#[test]
fn l06_a_kind_that_is_not_compiled_in_is_named() {
    let file = parse(r#"distributor_configs { key: "x" value { swarming_v1 { } } }"#);
    check_error(
        file.resolve("x", HOST),
        ErrorKind::Config,
        "configuration `x` has a problem: distributors.cfg:1:40: \
         distributor_configs[\"x\"].swarming_v1: unknown distributor kind `swarming_v1`; \
         compiled in: jobsim, noop, sampler",
    );
    assert_eq!(
        file.problems()[0].help.as_deref(),
        Some("turn on cargo feature `backend-swarming-v1` and build again")
    );
}

#[test]
fn l07_the_check_tries_each_factory() {
    let mut file = good(
        r#"distributor_configs { key: "ok" value { noop {} } }
           distributor_configs { key: "sim" value { jobsim {} } }"#,
    );
    file.check(&test_registry(), &TestHost::shared(), HOST);
    let problems: Vec<_> = file.problems().iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        ["distributors.cfg:2:53: distributor_configs[\"sim\"].jobsim: pool must not be empty"]
    );
}

#[test]
fn l08_dc_13_dc_14_dc_15_a_snapshot_has_the_resolved_name_and_the_inner_message() {
    let file = good(
        r#"distributor_configs { key: "a" value { alias { other_config: "b" } } }
           distributor_configs { key: "b" value { jobsim { pool: "p" do_pollback: true } } }"#,
    );
    let expected = ConfigSnapshot {
        name: "b".to_owned(),
        version: "rev-1".to_owned(),
        config_type: "jobsim.Config".to_owned(),
        content: b"\x0a\x01p\x10\x01".to_vec(),
        dm_host: HOST.to_owned(),
    };
    assert_eq!(*file.resolve("a", HOST).unwrap(), expected);
    assert_eq!(*file.resolve("b", HOST).unwrap(), expected);
}

#[test]
fn l09_the_empty_name_is_unknown_unless_it_is_a_key() {
    let without = good(r#"distributor_configs { key: "a" value { noop {} } }"#);
    assert_eq!(
        without.resolve("", HOST).expect_err("absent").kind(),
        ErrorKind::NotFound
    );
    let with = good(r#"distributor_configs { key: "" value { noop {} } }"#);
    assert_eq!(with.resolve("", HOST).unwrap().name, "");
}

#[test]
fn a_name_given_twice_is_ambiguous_and_the_others_work() {
    let file = parse(
        "distributor_configs { key: \"x\" value { noop {} } }\n\
         distributor_configs { key: \"y\" value { noop {} } }\n\
         distributor_configs { key: \"x\" value { jobsim { pool: \"p\" } } }\n",
    );
    check_error(
        file.resolve("x", HOST),
        ErrorKind::Config,
        "configuration `x` is ambiguous: distributors.cfg has it on line 1 and on line 3",
    );
    assert!(file.resolve("y", HOST).is_ok());
    assert_eq!(file.problems().len(), 1);
    assert_eq!(file.problems()[0].line, 3);
}

#[test]
fn equal_configuration_gives_equal_bytes_whatever_the_order() {
    let content = |fields: &str| {
        let text =
            format!("distributor_configs {{ key: \"s\" value {{ sampler {{ {fields} }} }} }}");
        good(&text).resolve("s", HOST).unwrap().content.clone()
    };
    let env = |n: usize| format!("env {{ key: \"k{n:02}\" value: \"v{n}\" }} ");
    let ascending: String = (0..40).map(env).collect();
    let descending: String = (0..40).rev().map(env).collect();
    let first = content(&format!("ratio: 1.5 {ascending} mode: FAST"));
    let second = content(&format!(
        "# comment\n mode: FAST {descending}\n ratio: 15e-1"
    ));
    assert_eq!(first, second);
    assert_eq!(
        content(&format!("child {{ {ascending} }} child {{}}")),
        content(&format!("child: [ {{ {descending} }}, {{}} ]")),
    );
}

#[test]
fn without_a_file_each_kind_that_can_is_found_under_its_own_name() {
    let renamed = distributor_core::BackendDescriptor {
        kind: "no_op",
        ..noop()
    };
    let file = Registry::with([renamed, jobsim()])
        .unwrap()
        .unconfigured("0.1.0");
    assert_eq!(file.names().collect::<Vec<_>>(), ["no-op"]);
    let snapshot = file.resolve("no-op", HOST).unwrap();
    assert_eq!(snapshot.name, "no-op");
    assert_eq!(snapshot.version, "0.1.0");
    assert_eq!(snapshot.config_type, "distributor.backend.noop.Config");
    assert!(snapshot.content.is_empty());
    check_error(
        file.resolve("no_op", HOST),
        ErrorKind::NotFound,
        "unknown distributor configuration `no_op`; known: no-op; did you mean `no-op`?",
    );
}
