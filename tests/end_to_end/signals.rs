//! Ctrl-C: what runs is stopped, and the next run goes on.

use distributor_tests::{Ledger, Place};
use rustix::process::Signal;

/// `first` finishes at once; `slow` runs until somebody writes `go`; `last` needs it.
fn place(slow: &str) -> Place {
    let place = Place::new();
    let (first, slow) = (Ledger::job("first", "true"), Ledger::job("slow", slow));
    place.write(
        "graph.toml",
        &format!(
            "[jobs.first]\nrun.shell = {first:?}\n[jobs.slow]\nneeds = [\"first\"]\n\
             run.shell = {slow:?}\n[jobs.last]\nneeds = [\"slow\"]\nrun.shell = \"true\"\n"
        ),
    );
    place
}

#[test]
fn an_interrupt_stops_what_runs_and_the_next_run_goes_on() {
    for signal in [Signal::INT, Signal::TERM] {
        let place = place("test -e go || exec sleep 1000");
        let mut running = place.start(["run", "graph.toml", "--json"]);
        running.wait_for("slow: RUNNING");
        running.signal(signal);
        let done = running.end().expect(130);
        assert_eq!(done.job("first")["state"], "FINISHED", "{done}");
        assert_eq!(done.job("slow")["status"], "CANCELLED", "{done}");
        assert_eq!(done.job("last")["status"], "CANCELLED", "{done}");
        assert_eq!(done.json()["interrupted"], true, "{done}");

        place.write("go", "");
        let done = place.run(["run", "graph.toml", "--json"]).expect(0);
        assert_eq!(done.job("first")["reused"], true, "{done}");
        assert_eq!(done.job("slow")["state"], "FINISHED", "{done}");
    }
}

#[test]
fn a_second_interrupt_leaves_what_runs_and_the_next_run_finds_it() {
    // It cannot be stopped by TERM, so that the first interrupt takes its time.
    let place = place("trap '' TERM; echo > up; while ! test -e go; do sleep 0.01; done");
    let mut running = place.start(["run", "graph.toml"]);
    running.wait_for("slow: RUNNING");
    running.signal(Signal::INT);
    running.wait_for("interrupted");
    running.signal(Signal::INT);
    running.end().expect(130);
    place.write("go", "");
    place.run(["run", "graph.toml"]).expect(0);
    // It may have ended by itself or been called off first; never did two run at once.
    let text = place.read("ledger");
    let mut running = 0;
    for line in text.lines().filter(|line| line.contains(" slow ")) {
        running += if line.starts_with("start") { 1 } else { -1 };
        assert!((0..=1).contains(&running), "{text}");
    }
}
