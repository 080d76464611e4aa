//! The examples that are shipped, as they are.

use std::process::Command;

use distributor_tests::{Done, Place};

fn place() -> Place {
    let place = Place::new();
    place.copy("examples", "examples");
    // A build by somebody who tried it is no part of it.
    let _absent = std::fs::remove_dir_all(place.join("examples/c-build/build"));
    place
}

fn run(place: &Place, file: &str) -> Done {
    place
        .run(["run", &format!("examples/{file}"), "--json"])
        .expect(0)
}

#[test]
fn hello_diamond_and_flaky_finish_and_are_reused() {
    let place = place();
    for file in ["hello.toml", "diamond.toml", "flaky.toml"] {
        let first = run(&place, file).json();
        assert_eq!(first["failed"], 0, "{first}");
        assert_eq!(first["reused"], 0, "{first}");
        let second = run(&place, file).json();
        assert_eq!(second["reused"], first["finished"], "{second}");
    }
    assert_eq!(run(&place, "flaky.toml").job("flaky")["executions"], 3);
}

fn not_reused(done: &Done) -> Vec<String> {
    let jobs = done.json()["jobs"].clone();
    let jobs = jobs.as_array().cloned().unwrap_or_default();
    let mut names: Vec<String> = jobs
        .iter()
        .filter(|job| job["reused"] == false)
        .filter_map(|job| job["name"].as_str().map(str::to_owned))
        .collect();
    names.sort();
    names
}

#[test]
fn the_c_program_is_built_and_a_touched_source_rebuilds_what_depends_on_it() {
    if Command::new("cc").arg("--version").output().is_err() {
        eprintln_skipped();
        return;
    }
    let place = place();
    let file = "c-build/graph.toml";
    let all = not_reused(&run(&place, file)).len();
    assert!(all >= 12, "{all} jobs");
    assert_eq!(not_reused(&run(&place, file)), Vec::<String>::new());

    let change = |name: &str| {
        let path = format!("examples/c-build/src/{name}");
        let text = place.read(&path);
        assert!(!text.is_empty(), "{path}");
        place.write(&path, &format!("{text}\n/* changed */\n"));
    };
    change("eval.c");
    assert_eq!(
        not_reused(&run(&place, file)),
        [
            "compile/eval",
            "link/calc",
            "link/test_eval",
            "test/calc",
            "test/eval"
        ]
    );
    change("lexer.h");
    let rebuilt = not_reused(&run(&place, file));
    for name in [
        "compile/lexer",
        "compile/parser",
        "compile/test_lexer",
        "link/calc",
        "test/lexer",
    ] {
        assert!(rebuilt.iter().any(|it| it == name), "{name} in {rebuilt:?}");
    }
    for name in [
        "compile/list",
        "compile/test_list",
        "link/test_list",
        "prepare",
    ] {
        assert!(
            !rebuilt.iter().any(|it| it == name),
            "{name} in {rebuilt:?}"
        );
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn eprintln_skipped() {
    eprintln!("skipped: there is no C compiler `cc` on this machine");
}
