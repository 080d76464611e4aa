//! Configuration files: word for word what is wrong with them, and what they do when they are right.

use std::fs;

use distributor_tests::Place;

const FIXTURES: &str = "crates/distributor-core/tests/config_files/bad";

/// A kind that only the fixtures' own tests have.
const FOREIGN: &str = "sampler";
/// Said of kinds that are not compiled in; by default all of them are.
const LEFT_OUT: &str = "cargo feature";

#[test]
fn what_is_wrong_is_said_word_for_word_as_in_the_fixtures() {
    let source = Place::new();
    source.copy(FIXTURES, "bad");
    let mut compared = 0;
    for entry in fs::read_dir(source.join("bad")).expect("fixtures") {
        let path = entry.expect("an entry").path();
        let text = fs::read(&path).expect("a file");
        let text = String::from_utf8_lossy(&text);
        if path.extension().is_none_or(|it| it != "cfg") {
            continue;
        }
        let expected = fs::read_to_string(path.with_extension("expected")).expect("a file");
        if text.contains(FOREIGN) || expected.contains(LEFT_OUT) {
            continue;
        }
        let place = Place::new();
        fs::copy(&path, place.join("distributors.cfg")).expect("a copy");
        let expected = expected.replace(
            "jobsim, noop, sampler",
            "jobsim, local_process, noop, swarming_v1",
        );
        let lines = expected.lines().filter(|line| !line.starts_with("-- "));
        let expected: String = lines.map(|line| format!("{}\n", line.trim())).collect();

        let done = place.run(["config", "check", "distributors.cfg"]).expect(2);
        let found = done.stdout.lines();
        let found: String = found.map(|line| format!("{}\n", line.trim())).collect();
        assert_eq!(found, expected, "{}\n{done}", path.display());

        let json = place.run(["config", "check", "distributors.cfg", "--json"]);
        let problems = json.expect(2).json()["problems"].clone();
        let count = problems.as_array().map_or(0, Vec::len);
        let helps = expected.lines().filter(|line| line.starts_with("help: "));
        assert_eq!(
            count,
            expected.lines().count() - helps.count(),
            "{problems}"
        );
        assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 1);
        compared += 1;
    }
    assert!(compared >= 15, "only {compared} fixtures were compared");
}

#[test]
fn what_the_kinds_of_this_build_refuse() {
    for (value, message) in [
        (
            "local_process { slots: 65537 }",
            "slots: 65537 is more than 65536",
        ),
        ("local_process { slots: -1 }", "out of range"),
        ("local_process { slot: 1 }", "did you mean `slots`?"),
        (
            "local_process { grace { seconds: -1 } }",
            "grace: must not be negative",
        ),
        ("local_process { grace: \"10s\" }", "grace"),
        ("local_process { tail_bytes: 100000 }", "is more than 65536"),
        (
            "local_process { pass_environment: \"A=B\" }",
            "cannot be the name of a variable",
        ),
        ("local_process: 5", "local_process"),
        ("noop { failure { status: \"BROKEN\" } }", "BROKEN"),
        ("noop { delay { seconds: -5 } }", "delay"),
        ("noop {} local_process {}", "excludes"),
        ("jobsim {}", "pool must not be empty"),
    ] {
        let place = Place::new();
        place.write(
            "distributors.cfg",
            &format!("distributor_configs {{ key: \"it\" value {{ {value} }} }}\n"),
        );
        let done = place.run(["config", "check", "distributors.cfg"]).expect(2);
        done.says(message);
        done.says("distributors.cfg:1:");
        let file = "config = \"distributors.cfg\"\ndistributor = \"it\"\n[jobs.a]\n";
        place.write("graph.toml", file);
        place
            .run(["run", "graph.toml"])
            .expect(2)
            .complains(message);
        assert!(!place.state().exists(), "{value}");
    }
}

#[test]
fn good_entries_are_listed_with_what_they_stand_for() {
    let place = Place::new();
    place.write(
        "distributors.cfg",
        "distributor_configs { key: \"two\" value { local_process { slots: 2 } } }\n\
         distributor_configs { key: \"default\" value { alias { other_config: \"two\" } } }\n",
    );
    let check = ["config", "check", "distributors.cfg"];
    let done = place.run(check).expect(0);
    assert_eq!(done.stderr, "", "{done}");
    done.says("two")
        .says("distributor.backend.local_process.Config");
    let json = place
        .run(check.into_iter().chain(["--json"]))
        .expect(0)
        .json();
    assert_eq!(
        json["entries"],
        serde_json::json!([
            {"name": "default", "alias_of": "two", "config_type": "distributor.backend.local_process.Config"},
            {"name": "two", "alias_of": null, "config_type": "distributor.backend.local_process.Config"},
        ])
    );
    assert_eq!(json["problems"], serde_json::json!([]));
}

#[test]
fn a_broken_entry_stops_a_run_that_does_not_use_it_too() {
    let place = Place::new();
    place.write(
        "distributors.cfg",
        "distributor_configs { key: \"good\" value { noop {} } }\n\
         distributor_configs { key: \"bad\" value { nop {} } }\n",
    );
    place.write(
        "graph.toml",
        "config = \"distributors.cfg\"\ndistributor = \"good\"\n[jobs.a]\n",
    );
    // A run says all that is wrong before it begins, also with what it would not use.
    place
        .run(["run", "graph.toml"])
        .expect(2)
        .complains("distributors.cfg:2:")
        .complains("did you mean `noop`?");
}

#[test]
fn an_execution_keeps_the_configuration_that_it_began_with() {
    let place = Place::new();
    let config = |slots: u32| {
        format!(
            "distributor_configs {{ key: \"it\" value {{ local_process {{ slots: {slots} }} }} }}\n"
        )
    };
    place.write("distributors.cfg", &config(1));
    place.write(
        "graph.toml",
        "config = \"distributors.cfg\"\ndistributor = \"it\"\n[jobs.a]\nrun.shell = \"echo kept\"\n",
    );
    let done = place.run(["run", "graph.toml", "--json"]).expect(0);
    let id = done.job("a")["attempt"]
        .as_str()
        .expect("an attempt")
        .to_owned();
    // Neither another nor no file matters for what is there.
    place.write("distributors.cfg", &config(2));
    assert_eq!(place.run(["logs", &id]).expect(0).stdout, "kept\n");
    fs::remove_file(place.join("distributors.cfg")).expect("removed");
    assert_eq!(place.run(["logs", &id]).expect(0).stdout, "kept\n");
    place.write("distributors.cfg", &config(2));
    let again = place.run(["run", "graph.toml", "--json"]).expect(0);
    assert_eq!(again.job("a")["reused"], true, "{again}");
}
