//! Jobs are known by their content: what is reused, what runs again.

use distributor_tests::{Done, Place};

const GRAPH: &str = r#"
[jobs.compile]
run.shell = "cat in.txt > out.txt"
inputs = ["in.txt"]
outputs = ["out.txt"]
[jobs.check]
needs = ["compile"]
run.shell = "test -s out.txt"
[jobs.other]
run.shell = "true"
"#;

fn place() -> Place {
    let place = Place::new();
    place.write("in.txt", "one");
    place.write("graph.toml", GRAPH);
    place.run(["run", "graph.toml"]).expect(0);
    place
}

#[track_caller]
fn reused(done: &Done) -> [bool; 3] {
    ["compile", "check", "other"].map(|name| done.job(name)["reused"] == true)
}

#[test]
fn the_second_run_reuses_every_job_and_says_so() {
    let place = place();
    let done = place.run(["run", "graph.toml"]).expect(0);
    done.complains("compile: reused").says("3 reused");
    let done = place.run(["run", "graph.toml", "--json"]).expect(0);
    assert_eq!(reused(&done), [true; 3], "{done}");
    assert_eq!(done.json()["reused"], 3, "{done}");
}

#[test]
fn a_changed_input_runs_exactly_what_depends_on_it() {
    let place = place();
    place.write("in.txt", "two");
    let done = place.run(["run", "graph.toml", "--json"]).expect(0);
    assert_eq!(reused(&done), [false, false, true], "{done}");
    assert_eq!(place.read("out.txt"), "two");
}

#[test]
fn going_back_to_a_former_input_makes_its_output_again() {
    let place = place();
    for text in ["two", "one", "two"] {
        place.write("in.txt", text);
        place.run(["run", "graph.toml"]).expect(0);
        assert_eq!(place.read("out.txt"), text);
    }
}

#[test]
fn a_missing_output_runs_its_job_again() {
    let place = place();
    std::fs::remove_file(place.join("out.txt")).expect("removed");
    let done = place.run(["run", "graph.toml", "--json"]).expect(0);
    assert_eq!(reused(&done), [false, true, true], "{done}");
    assert!(
        done.job("compile")["attempt"]
            .as_str()
            .is_some_and(|it| it.ends_with("|2")),
        "{done}"
    );
    assert_eq!(place.read("out.txt"), "one");
}

#[test]
fn again_runs_everything_in_new_attempts() {
    let place = place();
    let done = place
        .run(["run", "graph.toml", "--again", "--json"])
        .expect(0);
    assert_eq!(reused(&done), [false; 3], "{done}");
    let done = place.run(["run", "graph.toml", "--json"]).expect(0);
    assert_eq!(reused(&done), [true; 3], "{done}");
}

#[test]
fn a_failed_job_is_tried_again_by_the_next_run() {
    let place = Place::new();
    place.write(
        "graph.toml",
        "[jobs.a]\nrun.shell = \"test -e ok\"\n[jobs.b]\nneeds = [\"a\"]\nrun.shell = \"true\"\n",
    );
    place.run(["run", "graph.toml"]).expect(1);
    place.write("ok", "");
    let done = place.run(["run", "graph.toml", "--json"]).expect(0);
    assert_eq!(done.job("a")["reused"], false, "{done}");
    assert_eq!(done.job("b")["state"], "FINISHED", "{done}");
}
