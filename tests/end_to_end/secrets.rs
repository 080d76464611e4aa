//! `secrets`: made on first use, rotated while a service runs, and never shown.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use distributor_tests::{Done, Place};
use serde_json::{Value, json};

const TOPIC: &str = "pubsub_auth_token";
const QUEUE: &str = "task_queue_auth_token";

fn file(place: &Place, name: &str) -> PathBuf {
    place.state().join(format!("secrets/{name}.json"))
}

fn stored(place: &Place, name: &str) -> Value {
    serde_json::from_slice(&fs::read(file(place, name)).unwrap()).unwrap()
}

/// All secrets that are stored now.
fn canaries(place: &Place) -> Vec<String> {
    let mut canaries = Vec::new();
    for name in [TOPIC, QUEUE] {
        if file(place, name).exists() {
            let stored = stored(place, name);
            let previous = stored["previous"].as_array().into_iter().flatten();
            for secret in previous.chain([&stored["current"]]) {
                canaries.push(secret.as_str().unwrap().to_owned());
            }
        }
    }
    canaries
}

fn write(place: &Place, name: &str, content: &str) {
    let path = file(place, name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Secrets as another program made them.
fn foreign(place: &Place, name: &str) {
    let secret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    write(place, name, &format!(r#"{{"current": "{secret}"}}"#));
}

fn queue_token(place: &Place, arguments: &[&str]) -> Done {
    let command = ["secrets", "queue-token"];
    place.run(command.iter().chain(arguments))
}

#[test]
fn a_queue_token_goes_to_standard_output_and_advice_to_standard_error() {
    let place = Place::new();
    let made = queue_token(&place, &["a/b ?é"]).expect(0);
    let token = made.stdout.trim_end();
    assert_eq!(made.stdout, format!("{token}\n"));
    assert!(token.len() > 60 && token.starts_with("AXs"), "{token}");
    made.complains("X-Distributor-Queue-Token");
    made.complains("/tq/distributor/");
    assert!(!made.stderr.contains(token), "{}", made.stderr);

    let again = queue_token(&place, &["farm", "--lifetime", "7d", "--json"])
        .expect(0)
        .json();
    assert_eq!(again["config"], "farm");
    assert!(again["expires"].is_string());
    assert!(again["token"].as_str().unwrap().starts_with("AXs"));

    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(place.state().join("secrets")), 0o700);
    assert_eq!(mode(file(&place, QUEUE)), 0o600);
    assert!(!file(&place, TOPIC).exists(), "made when it is used first");
}

#[test]
fn k10_secrets_are_listed_and_rotated_and_never_shown() {
    let place = Place::new();
    let list = place.run(["secrets", "list", "--json"]).expect(0).json();
    assert_eq!(list["secrets"], json!([]));
    let nothing = place.run(["secrets", "rotate"]).expect(2);
    nothing.complains("nothing to rotate");
    assert!(!place.state().exists());

    queue_token(&place, &["farm"]).expect(0);
    foreign(&place, TOPIC);
    let first = canaries(&place);
    let mut said = vec![
        place.run(["secrets", "list"]).expect(0),
        place.run(["secrets", "rotate"]).expect(0),
        place.run(["secrets", "rotate", QUEUE, "--json"]).expect(0),
        place.run(["secrets", "list"]).expect(0),
        place.run(["secrets", "list", "--json"]).expect(0),
    ];
    said[0].says(TOPIC).says(QUEUE).says("unknown");
    said[1].says("rotated pubsub_auth_token: 1 former");
    assert_eq!(said[2].json()["rotated"][0]["previous"], 2);
    let list = said[4].json();
    assert_eq!(list["secrets"][0]["previous"], 1);
    assert_eq!(list["secrets"][1]["previous"], 2);
    let last = place.run(["secrets", "rotate", QUEUE, "--drop-previous"]);
    let last = last.expect(0);
    last.says("no token that was signed before is good");
    said.push(last);
    let (topic, queue) = (stored(&place, TOPIC), stored(&place, QUEUE));
    assert_eq!(topic["previous"], json!([first[0]]), "kept for old tokens");
    assert_eq!(queue["previous"], json!([]));

    for secret in first.iter().chain(&canaries(&place)) {
        for done in &said {
            assert!(!done.stdout.contains(secret.as_str()), "{done}");
            assert!(!done.stderr.contains(secret.as_str()), "{done}");
        }
    }
}

#[test]
fn secrets_are_rotated_while_a_service_runs_and_are_in_none_of_its_output() {
    let place = Place::new();
    foreign(&place, TOPIC);
    let service = place.serve(&["--project", "example.com:farm"]);
    let token = queue_token(&place, &["farm"]).expect(0);
    let before = canaries(&place);
    place.run(["secrets", "rotate"]).expect(0);
    for process in place.processes() {
        for secret in before.iter().chain(&canaries(&place)) {
            assert!(!process.command.contains(secret.as_str()));
        }
        assert!(!process.command.contains(token.stdout.trim_end()));
    }
    let done = service.stop();
    for secret in before.iter().chain(&canaries(&place)) {
        assert!(!done.stderr.contains(secret.as_str()), "{done}");
    }
    assert_eq!(canaries(&place).len(), 4);
}

#[test]
fn a_damaged_or_open_file_is_named_and_left_as_it_is() {
    let place = Place::new();
    let damaged = r#"{"current": "CANARY"}"#;
    write(&place, QUEUE, damaged);
    foreign(&place, TOPIC);
    let asked = queue_token(&place, &["farm"]).expect(3);
    let rotated = place
        .run(["secrets", "rotate", "--drop-previous"])
        .expect(3);
    // The other one was rotated, and that is said.
    rotated.says(TOPIC);
    let listed = place.run(["secrets", "list"]).expect(0);
    listed.says(TOPIC);
    for done in [&asked, &rotated, &listed] {
        done.complains("task_queue_auth_token.json");
        assert!(!done.stderr.contains("CANARY"), "{done}");
    }
    assert_eq!(fs::read_to_string(file(&place, QUEUE)).unwrap(), damaged);

    let readable = fs::Permissions::from_mode(0o644);
    fs::set_permissions(file(&place, TOPIC), readable).unwrap();
    let list = place.run(["secrets", "list", "--json"]).expect(0).json();
    let problem = list["damaged"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("chmod 600"), "{problem}");
}

#[test]
fn bad_arguments_name_what_is_wrong_and_make_nothing() {
    let place = Place::new();
    for (arguments, problem) in [
        (&["secrets", "rotate", "other"][..], TOPIC),
        (
            &["secrets", "queue-token", ""],
            "CONFIG: a queue token needs",
        ),
        (
            &["secrets", "queue-token", "x", "--lifetime", "7"],
            "--lifetime",
        ),
        (
            &["secrets", "queue-token", "x", "--lifetime", "0s"],
            "at least 1s",
        ),
    ] {
        place.run(arguments).expect(2).complains(problem);
    }
    for (arguments, problem) in [
        (&["--project", "Not_One"][..], "--project: \"Not_One\""),
        (&["--topic", "short"], "give --project too"),
        (
            &["--topic", "projects/a/topic/b"],
            "projects/PROJECT/topics/TOPIC",
        ),
        (&["--project", "farm", "--topic", "x"], "--topic: \"x\""),
        (
            &["--project", "Farm", "--topic", "abc"],
            "--project: \"Farm\"",
        ),
        (
            &["--project", "farm", "--topic", "projects/a/topics/abc"],
            "leave out --project",
        ),
        (&["--topic-token-lifetime", "0s"], "at least 1s"),
    ] {
        let fixed = ["serve", "--listen", "127.0.0.1:0"];
        let done = place.run(fixed.iter().chain(arguments)).expect(2);
        done.complains(problem);
    }
    assert!(!place.state().exists());
}
