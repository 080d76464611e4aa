//! `logs`, above all while jobs still write.

use distributor_tests::{Gate, Place};
use serde_json::Value;

/// The attempt of a job of `graph.toml`, known as soon as it exists.
#[track_caller]
fn attempt(place: &Place, name: &str) -> String {
    let drawing = place
        .run(["graph", "graph.toml", "--json"])
        .expect(0)
        .json();
    let nodes = drawing["nodes"].as_array().cloned().unwrap_or_default();
    let node = nodes.iter().find(|node| node["name"] == name);
    match node.and_then(|node| node["attempt"].as_str()) {
        Some(attempt) => attempt.to_owned(),
        None => panic!("no attempt of {name}: {drawing}"),
    }
}

#[test]
fn what_a_job_writes_is_shown_before_it_ends_and_all_of_it_after() {
    let place = Place::new();
    let gate = Gate::new(&place, "gate");
    let shell = format!("echo early >&2; {}; echo late", gate.stop("up"));
    place.write("graph.toml", &format!("[jobs.a]\nrun.shell = {shell:?}\n"));
    let running = place.start(["run", "graph.toml"]);
    gate.arrived();
    let id = attempt(&place, "a");
    let mut follower = place.start(["logs", &id, "--follow"]);
    follower.wait_for("early");
    // Without --follow it is what there is, and no more.
    let now = place.run(["logs", &id]).expect(0);
    assert_eq!((now.stdout.as_str(), now.stderr.as_str()), ("", "early\n"));
    gate.open();
    let done = follower.end().expect(0);
    assert_eq!(
        (done.stdout.as_str(), done.stderr.as_str()),
        ("late\n", "early\n")
    );
    running.end().expect(0);
}

#[test]
fn a_retried_attempt_is_followed_into_its_next_execution() {
    let place = Place::new();
    let gate = Gate::new(&place, "gate");
    let shell = format!(
        "n=${{DISTRIBUTOR_EXECUTION##*|}}; echo \"this is $n\" >&2; {}; test $n -gt 1",
        gate.stop("up")
    );
    place.write(
        "graph.toml",
        &format!("[jobs.a]\nretries = 1\nrun.shell = {shell:?}\n"),
    );
    let running = place.start(["run", "graph.toml"]);
    gate.arrived();
    let id = attempt(&place, "a");
    let mut follower = place.start(["logs", &id, "--follow"]);
    follower.wait_for("this is 1");
    let one = place.start(["logs", &format!("{id}|1"), "--follow"]);
    gate.open();
    let one = one.end().expect(0);
    assert_eq!(one.stderr, "this is 1\n", "one execution is meant");
    follower.wait_for("this is 2");
    gate.open();
    let done = follower.end().expect(0);
    assert_eq!(
        done.stderr,
        format!("this is 1\n--- {id}|2 ---\nthis is 2\n")
    );
    running.end().expect(0);
    assert_eq!(place.run(["logs", &id]).expect(0).stderr, "this is 2\n");
}

#[test]
fn an_attempt_that_has_not_begun_can_be_followed() {
    let place = Place::new();
    let gate = Gate::new(&place, "gate");
    let shell = gate.stop("up");
    place.write(
        "graph.toml",
        &format!(
            "[jobs.a]\nrun.shell = {shell:?}\n[jobs.b]\nneeds = [\"a\"]\nrun.shell = \"echo b\"\n"
        ),
    );
    let running = place.start(["run", "graph.toml"]);
    gate.arrived();
    let id = attempt(&place, "b");
    place
        .run(["logs", &id])
        .expect(2)
        .complains("has had no execution; --follow waits for one");
    let follower = place.start(["logs", &id, "--follow"]);
    gate.open();
    assert_eq!(follower.end().expect(0).stdout, "b\n");
    running.end().expect(0);
}

#[test]
fn logs_in_json_are_one_object_a_line_with_offsets() {
    let place = Place::new();
    place.write(
        "graph.toml",
        "[jobs.a]\nrun.shell = \"seq 1 30000; echo ü >&2\"\n",
    );
    place.run(["run", "graph.toml"]).expect(0);
    let id = attempt(&place, "a");
    let done = place.run(["logs", &id, "--json"]).expect(0);
    let mut texts = [String::new(), String::new()];
    for line in done.stdout.lines() {
        let object: Value = serde_json::from_str(line).expect("JSON on each line");
        let stream = usize::from(object["stream"] == "stderr");
        assert_eq!(object["execution"], format!("{id}|1"), "{line}");
        assert_eq!(object["offset"], texts[stream].len(), "{line}");
        texts[stream].push_str(object["text"].as_str().unwrap_or_default());
    }
    let expected: String = (1..=30_000).map(|number| format!("{number}\n")).collect();
    assert_eq!(texts[0], expected);
    assert_eq!(texts[1], "ü\n");
    assert_eq!(
        place.run(["logs", &id, "--stdout"]).expect(0).stdout,
        expected
    );
    let errors = place.run(["logs", &id, "--stderr"]).expect(0);
    assert_eq!(
        (errors.stdout.as_str(), errors.stderr.as_str()),
        ("", "ü\n")
    );
}

#[test]
fn a_backend_without_logs_says_so() {
    let place = Place::new();
    place.write("graph.toml", "distributor = \"noop\"\n[jobs.a]\n");
    place.run(["run", "graph.toml"]).expect(0);
    let id = attempt(&place, "a");
    let done = place.run(["logs", &id]).expect(2);
    done.complains("keeps no logs");
}
