//! What an interrupt does to the processes of jobs, and what the next run makes of it.

use distributor_tests::{Gate, Ledger, Place};
use rustix::process::Signal;

/// A configuration with this time from TERM to KILL.
fn grace(place: &Place, grace: &str) {
    place.write(
        "distributors.cfg",
        &format!(
            "distributor_configs {{\n  key: \"local-process\"\n  \
             value {{ local_process {{ slots: 4 grace {{ {grace} }} }} }}\n}}\n"
        ),
    );
}

#[track_caller]
fn everything_ends(place: &Place) {
    for process in place.processes() {
        process.wait_until_gone();
    }
    assert_eq!(place.processes(), []);
}

#[test]
fn an_interrupt_is_a_term_for_the_whole_group_and_the_table_is_printed() {
    let place = Place::new();
    let gate = Gate::new(&place, "gate");
    let up = gate.tell("up");
    let shell = format!("trap 'echo TERM > got; exit 0' TERM; sleep 1000 & {up}; wait");
    place.write(
        "graph.toml",
        &format!(
            "[jobs.done]\nrun.shell = \"true\"\n\
             [jobs.runs]\nneeds = [\"done\"]\nrun.shell = {shell:?}\n\
             [jobs.waits]\nneeds = [\"runs\"]\nrun.shell = \"true\"\n"
        ),
    );
    let mut running = place.start(["run", "graph.toml"]);
    running.wait_for("runs: RUNNING");
    gate.arrived();
    running.signal(Signal::INT);
    let done = running.end().expect(130);
    assert_eq!(place.read("got"), "TERM\n");
    done.says("3 jobs: 1 finished (0 reused), 0 failed, 2 cancelled");
    done.complains("interrupted: stopping what runs");
    everything_ends(&place);
}

#[test]
fn who_does_not_listen_to_term_is_killed_after_the_grace() {
    let place = Place::new();
    grace(&place, "nanos: 50000000");
    let gate = Gate::new(&place, "gate");
    let shell = Ledger::job("a", &format!("trap '' TERM; {}", gate.stop("up")));
    place.write(
        "graph.toml",
        &format!("config = \"distributors.cfg\"\n[jobs.a]\nrun.shell = {shell:?}\n"),
    );
    let mut running = place.start(["run", "graph.toml", "--json"]);
    running.wait_for("a: RUNNING");
    gate.arrived();
    running.signal(Signal::TERM);
    let done = running.end().expect(130);
    assert_eq!(done.job("a")["status"], "CANCELLED", "{done}");
    let ledger = Ledger::parse(&place.read("ledger"));
    assert_eq!((ledger.0.len(), ledger.ends("a")), (1, 0), "{ledger:?}");
    everything_ends(&place);
}

#[test]
fn a_second_interrupt_ends_at_once_and_the_next_run_waits_for_what_still_runs() {
    let place = Place::new();
    grace(&place, "seconds: 3600");
    let gate = Gate::new(&place, "gate");
    // It tells that it was asked to stop, and does not.
    let work = format!(
        "trap '{}' TERM; {}; until read go < gate.go; do :; done",
        gate.tell("TERM"),
        gate.tell("$DISTRIBUTOR_EXECUTION")
    );
    let shell = Ledger::job("a", &work);
    place.write(
        "graph.toml",
        &format!("config = \"distributors.cfg\"\n[jobs.a]\nrun.shell = {shell:?}\n"),
    );
    let mut running = place.start(["run", "graph.toml"]);
    running.wait_for("a: RUNNING");
    gate.arrived();
    running.signal(Signal::INT);
    running.wait_for("interrupted: stopping what runs");
    assert_eq!(gate.arrived(), "TERM");
    running.signal(Signal::INT);
    running.end().expect(130).complains("left at once");
    assert_eq!(Ledger::parse(&place.read("ledger")).ends("a"), 0);

    let mut running = place.start(["run", "graph.toml", "--json"]);
    running.wait_for("waiting for 1 jobs to stop that an earlier run cancelled");
    gate.open();
    assert!(gate.arrived().ends_with("|2|1"), "a new attempt");
    gate.open();
    let done = running.end().expect(0);
    assert_eq!(done.job("a")["state"], "FINISHED", "{done}");
    let ledger = Ledger::parse(&place.read("ledger"));
    ledger.check_nothing_doubled();
    assert_eq!(ledger.ends("a"), 2, "{ledger:?}");
    everything_ends(&place);
}

#[test]
fn an_interrupted_job_does_not_use_up_its_retries() {
    let place = Place::new();
    let gate = Gate::new(&place, "gate");
    let shell = gate.stop("up");
    place.write(
        "graph.toml",
        &format!("[jobs.a]\nretries = {{ failed = 5, crashed = 5 }}\nrun.shell = {shell:?}\n"),
    );
    let mut running = place.start(["run", "graph.toml", "--json"]);
    running.wait_for("a: RUNNING");
    gate.arrived();
    running.signal(Signal::INT);
    let done = running.end().expect(130);
    assert_eq!(done.job("a")["executions"], 1, "{done}");
    assert!(!gate.has_arrivals(), "a cancelled job was retried");
}

/// A job may have begun while the host does not know it yet: then it must be stopped as well.
#[test]
fn an_interrupt_while_jobs_begin_leaves_nothing_running() {
    for _ in 0..8 {
        let place = Place::new();
        let gate = Gate::new(&place, "gate");
        let shell = format!("{}; exec sleep 1000", gate.tell("up"));
        let mut graph = String::new();
        for name in ["a", "b", "c", "d"] {
            let shell = format!("{shell} # {name}");
            graph.push_str(&format!("[jobs.{name}]\nrun.shell = {shell:?}\n"));
        }
        place.write("graph.toml", &graph);
        let running = place.start(["run", "graph.toml", "--json"]);
        gate.arrived();
        running.signal(Signal::INT);
        let done = running.end().expect(130);
        assert_eq!(done.json()["cancelled"], 4, "{done}");
        everything_ends(&place);
    }
}
