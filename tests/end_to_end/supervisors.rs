//! The supervisor of local tasks dies too: a job may run again, but only when the old process is gone.

use std::fmt::Write as _;

use distributor_tests::{Gate, Ledger, Place, Process, Random, Running};

const ROUNDS: u64 = 12;

/// Three chains that meet.
const JOBS: [(&str, &[&str]); 8] = [
    ("a1", &[]),
    ("a2", &["a1"]),
    ("b1", &[]),
    ("b2", &["b1"]),
    ("c1", &[]),
    ("c2", &["c1"]),
    ("join", &["a2", "b2", "c2"]),
    ("last", &["join"]),
];

/// Each job tells when it begins, and is long enough to be killed in.
fn graph(ticks: &Gate) -> String {
    let mut text = String::from("[defaults]\nretries = { crashed = 20 }\n");
    for (name, needs) in JOBS {
        let shell = Ledger::job(name, &format!("{}; sleep 0.03", ticks.tell(name)));
        let _infallible = writeln!(
            text,
            "[jobs.{name}]\nneeds = {needs:?}\nrun.shell = {shell:?}"
        );
    }
    text
}

/// kill -9 of all supervisors in this folder.
fn kill_supervisors(place: &Place) -> usize {
    let all: Vec<Process> = place.processes();
    let supervisors = all.iter().filter(|it| it.is_supervisor());
    supervisors
        .map(|it| {
            it.kill();
            it.wait_until_gone();
        })
        .count()
}

/// kill -9 of both, in either order.
fn kill_both(place: &Place, service: Running, random: &mut Random) -> usize {
    if random.below(2) == 0 {
        service.kill();
        kill_supervisors(place)
    } else {
        let killed = kill_supervisors(place);
        service.kill();
        killed + kill_supervisors(place)
    }
}

/// Every job finished, its last execution did all of its work, and nothing was doubled.
#[track_caller]
fn check(place: &Place) {
    let done = place.run(["run", "graph.toml", "--json"]).expect(0);
    assert_eq!(done.json()["reused"], JOBS.len(), "{done}");
    let ledger = Ledger::parse(&place.read("ledger"));
    ledger.check_nothing_doubled();
    for (name, _) in JOBS {
        let job = done.job(name);
        let last = format!(
            "{}|{}",
            job["attempt"].as_str().expect("an attempt"),
            job["executions"]
        );
        let ended = ledger.0.iter().any(|it| it.end && it.execution == last);
        assert!(ended, "{name} did not end: {ledger:#?}\n{done}");
        let starts = ledger.0.iter().filter(|it| !it.end && it.job == name);
        let executions = job["executions"].as_u64().expect("a number");
        assert!(starts.count() as u64 <= executions, "{ledger:#?}\n{done}");
    }
}

#[test]
fn service_and_supervisor_killed_at_any_moment() {
    let mut random = Random::new(3);
    let mut kills = 0;
    for _ in 0..ROUNDS {
        let place = Place::new();
        let ticks = Gate::new(&place, "ticks");
        place.write("graph.toml", &graph(&ticks));
        // A moment inside of jobs first, then moments that the program tells of.
        let running = place.start(["run", "graph.toml"]);
        for _ in 0..=random.below(JOBS.len()) {
            ticks.arrived();
        }
        kills += kill_both(&place, running, &mut random);
        for _ in 0..2 {
            let mut running = place.start(["run", "graph.toml"]);
            if running.wait_for_lines(1 + random.below(10)) {
                kills += kill_both(&place, running, &mut random);
            }
        }
        place.run(["run", "graph.toml"]).expect(0);
        check(&place);
    }
    assert!(kills >= 4, "only {kills} supervisors were killed");
}

#[test]
fn only_the_supervisor_killed_and_the_same_run_goes_on() {
    let mut random = Random::new(4);
    for _ in 0..4 {
        let place = Place::new();
        let ticks = Gate::new(&place, "ticks");
        place.write("graph.toml", &graph(&ticks));
        let running = place.start(["run", "graph.toml"]);
        for _ in 0..=random.below(JOBS.len() - 1) {
            ticks.arrived();
        }
        kill_supervisors(&place);
        running.end().expect(0);
        check(&place);
    }
}

#[test]
fn a_task_without_supervisor_is_waited_for_before_it_is_retried() {
    let place = Place::new();
    let gate = Gate::new(&place, "gate");
    let shell = Ledger::job("a", &gate.stop("$DISTRIBUTOR_EXECUTION"));
    place.write(
        "graph.toml",
        &format!("[jobs.a]\nretries = {{ crashed = 1 }}\nrun.shell = {shell:?}\n"),
    );
    let running = place.start(["run", "graph.toml"]);
    assert!(gate.arrived().ends_with("|1|1"));
    running.kill();
    assert_eq!(kill_supervisors(&place), 1);
    let mut running = place.start(["run", "graph.toml"]);
    running.wait_for("jobs that an earlier run left unfinished go on");
    gate.open();
    assert!(gate.arrived().ends_with("|1|2"));
    gate.open();
    running.end().expect(0);
    let ledger = Ledger::parse(&place.read("ledger"));
    ledger.check_nothing_doubled();
    assert_eq!(ledger.ends("a"), 2, "{ledger:#?}");
}

#[test]
fn a_killed_service_leaves_its_tasks_and_gets_their_ends() {
    let place = Place::new();
    let gate = Gate::new(&place, "gate");
    let shell = Ledger::job("a", &gate.stop("$DISTRIBUTOR_EXECUTION"));
    place.write("graph.toml", &format!("[jobs.a]\nrun.shell = {shell:?}\n"));
    let running = place.start(["run", "graph.toml"]);
    gate.arrived();
    running.kill();
    // It ends while no service is there.
    gate.open();
    for process in place.processes() {
        process.wait_until_gone();
    }
    assert_eq!(Ledger::parse(&place.read("ledger")).ends("a"), 1);
    let done = place.run(["run", "graph.toml", "--json"]).expect(0);
    assert_eq!(done.job("a")["executions"], 1, "{done}");
    assert_eq!(done.job("a")["result"]["exit_code"], 0, "{done}");
    assert!(!gate.has_arrivals(), "it was started twice");
}
