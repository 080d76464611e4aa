//! `run`: order, failures, retries, timeouts, results, limits.

use distributor_tests::{Ledger, Place};

#[test]
fn jobs_run_after_what_they_need_and_get_its_results() {
    let place = Place::new();
    place.write(
        "graph.toml",
        r#"
[jobs.second]
needs = ["first"]
run.shell = "cat $DISTRIBUTOR_RESULTS; echo; cat $DISTRIBUTOR_PARAMETERS; echo $GREETING; cat"
run.env = { GREETING = "hello" }
run.stdin = "from stdin"
parameters = { level = 3 }
[jobs.first]
run.shell = "echo one; echo two >&2"
"#,
    );
    let done = place.run(["run", "graph.toml", "--json"]).expect(0);
    let first = done.job("first");
    assert_eq!(first["state"], "FINISHED", "{done}");
    assert_eq!(first["reused"], false, "{done}");
    assert_eq!(first["executions"], 1, "{done}");
    assert_eq!(first["result"]["exit_code"], 0, "{done}");
    assert_eq!(first["result"]["stdout_tail"], "one\n", "{done}");
    assert_eq!(first["result"]["stderr_tail"], "two\n", "{done}");
    assert!(
        first["attempt"]
            .as_str()
            .is_some_and(|it| it.ends_with("|1"))
    );
    let second = done.job("second");
    let tail = second["result"]["stdout_tail"].as_str().expect("a tail");
    let (results, rest) = tail.split_once('\n').expect("two lines");
    let results: serde_json::Value = serde_json::from_str(results).expect("JSON");
    assert_eq!(results["first"]["state"], "FINISHED", "{results}");
    assert_eq!(
        results["first"]["result"]["stdout_tail"], "one\n",
        "{results}"
    );
    assert_eq!(
        rest.trim_start(),
        "{\"level\":3}hello\nfrom stdin",
        "{done}"
    );
}

#[test]
fn a_failure_stops_what_has_not_started_unless_told_to_keep_going() {
    let place = Place::new();
    place.write(
        "graph.toml",
        r#"
[jobs.bad]
run.shell = "echo because >&2; exit 3"
[jobs.dependent]
needs = ["bad"]
run.shell = "true"
[jobs.cleanup]
needs = ["bad"]
run_anyway = true
run.shell = "true"
[jobs.later]
needs = ["first"]
run.shell = "true"
[jobs.first]
run.shell = "true"
"#,
    );
    let done = place.run(["run", "graph.toml", "--json", "-k"]).expect(1);
    let bad = done.job("bad");
    assert_eq!(bad["state"], "ABNORMAL_FINISHED", "{done}");
    assert_eq!(bad["status"], "FAILED", "{done}");
    assert!(
        bad["reason"].as_str().is_some_and(|it| it.contains('3')),
        "{done}"
    );
    let dependent = done.job("dependent");
    assert_eq!(dependent["state"], "ABNORMAL_FINISHED", "{done}");
    assert_eq!(dependent["executions"], 0, "{done}");
    assert!(
        dependent["reason"]
            .as_str()
            .is_some_and(|it| it.contains(bad["attempt"].as_str().expect("an attempt"))),
        "the culprit is named\n{done}"
    );
    for name in ["cleanup", "later", "first"] {
        assert_eq!(done.job(name)["state"], "FINISHED", "{done}");
    }

    let place = Place::new();
    place.write(
        "graph.toml",
        r#"
[jobs.bad]
run.shell = "while ! test -e fail; do sleep 0.01; done; exit 1"
[jobs.waits]
needs = ["bad", "slow"]
run.shell = "true"
[jobs.slow]
run.shell = "while ! test -e go; do sleep 0.01; done"
[jobs.after_slow]
needs = ["slow"]
run.shell = "true"
"#,
    );
    let mut running = place.start(["run", "graph.toml", "--json"]);
    running.wait_for("slow: RUNNING");
    place.write("fail", "");
    running.wait_for("bad: FAILED");
    place.write("go", "");
    let done = running.end().expect(1);
    assert_eq!(
        done.job("slow")["state"],
        "FINISHED",
        "what runs may end\n{done}"
    );
    let after = done.job("after_slow");
    assert_eq!(after["status"], "CANCELLED", "{done}");
    assert!(
        after["reason"]
            .as_str()
            .is_some_and(|it| it.contains("--keep-going")),
        "{done}"
    );
}

#[test]
fn jobs_one_runs_one_at_a_time() {
    let place = Place::new();
    let mut graph = String::new();
    for name in ["a", "b", "c", "d", "e"] {
        let shell = Ledger::job(name, "sleep 0.02");
        graph.push_str(&format!("[jobs.{name}]\nrun.shell = {shell:?}\n"));
    }
    place.write("graph.toml", &graph);
    place.run(["run", "graph.toml", "--jobs", "1"]).expect(0);
    let ledger = Ledger::parse(&place.read("ledger"));
    assert_eq!(ledger.0.len(), 10);
    for pair in ledger.0.chunks(2) {
        assert_eq!(pair[0].job, pair[1].job, "{ledger:#?}");
    }
}

#[test]
fn each_class_of_failure_has_its_status() {
    let place = Place::new();
    place.write(
        "graph.toml",
        r#"
[jobs.failed]
run.shell = "exit 7"
[jobs.crashed]
run.shell = "kill -SEGV $$"
[jobs.rejected]
run.argv = ["./no/such/program"]
[jobs.timed_out]
run.shell = "exec sleep 1000"
timeouts.run = "100ms"
"#,
    );
    let done = place.run(["run", "graph.toml", "-k", "--json"]).expect(1);
    for (job, status, reason) in [
        ("failed", "FAILED", "7"),
        ("crashed", "CRASHED", "SEGV"),
        ("rejected", "REJECTED", "no/such/program"),
        ("timed_out", "TIMED_OUT", "RUNNING"),
    ] {
        let found = done.job(job);
        assert_eq!(found["status"], status, "{done}");
        assert!(
            found["reason"]
                .as_str()
                .is_some_and(|it| it.contains(reason)),
            "{job}\n{done}"
        );
    }
}

#[test]
fn retries_have_a_budget_for_each_class() {
    let place = Place::new();
    place.write(
        "graph.toml",
        r#"
[jobs.recovers]
retries = 2
run.shell = "case $DISTRIBUTOR_EXECUTION in *'|3') exit 0;; esac; exit 1"
[jobs.gives_up]
retries = { crashed = 5, failed = 1 }
run.shell = "exit 1"
"#,
    );
    let done = place.run(["run", "graph.toml", "-k", "--json"]).expect(1);
    assert_eq!(done.job("recovers")["state"], "FINISHED", "{done}");
    assert_eq!(done.job("recovers")["executions"], 3, "{done}");
    assert_eq!(done.job("gives_up")["status"], "FAILED", "{done}");
    assert_eq!(done.job("gives_up")["executions"], 2, "{done}");
}

#[test]
fn a_noop_backend_can_be_configured() {
    let place = Place::new();
    place.write(
        "distributors.cfg",
        r#"
distributor_configs { key: "sim" value { noop { failure { status: "CRASHED" reason: "on purpose" } } } }
distributor_configs { key: "default" value { alias { other_config: "sim" } } }
"#,
    );
    place.write(
        "graph.toml",
        "config = \"distributors.cfg\"\ndistributor = \"default\"\n[jobs.a]\n",
    );
    let done = place.run(["run", "graph.toml", "--json"]).expect(1);
    assert_eq!(done.job("a")["status"], "CRASHED", "{done}");
    assert_eq!(done.job("a")["reason"], "on purpose", "{done}");
}
