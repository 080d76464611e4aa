//! `token`: made once, listed without what makes it one, revoked by id or name.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use distributor_tests::Place;

#[test]
fn a_token_is_shown_once_and_only_on_standard_output() {
    let place = Place::new();
    let made = place.run(["token", "create", "alice", "--group", "dev", "-g", "ops"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let token = made.stdout.trim_end();
    assert_eq!(made.stdout, format!("{token}\n"));
    let (id, secret) = token.strip_prefix("dt_").unwrap().split_once('_').unwrap();
    assert!(
        made.stderr.contains(id) && !made.stderr.contains(secret),
        "{}",
        made.stderr
    );

    let listed = place.run(["token", "list"]);
    for part in [id, "alice", "dev, ops"] {
        assert!(listed.stdout.contains(part), "{}", listed.stdout);
    }
    let list = place.run(["token", "list", "--json"]).expect(0).json();
    assert_eq!(
        list["tokens"][0]["groups"],
        serde_json::json!(["dev", "ops"])
    );
    assert!(!listed.stdout.contains(secret) && !list.to_string().contains(secret));

    let folder = place.state().join("tokens");
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.clone()), 0o700);
    assert_eq!(mode(folder.join(format!("{id}.json"))), 0o600);
}

#[test]
fn a_token_is_revoked_by_id_by_name_and_by_itself() {
    let place = Place::new();
    let create = |name: &str| {
        place
            .run(["token", "create", name, "-g", "g", "--json"])
            .expect(0)
            .json()
    };
    let text = |token: &serde_json::Value, field: &str| token[field].as_str().unwrap().to_owned();
    let by_id = text(&create("one"), "id");
    create("two");
    let by_itself = text(&create("three"), "token");
    for which in [by_id.as_str(), "two", &by_itself] {
        let revoked = place.run(["token", "revoke", which]);
        assert_eq!(revoked.code, Some(0), "{}", revoked.stderr);
        let again = place.run(["token", "revoke", which]);
        assert_eq!(again.code, Some(2));
        let secret = by_itself.split_at("dt_".len() + by_id.len() + 1).1;
        assert!(!again.stderr.contains(secret), "{}", again.stderr);
    }
    let list = place.run(["token", "list", "--json"]).expect(0).json();
    assert_eq!(list["tokens"], serde_json::json!([]));
}

#[test]
fn a_name_that_several_tokens_have_is_not_enough() {
    let place = Place::new();
    let ids = [(); 2].map(|()| {
        let token = place
            .run(["token", "create", "nightly", "-g", "g", "--json"])
            .expect(0)
            .json();
        token["id"].as_str().unwrap().to_owned()
    });
    let revoked = place.run(["token", "revoke", "nightly"]);
    assert_eq!(revoked.code, Some(2));
    for id in &ids {
        assert!(revoked.stderr.contains(id), "{}", revoked.stderr);
    }
    assert_eq!(place.run(["token", "revoke", &ids[0]]).code, Some(0));
    assert_eq!(place.run(["token", "revoke", "nightly"]).code, Some(0));
}

#[test]
fn bad_input_names_what_is_wrong() {
    let place = Place::new();
    for (arguments, problem) in [
        (&["token", "create", "", "-g", "g"][..], "name: it is empty"),
        (
            &["token", "create", "x", "-g", ""],
            "groups[0]: it is empty",
        ),
        (&["token", "create", "x"], "--group"),
        (
            &["token", "revoke", "nobody"],
            "there is no token with the id or name \"nobody\"",
        ),
        (&["token", "revoke", "../../x"], "there is no token"),
    ] {
        let done = place.run(arguments);
        assert_eq!(done.code, Some(2), "{arguments:?}");
        assert!(done.stderr.contains(problem), "{}", done.stderr);
        assert_eq!(done.stdout, "");
    }
    assert!(!place.state().exists());
}
