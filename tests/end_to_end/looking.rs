//! Commands that look at things, in detail: what is in their JSON, what is in their help, and what is in neither.

use std::process::Command;

use distributor_tests::{Gate, Place};
use serde_json::{Value, json};

fn failed_place() -> (Place, Value) {
    let place = Place::new();
    place.write(
        "graph.toml",
        "[jobs.first]\nparameters = { level = 3 }\nrun.shell = \"echo out\"\n\
         [jobs.second]\nneeds = [\"first\"]\nretries = 1\nrun.shell = \"echo why >&2; exit 5\"\n",
    );
    let run = place.run(["run", "graph.toml", "--json"]).expect(1).json();
    (place, run)
}

fn attempt(run: &Value, index: usize) -> &str {
    run["jobs"][index]["attempt"].as_str().expect("an attempt")
}

#[test]
fn the_json_of_a_run_has_the_documented_fields_and_no_other() {
    let (place, run) = failed_place();
    let keys = |value: &Value| -> Vec<String> {
        let object = value.as_object().expect("an object");
        let mut keys: Vec<String> = object.keys().cloned().collect();
        keys.sort();
        keys
    };
    let documented = [
        "cancelled",
        "failed",
        "finished",
        "graph",
        "interrupted",
        "jobs",
        "reused",
        "state_directory",
    ];
    assert_eq!(keys(&run), documented);
    let of_job = [
        "attempt",
        "executions",
        "name",
        "reason",
        "result",
        "reused",
        "state",
        "status",
    ];
    for job in run["jobs"].as_array().expect("jobs") {
        assert_eq!(keys(job), of_job);
    }
    assert_eq!(run["graph"], "graph.toml");
    let state = place.state();
    let state = state.parent().and_then(|it| it.canonicalize().ok());
    let named = run["state_directory"].as_str().expect("a path");
    let named = std::path::Path::new(named).parent();
    assert_eq!(named.and_then(|it| it.canonicalize().ok()), state);
    let counts = ["finished", "failed", "cancelled", "reused"].map(|it| run[it].clone());
    assert_eq!(counts, [1, 1, 0, 0].map(|it| json!(it)), "{run}");
    assert_eq!(run["jobs"][1]["executions"], 2, "{run}");
    assert_eq!(run["jobs"][1]["reason"], "exit code 5: why", "{run}");
    assert_eq!(run["jobs"][1]["result"], Value::Null, "{run}");
}

#[test]
fn show_knows_description_executions_needs_and_ends() {
    let (place, run) = failed_place();
    let (first, second) = (attempt(&run, 0), attempt(&run, 1));
    let shown = place.run(["show", second, "--json"]).expect(0).json();
    assert_eq!(shown["attempt"]["state"], "ABNORMAL_FINISHED", "{shown}");
    assert_eq!(shown["attempt"]["status"], "FAILED", "{shown}");
    let needs = json!([{"attempt": first, "state": "FINISHED"}]);
    assert_eq!(shown["needs"], needs, "{shown}");
    assert_eq!(shown["desc"]["meta"]["simple"]["needs"][0]["name"], "first");
    // Newest first.
    let executions = shown["executions"].as_array().expect("executions");
    let ids: Vec<&Value> = executions.iter().map(|it| &it["execution"]).collect();
    assert_eq!(
        ids,
        [&json!(format!("{second}|2")), &json!(format!("{second}|1"))]
    );
    let url = executions[0]["url"].as_str().expect("a url");
    let file = url.strip_prefix("file://").expect("a file");
    assert!(std::path::Path::new(file).exists(), "{url}");

    let shown = place.run(["show", first, "--json"]).expect(0).json();
    assert_eq!(
        shown["needed_by"],
        json!([{"attempt": second, "state": "ABNORMAL_FINISHED"}])
    );
    assert_eq!(shown["attempt"]["result"]["stdout_tail"], "out\n");
    assert_eq!(shown["desc"]["parameters"], r#"{"level":3}"#);

    let quest = &second[..43];
    place.run(["run", "graph.toml"]).expect(1);
    let shown = place.run(["show", quest, "--json"]).expect(0).json();
    let attempts = shown["attempts"].as_array().expect("attempts");
    assert_eq!(attempts.len(), 2, "{shown}");
    let text = place.run(["show", second]).expect(0);
    text.says("exit code 5: why").says(first).says("needs");
}

#[test]
fn nothing_that_authenticates_is_ever_shown() {
    let place = Place::new();
    let gate = Gate::new(&place, "gate");
    let shell = gate.stop("up");
    place.write("graph.toml", &format!("[jobs.a]\nrun.shell = {shell:?}\n"));
    let running = place.start(["run", "graph.toml"]);
    gate.arrived();
    // While it runs its activation token is still good for something.
    let drawing = place
        .run(["graph", "graph.toml", "--json"])
        .expect(0)
        .json();
    let id = drawing["nodes"][0]["attempt"].as_str().expect("an attempt");
    let (quest, execution) = (&id[..43], format!("{id}|1"));
    for id in [quest, id, &execution] {
        for json in [None, Some("--json")] {
            let done = place.run(["show", id].into_iter().chain(json)).expect(0);
            let rest = done.stdout.replace(quest, "");
            // 32 bytes are 43 or 44 characters of either Base64, or 64 of hexadecimal.
            let is_code = |c: char| c.is_ascii_alphanumeric() || "+/-_=".contains(c);
            for word in rest.split(|c| !is_code(c)) {
                let is_path = word.matches(['/', '-', '_']).count() > 3;
                let suspect = matches!(word.len(), 43 | 44 | 64) && !is_path;
                assert!(!suspect, "{word:?} could be a secret\n{done}");
            }
            for word in ["secret", "activation", "password"] {
                assert!(!rest.to_lowercase().contains(word), "{word}\n{done}");
            }
        }
    }
    gate.open();
    running.end().expect(0);
}

#[test]
fn the_state_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (place, _) = failed_place();
    for name in [".distributor", ".distributor/state.db"] {
        let metadata = std::fs::metadata(place.join(name)).expect("it is there");
        assert_eq!(metadata.permissions().mode() & 0o077, 0, "{name}");
    }
}

#[test]
fn a_limited_status_says_that_there_is_more() {
    let (place, run) = failed_place();
    let done = place.run(["status", "--all", "-n", "1"]).expect(0);
    done.complains("there are more; `--limit N`");
    let json = place.run(["status", "--json"]).expect(0).json();
    assert_eq!(json["attempts"], json!([]), "nothing is unfinished");
    assert_eq!(json["more"], false);
    assert_eq!(json["counts"]["FINISHED"], 1);
    assert_eq!(json["counts"]["EXECUTING"], 0);
    let all = place.run(["status", "--all", "--json"]).expect(0).json();
    assert_eq!(
        all["attempts"][0]["attempt"],
        attempt(&run, 1),
        "newest first"
    );
}

#[test]
fn every_option_is_explained() {
    let place = Place::new();
    for (command, options) in [
        (
            ["run", "--help"].as_slice(),
            [
                "--again",
                "--keep-going",
                "--jobs",
                "--quiet",
                "--json",
                "--state",
                "--config",
            ]
            .as_slice(),
        ),
        (
            &["status", "--help"],
            &["--all", "--limit", "--json", "--state"],
        ),
        (&["show", "--help"], &["--json", "QUEST|N|E"]),
        (
            &["logs", "--help"],
            &["--follow", "--stdout", "--stderr", "--json"],
        ),
        (
            &["graph", "--help"],
            &["--format", "mermaid", "dot", "--json"],
        ),
        (&["backends", "--help"], &["--json"]),
        (
            &["config", "check", "--help"],
            &["--json", "distributor_configs"],
        ),
        (
            &["gc", "--help"],
            &["--older-than", "--dry-run", "7d", "--json"],
        ),
        (
            &["completions", "--help"],
            &["bash", "zsh", "fish", "elvish", "powershell"],
        ),
        (
            &["--help"],
            &[
                "DISTRIBUTOR_STATE",
                "DISTRIBUTOR_CONFIG",
                "DISTRIBUTOR_LOG",
                "NO_COLOR",
                "130",
            ],
        ),
    ] {
        let done = place.run(command).expect(0);
        for option in options {
            done.says(option);
        }
        assert_eq!(done.stderr, "", "help that was asked for is data");
    }
    let nothing = place.run(Vec::<&str>::new()).expect(2);
    assert_eq!(nothing.stdout, "");
    nothing.complains("Usage:");
}

#[test]
fn a_shell_can_read_its_completions() {
    let place = Place::new();
    let mut checked = 0;
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script = place.run(["completions", shell]).expect(0).stdout;
        for word in ["keep-going", "older-than", "follow", "mermaid"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
        let file = place.write(&format!("script.{shell}"), &script);
        if let Ok(output) = Command::new(shell).arg(check).arg(&file).output() {
            assert!(output.status.success(), "{shell}: {output:?}");
            checked += 1;
        }
    }
    assert!(checked > 0, "no shell is there to read any script");
}

#[test]
fn gc_keeps_what_something_unfinished_needs_and_makes_nothing_where_nothing_is() {
    let place = Place::new();
    for command in [["gc"].as_slice(), &["gc", "--dry-run"]] {
        place.run(command).expect(2);
        assert!(!place.state().exists());
    }
    let gate = Gate::new(&place, "gate");
    let shell = gate.stop("up");
    place.write(
        "graph.toml",
        &format!(
            "[jobs.early]\nrun.shell = \"true\"\n\
             [jobs.old]\nrun.shell = \"true # old\"\n\
             [jobs.runs]\nneeds = [\"early\"]\nrun.shell = {shell:?}\n"
        ),
    );
    let mut running = place.start(["run", "graph.toml"]);
    running.wait_for("old: FINISHED");
    gate.arrived();
    running.kill();
    let collected = place.run(["gc", "--older-than", "0s", "--json"]).expect(0);
    assert_eq!(collected.json()["attempts"], 1, "only `old`\n{collected}");
    gate.open();
    let done = place.run(["run", "graph.toml", "--json"]).expect(0);
    assert_eq!(done.job("early")["reused"], true, "{done}");
    assert_eq!(done.job("runs")["executions"], 1, "{done}");
    assert_eq!(done.job("old")["reused"], false, "{done}");
    place.run(["gc", "--older-than", "0s"]).expect(0);
    let outputs = Command::new("find")
        .arg(place.state().join("backends"))
        .args(["-path", "*/output/*", "-type", "f"])
        .output();
    assert_eq!(outputs.expect("find starts").stdout, b"");
}

#[test]
fn a_state_that_cannot_be_written_is_an_error_of_its_own() {
    if rustix::process::geteuid().is_root() {
        skipped("everything can be written by root");
        return;
    }
    use std::os::unix::fs::PermissionsExt;
    let (place, run) = failed_place();
    let locked = std::fs::Permissions::from_mode(0o500);
    std::fs::set_permissions(place.state(), locked).expect("changed");
    place.run(["run", "graph.toml"]).expect(3);
    place.run(["show", attempt(&run, 0)]).expect(0);
    let open = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(place.state(), open).expect("changed back");
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}
