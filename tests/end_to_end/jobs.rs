//! Jobs in plain `sh` that call the API with `distributor job`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use distributor_tests::{Done, Place, Service};
use serde_json::{Value, json};

use crate::serving::wait_until_over;
use crate::simulated::{result, skipped, whole_graph};

/// Exit code 10 means: stop now, with exit code 0.
const PREAMBLE: &str = "stop() { [ $? -eq 10 ] && exit 0; exit 1; }\n";

/// A description of a simple quest, for `job depend`.
pub(crate) fn simple(argv: &[&str]) -> Value {
    json!({
        "distributor_config_name": "local-process",
        "parameters": "{}",
        "distributor_parameters": json!({"argv": argv}).to_string(),
        "meta": {"simple": {}},
    })
}

/// Runs this script as the job of a quest, and gives quest and end.
fn run(place: &Place, service: &Service, script: &str) -> (String, Value) {
    let quest = submit(place, service, script);
    let end = wait_until_over(service, &quest, 1);
    (quest, end)
}

/// Asks for a quest whose job is this script, with `distributor` as `$1`, and gives it.
pub(crate) fn submit(place: &Place, service: &Service, script: &str) -> String {
    let answer = service
        .call("dm.Deps/EnsureGraphData", &of_script(place, script))
        .expect("the quest is accepted");
    let quest = answer["questIds"][0]["id"].as_str().expect("an id");
    quest.to_owned()
}

/// The request for attempt 1 of a quest whose job is this script. It is not tried again.
pub(crate) fn of_script(place: &Place, script: &str) -> Value {
    let file = place.write("job.sh", &format!("{PREAMBLE}{script}"));
    let program = place.command(["job"]).get_program().to_owned();
    let argv = [
        "/bin/sh",
        file.to_str().expect("UTF-8"),
        program.to_str().expect("UTF-8"),
        "${DM.QUEST.DATA.DESC:PATH}",
    ];
    json!({
        "quest": [{
            "distributorConfigName": "local-process",
            "parameters": "{}",
            "distributorParameters": json!({"argv": argv}).to_string(),
        }],
        "questAttempt": [{"nums": [1]}],
    })
}

#[test]
fn a_script_activates_and_finishes_and_nothing_of_its_authorization_stays() {
    let place = Place::new();
    let service = place.serve(&[]);
    let script = r#"
        ls "$(dirname "$LUCI_CONTEXT")"
        "$1" job activate || stop
        "$1" job activate || stop   # again does no harm
        echo '{"done": true}' | "$1" job finish - || stop
        "$1" job finish '{}'
        echo "code $?""#;
    let (quest, end) = run(&place, &service, script);
    assert_eq!(result(&end), json!({"done": true}), "{end}");
    let log = place.run(["logs", &quest, "--stdout"]);
    log.says("luci_context.json\n").says("code 10\n");
    let work = folder_of_what_tasks_read(&place.state());
    // The folder goes right after the end is told.
    while fs::read_dir(&work).expect("a folder").next().is_some() {
        std::thread::yield_now();
    }
}

/// Of the only backend.
fn folder_of_what_tasks_read(state: &Path) -> PathBuf {
    let backends = fs::read_dir(state.join("backends")).expect("a folder");
    let mut works = backends.map(|entry| entry.expect("an entry").path().join("work"));
    works.next().expect("a backend")
}

#[test]
fn dc_25_a_script_that_has_to_wait_finds_what_it_has_printed_before() {
    let place = Place::new();
    let service = place.serve(&[]);
    let script = format!(
        r#"
        "$1" job activate || stop
        previous=$("$1" job previous) || exit 1
        [ "$previous" = '{{}}' ] && echo half way
        echo '{}' | "$1" job depend --quest - >results || stop
        case $previous in
        *'"stdout_tail":"half way'*) "$1" job finish '{{"remembered":true}}' || stop ;;
        esac"#,
        simple(&["true"])
    );
    let (_, end) = run(&place, &service, &script);
    assert_eq!(result(&end), json!({"remembered": true}), "{end}");
    assert_eq!(end["data"]["numExecutions"], 2, "{end}");
    assert!(place.read("results").starts_with(r#"{"cpu_seconds":"#));
}

#[test]
fn a_script_is_told_that_what_it_needs_has_failed() {
    let place = Place::new();
    let service = place.serve(&[]);
    let script = format!(
        r#"
        "$1" job activate || stop
        text=$(echo '{0} {1}' | "$1" job depend --quest -)
        code=$?
        [ $code -eq 10 ] && exit 0
        lines=$(echo "$text" | sed 's/{{.*/ok/' | tr '\n' ' ')
        json=$(echo '{0}' | "$1" job depend --quest - --json)
        "$1" job finish "{{\"code\":$code,\"lines\":\"$lines\",\"json\":$json}}" || stop"#,
        simple(&["false"]),
        simple(&["true"]),
    );
    let (_, end) = run(&place, &service, &script);
    let end = result(&end);
    assert_eq!(
        (&end["code"], &end["lines"]),
        (&json!(1), &json!("null ok "))
    );
    let (_, by_attempt) = end["json"]
        .as_object()
        .expect("quests")
        .iter()
        .next()
        .expect("one");
    let expected =
        json!({"state": "ABNORMAL_FINISHED", "status": "FAILED", "reason": "exit code 1"});
    assert_eq!(by_attempt["1"], expected);
}

#[test]
fn a_job_that_never_calls_has_failed() {
    let place = Place::new();
    let service = place.serve(&[]);
    let (_, end) = run(&place, &service, "exit 0");
    assert_eq!(end["data"]["abnormalFinish"]["status"], "FAILED", "{end}");
}

#[test]
fn commands_of_a_job_outside_a_task_say_what_is_missing() {
    let place = Place::new();
    let server = ["--server", "http://127.0.0.1:1"];
    let run = |arguments: &[&str]| place.run(arguments.iter().chain(&server)).expect(2);
    run(&["job", "activate"]).complains("LUCI_CONTEXT is not set");
    run(&["job", "previous"]).complains("DISTRIBUTOR_PREVIOUS is not set");
    run(&["job", "finish", "[]"]).complains("result: ");
    run(&["job", "depend", "--quest", "absent.json"]).complains("absent.json: ");
    place.write("context.json", "{}");
    place
        .run_with(
            ("LUCI_CONTEXT", "context.json"),
            ["job", "finish", "{}"].iter().chain(&server),
        )
        .expect(2)
        .complains("context.json: has no swarming.secret_bytes");
    place
        .run(["job", "activate"])
        .expect(2)
        .complains("set DISTRIBUTOR_SERVER");
}

/// Solves it as README says, from the folder of `place`, and gives the quest.
pub(crate) fn edit_distance_in_sh(place: &Place, service: &Service) -> String {
    if !place.join("edit-distance").exists() {
        place.copy("examples/edit-distance", "edit-distance");
    }
    let program = place.command(["job"]).get_program().to_owned();
    let mut command = Command::new("sh");
    command
        .args(["edit-distance/submit.sh", "kitten", "sitting", &service.url])
        .env("DISTRIBUTOR", program)
        .current_dir(place.path());
    let done = Done::of(command).expect(0);
    assert_eq!(done.stdout, "3 ~===~=+\n", "{done}");
    let asked = done.stderr.split_whitespace().last();
    asked.expect("the quest is named").to_owned()
}

pub(crate) fn has_curl() -> bool {
    Command::new("curl").arg("--version").output().is_ok()
}

#[test]
fn the_edit_distance_in_sh_is_right_and_solves_each_subproblem_once() {
    if !has_curl() {
        skipped("curl is not installed");
        return;
    }
    let place = Place::new();
    let service = place.serve(&[]);
    let quest = edit_distance_in_sh(&place, &service);
    let solved = whole_graph(&service, &quest);
    // Each of seven endings with each of eight.
    assert_eq!(solved.len(), 56);
    for quest in &solved {
        assert_eq!(quest["attempts"].as_object().expect("attempts").len(), 1);
        let data = &quest["attempts"]["1"]["data"];
        assert!(!data["finished"].is_null(), "{quest}");
        let executions = data["numExecutions"].as_u64().expect("a number");
        assert!(
            (1..=2).contains(&executions),
            "once to ask, once to answer: {quest}"
        );
    }
    assert_eq!(edit_distance_in_sh(&place, &service), quest);
    assert_eq!(whole_graph(&service, &quest), solved, "nothing was run");
}
