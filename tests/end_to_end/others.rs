//! One state directory and several graphs, commands and environments.

use distributor_tests::{Gate, Ledger, Place};

#[test]
fn what_another_graph_left_unfinished_goes_on_and_is_told() {
    let place = Place::new();
    let gate = Gate::new(&place, "gate");
    let shell = Ledger::job("a", &gate.stop("up"));
    place.write("one.toml", &format!("[jobs.a]\nrun.shell = {shell:?}\n"));
    place.write("two.toml", "[jobs.b]\nrun.shell = \"true\"\n");
    let mut running = place.start(["run", "one.toml"]);
    running.wait_for("a: RUNNING");
    gate.arrived();
    running.kill();
    place
        .run(["run", "two.toml"])
        .expect(0)
        .complains("1 unfinished attempts of other graphs in .distributor go on too")
        .says("1 jobs: 1 finished");
    place.run(["status"]).expect(0).says("EXECUTING 1");
    gate.open();
    let done = place.run(["run", "one.toml", "--json"]).expect(0);
    assert_eq!(done.job("a")["executions"], 1, "{done}");
    let ledger = Ledger::parse(&place.read("ledger"));
    ledger.check_nothing_doubled();
    assert_eq!(ledger.ends("a"), 1, "{ledger:?}");
}

#[test]
fn jobs_really_run_at_the_same_time() {
    let place = Place::new();
    place.write(
        "distributors.cfg",
        "distributor_configs { key: \"three\" value { local_process { slots: 3 } } }\n",
    );
    let gate = Gate::new(&place, "gate");
    let shell = gate.stop("$DISTRIBUTOR_EXECUTION");
    let mut graph = String::from("config = \"distributors.cfg\"\ndistributor = \"three\"\n");
    for name in ["a", "b", "c", "d"] {
        let shell = format!("{shell} # {name}");
        graph.push_str(&format!("[jobs.{name}]\nrun.shell = {shell:?}\n"));
    }
    place.write("graph.toml", &graph);
    let running = place.start(["run", "graph.toml"]);
    // All three slots are taken before anybody goes on, and the fourth one waits for a slot.
    for _ in 0..3 {
        gate.arrived();
    }
    assert!(!gate.has_arrivals());
    gate.open();
    gate.arrived();
    for _ in 0..3 {
        gate.open();
    }
    running.end().expect(0);
}

#[test]
fn writing_commands_are_refused_while_a_run_goes_on_and_reading_ones_are_not() {
    let place = Place::new();
    let gate = Gate::new(&place, "gate");
    let shell = gate.stop("up");
    place.write("graph.toml", &format!("[jobs.a]\nrun.shell = {shell:?}\n"));
    let running = place.start(["run", "graph.toml"]);
    gate.arrived();
    let holder = running.pid().to_string();
    for command in [["run", "graph.toml"].as_slice(), &["gc"]] {
        place.run(command).expect(4).complains(&holder);
    }
    for command in [
        ["status"].as_slice(),
        &["gc", "--dry-run"],
        &["graph", "graph.toml"],
    ] {
        place.run(command).expect(0);
    }
    gate.open();
    running.end().expect(0);
    place.run(["gc"]).expect(0);
}

#[test]
fn the_environment_names_state_and_configuration_and_flags_go_before_it() {
    let place = Place::new();
    place.write(
        "noop.cfg",
        "distributor_configs { key: \"mine\" value { noop {} } }\n",
    );
    place.write("graph.toml", "distributor = \"mine\"\n[jobs.a]\n");
    let run = ["run", "graph.toml", "--config", "noop.cfg"];
    place
        .run_with(("DISTRIBUTOR_STATE", "from-variable"), run)
        .expect(0);
    assert!(place.join("from-variable/state.db").exists());
    place
        .run_with(
            ("DISTRIBUTOR_STATE", "ignored"),
            run.into_iter().chain(["--state", "from-flag"]),
        )
        .expect(0);
    assert!(place.join("from-flag/state.db").exists());
    assert!(!place.join("ignored").exists() && !place.state().exists());
    place
        .run_with(("DISTRIBUTOR_CONFIG", "noop.cfg"), ["run", "graph.toml"])
        .expect(0);
    place
        .run_with(("DISTRIBUTOR_LOG", "loud"), ["status"])
        .expect(2)
        .complains("DISTRIBUTOR_LOG");
}

#[test]
fn jobs_see_no_variable_of_the_program_but_their_own() {
    let place = Place::new();
    place.write(
        "graph.toml",
        "[jobs.a]\nrun.shell = \"env | grep ^DISTRIBUTOR_ | cut -d= -f1 | sort\"\n",
    );
    let variable = ("DISTRIBUTOR_LOG", "warn");
    let done = place.run_with(variable, ["run", "graph.toml", "--json"]);
    let done = done.expect(0);
    assert_eq!(
        done.job("a")["result"]["stdout_tail"],
        "DISTRIBUTOR_EXECUTION\n",
        "{done}"
    );
}

#[test]
fn quiet_says_nothing_and_progress_never_goes_to_standard_output() {
    let place = Place::new();
    place.write("graph.toml", "[jobs.a]\nrun.shell = \"true\"\n");
    let loud = place.run(["run", "graph.toml"]).expect(0);
    loud.complains("run: a: FINISHED");
    assert!(!loud.stdout.contains("run: "), "{loud}");
    loud.says("JOB").says("1 jobs: 1 finished (0 reused)");
    let quiet = place
        .run(["run", "graph.toml", "--quiet", "--again"])
        .expect(0);
    assert_eq!(quiet.stderr, "");
    quiet.says("1 jobs: 1 finished (0 reused)");
}

#[test]
fn a_failure_shows_what_the_job_wrote_and_a_command_that_works() {
    let place = Place::new();
    place.write(
        "graph.toml",
        "[jobs.a]\nrun.shell = \"echo all of it; echo why >&2; exit 9\"\n",
    );
    let done = place
        .run(["run", "graph.toml", "--state", "my state"])
        .expect(1);
    done.complains("a ended FAILED").complains("  | why");
    let hint = done
        .stderr
        .lines()
        .find_map(|line| line.split_once("all that it wrote: distributor "))
        .map(|(_, command)| command.to_owned());
    let Some(hint) = hint else {
        panic!("no hint\n{done}");
    };
    let program = place.command(["x"]).get_program().to_owned();
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("\"$0\" {hint}")])
        .arg(program)
        .current_dir(place.path())
        .output();
    let output = output.expect("sh starts");
    assert_eq!(output.stdout, b"all of it\n", "{hint}: {output:?}");
}

#[test]
fn when_a_run_is_over_no_process_is_left() {
    let place = Place::new();
    place.write("graph.toml", "[jobs.a]\nrun.shell = \"true\"\n");
    place.run(["run", "graph.toml"]).expect(0);
    for process in place.processes() {
        process.wait_until_gone();
    }
    assert_eq!(place.processes(), []);
}

#[test]
fn a_closed_standard_output_changes_no_exit_code() {
    let place = Place::new();
    place.write("good.toml", "[jobs.a]\nrun.shell = \"true\"\n");
    place.write("bad.toml", "[jobs.a]\nrun.shell = \"false\"\n");
    let (ours, theirs) = std::io::pipe().expect("a pipe");
    drop(ours);
    for (file, code) in [("good.toml", 0), ("bad.toml", 1)] {
        for json in [None, Some("--json")] {
            let arguments = ["run", file].into_iter().chain(json);
            let mut command = place.command(arguments);
            command.stdout(theirs.try_clone().expect("a second handle"));
            let output = command.output().expect("it starts");
            assert_eq!(output.status.code(), Some(code), "{file}: {output:?}");
        }
    }
}
