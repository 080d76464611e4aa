//! kill -9 at any moment, and the same command again: nothing lost, nothing doubled.

use std::fmt::Write as _;

use distributor_tests::{Ledger, Place};

const ROUNDS: u64 = 50;

/// A chain, a fan and a join.
const JOBS: [(&str, &[&str]); 12] = [
    ("a", &[]),
    ("b", &["a"]),
    ("c", &["b"]),
    ("fan1", &["c"]),
    ("fan2", &["c"]),
    ("fan3", &["c"]),
    ("fan4", &["c"]),
    ("fan5", &["c"]),
    ("join", &["fan1", "fan2", "fan3", "fan4", "fan5"]),
    ("lone1", &[]),
    ("lone2", &[]),
    ("last", &["join", "lone1"]),
];

/// `retries` of failing jobs fail their first execution.
fn graph(flaky: bool) -> String {
    let mut text = String::new();
    for (name, needs) in JOBS {
        // Long enough to be killed in, short enough for fifty rounds.
        let mut shell = Ledger::job(name, "sleep 0.01");
        if flaky {
            shell.push_str("; case $DISTRIBUTOR_EXECUTION in *'|1') exit 1;; esac");
        }
        let _infallible = writeln!(
            text,
            "[jobs.{name}]\nneeds = {needs:?}\nrun.shell = {shell:?}\nretries = {}\n",
            if flaky { 1 } else { 0 }
        );
    }
    text
}

/// The next number of a fixed sequence (a 64-bit linear congruential generator).
fn next(seed: &mut u64) -> u64 {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

/// Kills until a run comes to its end; gives how often it killed.
fn kill_until_done(place: &Place, seed: &mut u64) -> usize {
    let mut kills = 0;
    loop {
        let mut running = place.start(["run", "graph.toml"]);
        // A moment is named by what has happened, not by a clock. Some are before anything has.
        let moment = usize::try_from(next(seed) % 12).unwrap_or(0);
        if kills < 6 && running.wait_for_lines(moment) {
            running.kill();
            kills += 1;
            continue;
        }
        running.end().expect(0);
        return kills;
    }
}

#[test]
fn fifty_times_killed_and_nothing_is_lost_or_doubled() {
    let mut seed = 1;
    let mut kills = 0;
    for round in 0..ROUNDS {
        let place = Place::new();
        place.write("graph.toml", &graph(false));
        kills += kill_until_done(&place, &mut seed);
        let ledger = Ledger::parse(&place.read("ledger"));
        ledger.check_nothing_doubled();
        for (name, _) in JOBS {
            assert_eq!(ledger.ends(name), 1, "round {round}, {name}: {ledger:#?}");
        }
        let again = place.run(["run", "graph.toml", "--json"]).expect(0);
        assert_eq!(again.json()["reused"], JOBS.len(), "{again}");
    }
    assert!(kills > 50, "only {kills} runs were killed");
}

#[test]
fn killed_while_jobs_are_retried() {
    let mut seed = 2;
    for round in 0..8 {
        let place = Place::new();
        place.write("graph.toml", &graph(true));
        kill_until_done(&place, &mut seed);
        let ledger = Ledger::parse(&place.read("ledger"));
        ledger.check_nothing_doubled();
        for (name, _) in JOBS {
            assert_eq!(ledger.ends(name), 2, "round {round}, {name}: {ledger:#?}");
        }
    }
}
