//! The file with the secrets: made once, for one user's eyes, and never spoiled.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Barrier;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::{SecretError, TokenRefusal};
use super::{World, execution, text};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn k01_the_first_use_makes_a_secret_for_this_users_eyes() {
    let world = World::new();
    let tokens = world.tokens();
    assert_eq!(tokens.secrets().summary().unwrap(), None);
    assert!(tokens.secrets().rotate(false).unwrap().is_none());
    // Who only asks makes nothing.
    assert!(!world.directory().exists());
    tokens.issue(execution(1, 1), "farm").unwrap();
    assert_eq!(mode(&world.directory()), 0o700);
    for entry in fs::read_dir(world.directory()).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    let stored: serde_json::Value =
        serde_json::from_slice(&fs::read(world.file()).unwrap()).unwrap();
    let secret = STANDARD
        .decode(stored["current"].as_str().unwrap())
        .unwrap();
    assert_eq!(secret.len(), 32);
    assert!(secret.iter().collect::<BTreeSet<_>>().len() > 8, "random");
    assert_eq!(stored["previous"], serde_json::json!([]));
}

#[test]
fn a_folder_that_others_could_enter_is_closed() {
    let world = World::new();
    fs::create_dir_all(world.directory()).unwrap();
    set_mode(&world.directory(), 0o755);
    world.tokens().issue(execution(1, 1), "farm").unwrap();
    assert_eq!(mode(&world.directory()), 0o700);
}

#[test]
fn of_those_who_come_first_at_once_one_makes_the_secret_and_all_use_it() {
    let world = World::new();
    let together = Barrier::new(8);
    let issued: Vec<_> = std::thread::scope(|scope| {
        let start = |number| {
            // Nothing shared but the files, as if it were another process.
            let (tokens, together) = (world.tokens(), &together);
            scope.spawn(move || {
                together.wait();
                tokens.issue(execution(1, number), "farm").unwrap()
            })
        };
        let threads: Vec<_> = (1..=8).map(start).collect();
        let tokens = threads.into_iter().map(|thread| thread.join().unwrap());
        tokens.collect()
    });
    for token in &issued {
        assert!(world.tokens().verify(text(token)).is_ok());
    }
    let summary = world.tokens().secrets().summary().unwrap().unwrap();
    assert_eq!(summary.previous, 0);
    let files = fs::read_dir(world.directory()).unwrap().count();
    assert_eq!(files, 2, "the secrets and the lock");
}

#[test]
fn a_file_that_others_can_read_is_not_used() {
    let world = World::new();
    let tokens = world.tokens();
    let token = tokens.issue(execution(1, 1), "farm").unwrap();
    for open in [0o640, 0o604, 0o620, 0o666] {
        set_mode(&world.file(), open);
        let error = tokens.issue(execution(1, 1), "farm").unwrap_err();
        assert!(error.is_transient());
        for part in ["pubsub_auth_token.json", "chmod 600"] {
            assert!(error.to_string().contains(part), "{error}");
        }
        let refusal = tokens.verify(text(&token)).unwrap_err();
        assert!(refusal.is_transient(), "{refusal}");
        assert!(matches!(
            tokens.secrets().rotate(false),
            Err(SecretError::Exposed { mode, .. }) if mode == open
        ));
    }
    set_mode(&world.file(), 0o600);
    assert!(tokens.verify(text(&token)).is_ok());
}

#[test]
fn a_damaged_file_is_named_and_left_as_it_is() {
    let world = World::new();
    let tokens = world.tokens();
    let token = tokens.issue(execution(1, 1), "farm").unwrap();
    let good = fs::read_to_string(world.file()).unwrap();
    let short = STANDARD.encode([7; 31]);
    let cases = [
        (String::new(), "line 1"),
        (good[..good.len() / 2].to_owned(), "not the JSON object"),
        ("CANARY".to_owned(), "line 1, column 1"),
        (r#"{"previous": []}"#.to_owned(), "not the JSON object"),
        (r#"{"current": 5}"#.to_owned(), "not the JSON object"),
        (
            r#"{"current": "CANARY="}"#.to_owned(),
            "`current` is not base64",
        ),
        (
            format!(r#"{{"current": "{short}"}}"#),
            "`current` has 31 bytes, and a secret has at least 32",
        ),
        (
            good.replace("\"previous\": []", "\"previous\": [\"CANARY\"]"),
            "`previous[0]` is not base64",
        ),
        (good.clone() + &" ".repeat(64 * 1024), "longer than 65536"),
    ];
    for (content, problem) in cases {
        world.write(&content);
        let error = tokens.issue(execution(1, 1), "farm").unwrap_err();
        let refusal = tokens.verify(text(&token)).unwrap_err();
        assert!(matches!(refusal, TokenRefusal::Unchecked(_)));
        let rotated = tokens.secrets().rotate(true).unwrap_err();
        for shown in [error.to_string(), refusal.to_string(), rotated.to_string()] {
            assert!(shown.contains(problem), "{shown}");
            assert!(shown.contains("pubsub_auth_token.json"), "{shown}");
            assert!(!shown.contains("CANARY"), "{shown}");
        }
        assert_eq!(fs::read_to_string(world.file()).unwrap(), content);
    }
    world.write(&good);
    assert!(tokens.verify(text(&token)).is_ok());
}

#[test]
fn a_file_that_would_grow_beyond_what_is_read_is_left_as_it_is() {
    let world = World::new();
    let tokens = world.tokens();
    let many = vec![STANDARD.encode([7; 32]); 1300];
    let content = serde_json::to_string(&serde_json::json!({
        "current": many[0], "previous": many,
    }));
    let content = content.unwrap();
    world.write(&content);
    let error = tokens.issue(execution(1, 1), "farm").unwrap_err();
    assert!(error.to_string().contains("longer than 65536"), "{error}");
    assert_eq!(fs::read_to_string(world.file()).unwrap(), content);
    assert!(
        tokens.secrets().summary().unwrap().is_some(),
        "still readable"
    );
}

#[test]
fn a_link_that_leads_nowhere_for_now_is_left_as_it_is() {
    let world = World::new();
    let tokens = world.tokens();
    let token = tokens.issue(execution(1, 1), "farm").unwrap();
    let elsewhere = world.folder.path().join("mounted.json");
    fs::rename(world.file(), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, world.file()).unwrap();
    assert!(tokens.verify(text(&token)).is_ok());
    let away = world.folder.path().join("away.json");
    fs::rename(&elsewhere, &away).unwrap();
    let refusal = tokens.verify(text(&token)).unwrap_err();
    assert!(refusal.is_transient(), "{refusal}");
    let error = tokens.issue(execution(1, 1), "farm").unwrap_err();
    assert!(error.is_transient(), "{error}");
    fs::rename(&away, &elsewhere).unwrap();
    assert!(tokens.verify(text(&token)).is_ok());
}

#[test]
fn secrets_that_cannot_be_read_refuse_no_token_for_good() {
    let world = World::new();
    let token = World::new().tokens().issue(execution(1, 1), "farm");
    // Where the folder should be is a file.
    fs::create_dir_all(world.directory().parent().unwrap()).unwrap();
    fs::write(world.directory(), "").unwrap();
    let tokens = world.tokens();
    let refusal = tokens.verify(text(&token.unwrap())).unwrap_err();
    assert!(refusal.is_transient(), "{refusal}");
    assert!(
        tokens
            .issue(execution(1, 1), "farm")
            .unwrap_err()
            .is_transient()
    );
}

#[test]
fn a_removed_file_ends_all_tokens_and_makes_way_for_a_new_secret() {
    let world = World::new();
    let tokens = world.tokens();
    let old = tokens.issue(execution(1, 1), "farm").unwrap();
    fs::remove_file(world.file()).unwrap();
    assert_eq!(tokens.verify(text(&old)), Err(TokenRefusal::BadMac));
    let new = tokens.issue(execution(1, 1), "farm").unwrap();
    assert_eq!(tokens.verify(text(&old)), Err(TokenRefusal::BadMac));
    assert!(world.tokens().verify(text(&new)).is_ok());
}

#[test]
fn what_a_crash_left_behind_is_in_nobodys_way() {
    let world = World::new();
    fs::create_dir_all(world.directory()).unwrap();
    let aside = world.directory().join("pubsub_auth_token.new");
    fs::write(&aside, "half of a f").unwrap();
    set_mode(&aside, 0o644);
    let token = world.tokens().issue(execution(1, 1), "farm").unwrap();
    assert!(world.tokens().verify(text(&token)).is_ok());
    assert_eq!(mode(&world.file()), 0o600);
    assert!(!aside.exists());
}
