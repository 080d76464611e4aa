//! Exit codes that need a special state directory.

use distributor_tests::Place;

#[test]
fn two_processes_on_one_state_directory_are_refused() {
    let place = Place::new();
    place.write(
        "graph.toml",
        "[jobs.a]\nrun.shell = \"while ! test -e go; do sleep 0.01; done\"\n",
    );
    let mut first = place.start(["run", "graph.toml"]);
    first.wait_for("a: RUNNING");
    let second = place.run(["run", "graph.toml"]).expect(4);
    second
        .complains("in use")
        .complains(&first.pid().to_string());
    // Looking is always possible.
    place.run(["status"]).expect(0).says("EXECUTING 1");
    place.write("go", "");
    first.end().expect(0);
}

#[test]
fn a_state_directory_that_is_a_file_is_an_error_that_names_it() {
    let place = Place::new();
    place.write("graph.toml", "[jobs.a]\nrun.shell = \"true\"\n");
    place.write("state", "no folder");
    let done = place.run(["--state", "state", "run", "graph.toml"]);
    assert!(matches!(done.code, Some(2 | 3)), "{done}");
    done.complains("state");
}

#[test]
fn a_damaged_or_newer_state_is_refused_with_a_reason() {
    let place = Place::new();
    place.write("graph.toml", "[jobs.a]\nrun.shell = \"true\"\n");
    place.run(["run", "graph.toml"]).expect(0);
    let file = place.state().join("state.db");
    let mut bytes = std::fs::read(&file).expect("the store");
    // `user_version` is at offset 60 of an SQLite file.
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    std::fs::write(&file, &bytes).expect("written");
    let done = place.run(["run", "graph.toml"]).expect(3);
    done.complains("9999");
    bytes[..100].fill(0x5a);
    std::fs::write(&file, &bytes).expect("written");
    place.run(["run", "graph.toml"]).expect(3);
    place.run(["status"]).expect(3);
}
