//! Who may do what at a service: tokens, groups, and executions, which need no token but their own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use distributor_tests::{Place, Service};
use serde_json::{Value, json};

use crate::jobs::submit;
use crate::serving::wait_until_over;
use crate::simulated::result;

const ACLS: &str = "readers: \"everyone\"\nwriters: \"builders\"\n";
const CONFIG: &str = r#"
distributor_configs { key: "quick" value { noop {} } }
distributor_configs { key: "simulation" value { jobsim { pool: "main" } } }
distributor_configs { key: "local-process" value { local_process {} } }
"#;
const FLAGS: [&str; 2] = ["--config-dir", "config"];
const PERMISSION_DENIED: u32 = 7;
const UNAVAILABLE: u32 = 14;
const UNAUTHENTICATED: u32 = 16;

fn place() -> Place {
    let place = Place::new();
    place.write("config/acls.cfg", ACLS);
    place.write("config/distributors.cfg", CONFIG);
    place
}

fn token(place: &Place, name: &str, group: &str) -> String {
    let made = place.run(["token", "create", name, "--group", group]);
    made.expect(0).stdout.trim_end().to_owned()
}

fn code_of(service: &Service, method: &str, request: &Value) -> u32 {
    match service.call(method, request) {
        Ok(_) => 0,
        Err((code, _)) => code,
    }
}

fn quest(name: &str, parameters: &Value) -> Value {
    json!({
        "quest": [{
            "distributorConfigName": name,
            "parameters": parameters.to_string(),
            "distributorParameters": "{}",
        }],
        "questAttempt": [{"nums": [1]}],
    })
}

/// Codes of: looking at the graph, listing, creating, cancelling.
fn may(service: &Service) -> [u32; 4] {
    let attempt = json!({"quest": "A".repeat(43), "id": 1});
    [
        code_of(
            service,
            "dm.Deps/WalkGraph",
            &json!({"query": {"attemptList": {"to": {}}}}),
        ),
        code_of(service, "distributor.control.Control/List", &json!({})),
        code_of(
            service,
            "dm.Deps/EnsureGraphData",
            &quest("quick", &json!({})),
        ),
        code_of(
            service,
            "distributor.control.Control/Cancel",
            &json!({"attempts": [attempt]}),
        ),
    ]
}

#[test]
fn a07_readers_look_writers_write_and_the_anonymous_do_nothing() {
    let place = place();
    let mut service = place.serve(&FLAGS);
    let refused = service
        .call("dm.Deps/EnsureGraphData", &quest("quick", &json!({})))
        .expect_err("nobody has said who he is");
    assert_eq!(refused, (PERMISSION_DENIED, "not authorized".to_owned()));
    assert_eq!(may(&service), [PERMISSION_DENIED; 4]);
    // Made while the service runs, and good at once.
    service.show(&token(&place, "alice", "everyone"));
    assert_eq!(may(&service), [0, 0, PERMISSION_DENIED, PERMISSION_DENIED]);
    service.show(&token(&place, "bob", "builders"));
    assert_eq!(may(&service), [0; 4]);
    service.show(&token(&place, "carol", "strangers"));
    assert_eq!(may(&service), [PERMISSION_DENIED; 4]);
}

#[test]
fn a_token_is_worthless_once_it_is_revoked_and_so_is_one_that_was_made_up() {
    let place = place();
    let mut service = place.serve(&FLAGS);
    let bob = token(&place, "bob", "builders");
    service.show(&bob);
    assert_eq!(may(&service), [0; 4]);
    place.run(["token", "revoke", "bob"]).expect(0);
    assert_eq!(may(&service), [UNAUTHENTICATED; 4]);
    let other = token(&place, "bob", "builders");
    let (id, _) = other.rsplit_once('_').expect("an id and a secret");
    let (_, old_secret) = bob.rsplit_once('_').expect("an id and a secret");
    for made_up in [
        "x",
        "dt__",
        &format!("{id}_{old_secret}"),
        &format!("{other}x"),
        "dt_../../x_y",
    ] {
        service.show(made_up);
        assert_eq!(may(&service), [UNAUTHENTICATED; 4], "{made_up}");
    }
    service.show(&other);
    assert_eq!(may(&service), [0; 4]);
}

/// All files below `folder` that have `text` in them.
fn files_with(text: &str, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_with(text, &path, found);
        } else if path.is_file() {
            let bytes = fs::read(&path).expect("a file");
            if bytes.windows(text.len()).any(|it| it == text.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
}

#[test]
fn the_secret_of_a_token_is_nowhere() {
    let place = place();
    let mut command = place.command(["serve", "--listen", "127.0.0.1:0"]);
    command.args(FLAGS).env("DISTRIBUTOR_LOG", "trace");
    let mut service = Service::start(command);
    let bob = token(&place, "bob", "builders");
    let (_, secret) = bob.rsplit_once('_').expect("an id and a secret");
    service.show(&bob);
    let asked = service.call("dm.Deps/EnsureGraphData", &quest("quick", &json!({})));
    let asked = asked.expect("it is accepted");
    wait_until_over(
        &service,
        asked["questIds"][0]["id"].as_str().expect("an id"),
        1,
    );
    place.run(["token", "revoke", "bob"]).expect(0);
    assert_eq!(may(&service), [UNAUTHENTICATED; 4]);
    let mut found = Vec::new();
    files_with(secret, place.path(), &mut found);
    assert_eq!(found, Vec::<String>::new());
    let mode = |path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(place.state().join("tokens")), 0o700);
    let end = service.stop().expect(0);
    assert!(!format!("{end}").contains(secret), "{end}");
}

#[test]
fn executions_need_no_token_but_their_own() {
    let place = place();
    let mut service = place.serve(&FLAGS);
    service.show(&token(&place, "bob", "builders"));
    let seen_by_job = r#"
        env | grep -c DISTRIBUTOR_TOKEN
        "$1" job activate || stop
        "$1" job finish '{"done":true}' || stop"#;
    let script = submit(&place, &service, seen_by_job);
    let phrase = json!({
        "name": "whole",
        "stages": [{"deps": {"deps": [{"phrase": {"name": "part", "returnStage": {"retval": "20"}}}]}}],
        "returnStage": {"retval": "3"},
    });
    let asked = service
        .call("dm.Deps/EnsureGraphData", &quest("simulation", &phrase))
        .expect("it is accepted");
    let simulated = asked["questIds"][0]["id"].as_str().expect("an id");
    let end = wait_until_over(&service, &script, 1);
    assert_eq!(result(&end), json!({"done": true}), "{end}");
    place.run(["logs", &script, "--stdout"]).says("0\n");
    let end = wait_until_over(&service, simulated, 1);
    assert_eq!(result(&end)["value"], "23", "{end}");
}

#[test]
fn a_walk_with_a_forged_authorization_is_refused() {
    let place = place();
    let mut service = place.serve(&FLAGS);
    let bob = token(&place, "bob", "builders");
    service.show(&bob);
    let asked = service.call("dm.Deps/EnsureGraphData", &quest("quick", &json!({})));
    let asked = asked.expect("it is accepted");
    let quest = asked["questIds"][0]["id"].as_str().expect("an id");
    wait_until_over(&service, quest, 1);
    let walk = |token: &str, number: u32| {
        json!({
            "auth": {"id": {"quest": quest, "attempt": 1, "id": number}, "token": token},
            "query": {"attemptList": {"to": {quest: {"nums": [1]}}}},
        })
    };
    for (forged, number) in [("", 1), ("AAAA", 1), ("AAAA", 9), (&*"A".repeat(44), 1)] {
        let request = walk(forged, number);
        for whose in ["of nobody", "of a writer"] {
            match whose {
                "of nobody" => service.show_nothing(),
                _ => service.show(&bob),
            }
            let code = code_of(&service, "dm.Deps/WalkGraph", &request);
            assert_eq!(code, UNAUTHENTICATED, "{request} {whose}");
        }
    }
}

#[test]
fn who_may_do_what_changes_with_its_file() {
    let place = place();
    let mut service = place.serve(&FLAGS);
    service.show(&token(&place, "alice", "everyone"));
    assert_eq!(may(&service), [0, 0, PERMISSION_DENIED, PERMISSION_DENIED]);
    place.write("config/acls.cfg", "writers: \"everyone\"\n");
    service.running.wait_for("took a new configuration");
    assert_eq!(may(&service), [0; 4]);
    place.write("config/acls.cfg", "writers: 7\n");
    service.running.wait_for("the new configuration is refused");
    assert_eq!(may(&service), [0; 4]);
    fs::remove_file(place.join("config/acls.cfg")).expect("it was there");
    service.running.wait_for("took a new configuration");
    assert_eq!(may(&service), [UNAVAILABLE; 4]);
    service.show_nothing();
    assert_eq!(may(&service), [PERMISSION_DENIED; 4]);
}

#[test]
fn with_authentication_every_address_may_be_listened_on() {
    let place = place();
    let flags = ["--config-dir", "config", "--public-host", "example.com:1"];
    let mut service = place.serve_at("0.0.0.0:0", &flags);
    assert_eq!(may(&service), [PERMISSION_DENIED; 4]);
    service.show(&token(&place, "bob", "builders"));
    assert_eq!(may(&service), [0; 4]);
}

#[test]
fn commands_show_the_token_of_the_environment_or_of_a_file() {
    let place = place();
    let service = place.serve(&FLAGS);
    let user = Place::new();
    user.write("graph.toml", "[jobs.one]\nrun.shell = \"true\"\n");
    let server = ["--server", &service.url];
    let run = |token: Option<&str>, arguments: &[&str]| {
        let arguments = arguments.iter().chain(&server);
        match token {
            Some(token) => user.run_with(("DISTRIBUTOR_TOKEN", token), arguments),
            None => user.run(arguments),
        }
    };
    let reader = token(&place, "alice", "everyone");
    let writer = token(&place, "bob", "builders");
    let graph = ["run", "graph.toml", "--json"];
    for bad in [None, Some(reader.as_str()), Some("made-up")] {
        let done = run(bad, &graph);
        assert!(matches!(done.code, Some(2 | 3)), "{done}");
        assert!(!done.stderr.contains(&reader), "{done}");
    }
    run(None, &["status"]).complains("not authorized");
    run(Some(&reader), &["status"]).expect(0);
    let done = run(Some(&writer), &graph).expect(0);
    assert_eq!(done.json()["finished"], 1, "{done}");
    let attempt = done.job("one")["attempt"]
        .as_str()
        .expect("an id")
        .to_owned();
    run(Some(&reader), &["show", &attempt]).expect(0);
    run(Some(&reader), &["explain", &attempt]).expect(0);

    user.write("token", &format!("{reader}\n"));
    run(None, &["status", "--token-file", "token"]).expect(0);
    // The file is more deliberate than the environment.
    run(Some("made-up"), &["status", "--token-file", "token"]).expect(0);
    run(
        Some(&writer),
        &["gc", "--older-than", "0s", "--token-file", "token"],
    )
    .complains("not authorized");
    run(None, &["status", "--token-file", "absent"])
        .expect(2)
        .complains("absent");
}
