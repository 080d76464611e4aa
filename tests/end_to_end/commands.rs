//! Every other command, for people and as JSON.

use distributor_tests::Place;
use serde_json::Value;

const GRAPH: &str = r#"
[jobs.first]
run.shell = "echo out; echo err >&2"
[jobs.second]
needs = ["first"]
run.shell = "exit 5"
"#;

/// A run with one job that finished and one that failed; gives their attempts.
fn place() -> (Place, String, String) {
    let place = Place::new();
    place.write("graph.toml", GRAPH);
    let done = place.run(["run", "graph.toml", "--json"]).expect(1);
    let attempt = |name: &str| match &done.job(name)["attempt"] {
        Value::String(attempt) => attempt.clone(),
        other => panic!("{other}"),
    };
    let (first, second) = (attempt("first"), attempt("second"));
    (place, first, second)
}

#[test]
fn status_counts_and_lists() {
    let (place, first, second) = place();
    let done = place.run(["status"]).expect(0);
    done.says("FINISHED 1").says("ABNORMAL_FINISHED 1");
    let done = place.run(["status", "--all"]).expect(0);
    done.says("FINISHED").says("local-process");
    let all = place.run(["status", "--all", "--json"]).expect(0).json();
    assert!(all.to_string().contains(&first), "{all}");
    let limited = place
        .run(["status", "--all", "--limit", "1", "--json"])
        .expect(0)
        .json();
    let newest = limited.to_string();
    assert!(
        newest.contains(&second) && !newest.contains(&first),
        "{limited}"
    );
    Place::new()
        .run(["status"])
        .expect(2)
        .complains("nothing was run there yet");
}

#[test]
fn show_takes_quests_prefixes_attempts_and_executions() {
    let (place, first, second) = place();
    let quest = first.split('|').next().expect("a quest");
    for id in [
        first.clone(),
        quest.to_owned(),
        quest[..8].to_owned(),
        format!("{first}|1"),
    ] {
        let done = place.run(["show", &id]).expect(0);
        done.says(quest).says("FINISHED");
        let json = place.run(["show", &id, "--json"]).expect(0).json();
        assert!(json.to_string().contains(quest), "{json}");
    }
    let done = place.run(["show", &second]).expect(0);
    done.says("FAILED").says(&first);
    place.run(["show", "A".repeat(43).as_str()]).expect(2);
    place.run(["show", &first[..3]]).expect(2);
}

#[test]
fn show_keeps_secrets() {
    let (place, first, _) = place();
    let json = place.run(["show", &first, "--json"]).expect(0).stdout;
    for word in ["activation", "auth_token", "secret"] {
        assert!(!json.contains(word), "{word} in {json}");
    }
}

#[test]
fn logs_print_each_stream_where_it_belongs() {
    let (place, first, _) = place();
    let done = place.run(["logs", &first]).expect(0);
    assert_eq!(
        (done.stdout.as_str(), done.stderr.as_str()),
        ("out\n", "err\n")
    );
    let done = place.run(["logs", &first, "--stdout"]).expect(0);
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("out\n", ""));
    let json = place.run(["logs", &first, "--json"]).expect(0).stdout;
    assert!(json.contains("out\\n"), "{json}");
}

#[test]
fn logs_follow_a_running_job_to_its_end() {
    let place = Place::new();
    place.write(
        "graph.toml",
        "[jobs.a]\nrun.shell = \"echo early; while ! test -e go; do sleep 0.01; done; echo late\"\n",
    );
    let mut running = place.start(["run", "graph.toml"]);
    running.wait_for("a: RUNNING");
    let status = place.run(["status", "--json"]).expect(0).json();
    let text = status.to_string();
    let at = text.find("|1\"").expect("an attempt");
    let id = &text[at - 43..at + 2];
    let follower = place.start(["logs", id, "--follow"]);
    place.write("go", "");
    let done = follower.end().expect(0);
    assert_eq!(done.stdout, "early\nlate\n", "{done}");
    running.end().expect(0);
}

#[test]
fn graph_draws_files_and_what_is_stored() {
    let (place, first, second) = place();
    let dot = place.run(["graph", "graph.toml"]).expect(0);
    dot.says("digraph").says("first").says("->");
    place
        .run(["graph", "graph.toml", "--format", "mermaid"])
        .expect(0)
        .says("-->");
    let stored = place.run(["graph", &second]).expect(0);
    stored.says("digraph").says("chartreuse").says("crimson");
    let json = place.run(["graph", &second, "--json"]).expect(0).json();
    assert!(json.to_string().contains(&first), "{json}");
}

#[test]
fn backends_describes_what_is_compiled_in() {
    let place = Place::new();
    place
        .run(["backends"])
        .expect(0)
        .says("local_process")
        .says("noop");
    let json = place.run(["backends", "--json"]).expect(0).json();
    let text = json.to_string();
    for part in ["2048", "2049", "2050", "distributor.backend.noop.Config"] {
        assert!(text.contains(part), "{part} in {json}");
    }
}

#[test]
fn config_check_shows_the_good_and_explains_the_bad() {
    let place = Place::new();
    place.write(
        "good.cfg",
        "distributor_configs { key: \"x\" value { local_process { slots: 3 } } }\n",
    );
    place
        .run(["config", "check", "good.cfg"])
        .expect(0)
        .says("x");
    place.write(
        "bad.cfg",
        "distributor_configs { key: \"x\" value { local_proces {} } }\n\
         distributor_configs { key: \"y\" value { noop {} } }\n",
    );
    let done = place.run(["config", "check", "bad.cfg"]).expect(2);
    done.says("bad.cfg:1:").says("local_process");
    done.complains("bad.cfg has a problem");
    let json = place
        .run(["config", "check", "bad.cfg", "--json"])
        .expect(2)
        .json();
    assert_eq!(json["problems"][0]["line"], 1, "{json}");
}

#[test]
fn gc_removes_what_is_old_with_its_outputs() {
    let (place, first, _) = place();
    place.run(["gc"]).expect(0);
    place.run(["show", &first]).expect(0);
    let dry = place
        .run(["gc", "--older-than", "0s", "--dry-run", "--json"])
        .expect(0)
        .json();
    assert_eq!(dry["attempts"], 2, "{dry}");
    place.run(["show", &first]).expect(0);
    let done = place
        .run(["gc", "--older-than", "0s", "--json"])
        .expect(0)
        .json();
    assert_eq!(done["attempts"], 2, "{done}");
    assert_eq!(done["files_of_backends"], 4, "{done}");
    place.run(["show", &first]).expect(2);
    place.run(["run", "graph.toml"]).expect(1);
}

#[test]
fn completions_and_help_exist_for_everything() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        place
            .run(["completions", shell])
            .expect(0)
            .says("distributor");
    }
    place.run(["--version"]).expect(0).says("distributor ");
    place.run(["--help"]).expect(0).says("Exit codes:");
    let commands: [&[&str]; 9] = [
        &["run"],
        &["status"],
        &["show"],
        &["logs"],
        &["graph"],
        &["backends"],
        &["config", "check"],
        &["gc"],
        &["completions"],
    ];
    for command in commands {
        let arguments = command.iter().chain(&["--help"]);
        place.run(arguments).expect(0).says("Usage:");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let (place, first, _) = place();
    let command = place.command(["show", &first, "--json"]);
    let program = command.get_program().to_string_lossy().into_owned();
    let script = format!("'{program}' show '{first}' --json | head -c 1");
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(place.path())
        .output()
        .expect("sh");
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
