//! Bearer tokens: made, listed, shown, revoked; and what hostile ones and damaged files do.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use distributor_api::{Caller, Callers, Code, NewToken, TokenDirectory, TokenError};
use distributor_core::Timestamp;
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_micros(1_600_000_000_000_001);

struct Place {
    _directory: TempDir,
    path: PathBuf,
    tokens: TokenDirectory,
}

fn place() -> Place {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("state").join("tokens");
    Place {
        tokens: TokenDirectory::new(&path),
        path,
        _directory: directory,
    }
}

fn create(tokens: &TokenDirectory, name: &str) -> NewToken {
    let groups = ["g".to_owned(), "h".to_owned()];
    tokens.create(name, &groups, NOW).unwrap()
}

fn text(token: &NewToken) -> &str {
    std::str::from_utf8(token.token.expose()).unwrap()
}

fn code(tokens: &TokenDirectory, bearer: &str) -> Code {
    tokens.identify(Some(bearer)).unwrap_err().code
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_token_names_its_bearer_until_it_is_revoked() {
    let place = place();
    assert_eq!(place.tokens.identify(None), Ok(Caller::Anonymous));
    let alice = create(&place.tokens, "alice");
    let bob = create(&place.tokens, "bob");
    let Ok(Caller::Named(identity)) = place.tokens.identify(Some(text(&alice))) else {
        panic!("not alice");
    };
    assert_eq!(identity.name, "alice");
    assert_eq!(identity.groups, ["g", "h"]);
    // Another process has its own view of the same directory.
    let other = TokenDirectory::new(&place.path);
    assert!(other.revoke(&alice.id).unwrap());
    assert!(!other.revoke(&alice.id).unwrap());
    assert_eq!(code(&place.tokens, text(&alice)), Code::Unauthenticated);
    assert!(place.tokens.identify(Some(text(&bob))).is_ok());
}

#[test]
fn unknown_and_wrong_are_told_the_same() {
    let place = place();
    let alice = create(&place.tokens, "alice");
    let bob = create(&place.tokens, "bob");
    let secret = text(&bob).split_at(16).1;
    let wrong = format!("dt_{}_{secret}", alice.id);
    let unknown = format!("dt_aaaaaaaaaaaa_{secret}");
    let statuses = [wrong.as_str(), &unknown, "", "x", "Bearer"]
        .map(|bearer| place.tokens.identify(Some(bearer)).unwrap_err());
    assert_eq!(statuses[0].code, Code::Unauthenticated);
    for status in &statuses {
        assert_eq!(*status, statuses[0]);
    }
}

#[test]
fn what_is_stored_does_not_tell_the_secret_and_is_for_one_user() {
    let place = place();
    fs::create_dir_all(&place.path).unwrap();
    fs::set_permissions(&place.path, fs::Permissions::from_mode(0o755)).unwrap();
    let token = create(&place.tokens, "alice");
    let secret = text(&token).split_at(16).1;
    let files: Vec<PathBuf> = fs::read_dir(&place.path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files, [place.path.join(format!("{}.json", token.id))]);
    assert_eq!((mode(&place.path), mode(&files[0])), (0o700, 0o600));
    let content = fs::read_to_string(&files[0]).unwrap();
    assert!(!content.contains(secret), "{content}");
    assert_eq!(format!("{token:?}").find(secret), None);
}

#[test]
fn the_secret_is_in_no_debug_output_and_no_error() {
    let place = place();
    let token = create(&place.tokens, "alice");
    let secret = text(&token).split_at(16).1.to_owned();
    let file = place.path.join(format!("{}.json", token.id));
    let caller = place.tokens.identify(Some(text(&token)));
    let mut said = vec![format!("{token:?} {caller:?} {:?}", place.tokens)];
    said.push(format!("{:?}", place.tokens.list()));
    fs::write(&file, &secret).unwrap();
    said.push(format!("{:?}", place.tokens.identify(Some(text(&token)))));
    said.push(format!("{:?}", place.tokens.list()));
    fs::remove_file(&file).unwrap();
    said.push(format!("{:?}", place.tokens.identify(Some(text(&token)))));
    let padded = format!("{}=", text(&token));
    said.push(format!("{:?}", place.tokens.identify(Some(&padded))));
    for said in said {
        assert!(!said.contains(&secret), "{said}");
    }
}

#[test]
fn hostile_tokens_reach_no_file() {
    let place = place();
    let good = create(&place.tokens, "alice");
    let secret = text(&good).split_at(16).1;
    // A file that a path trick could reach, with a digest that fits.
    let file = place.path.join(format!("{}.json", good.id));
    let outside = place.path.parent().unwrap().join("x.json");
    fs::copy(&file, &outside).unwrap();
    let hostile = [
        format!("dt_../x_{secret}"),
        format!("dt_aaaaaaaa/../x_{secret}"),
        format!("dt_{}_{secret}", outside.with_extension("").display()),
        format!("dt_{}\0_{secret}", &good.id[..11]),
        format!("dt_{}_{secret}", good.id.to_uppercase()),
        format!("dt_{}/_{secret}", &good.id[..11]),
        format!("dt_..........._{secret}"),
        format!("dt_\u{fffd}\u{fffd}\u{fffd}\u{fffd}_{secret}"),
        "é".repeat(59),
        "dt_".repeat(1 << 20),
        text(&good).repeat(1 << 14),
    ];
    for token in &hostile {
        let status = place.tokens.identify(Some(token)).unwrap_err();
        assert_eq!(status.code, Code::Unauthenticated, "{token:.60}");
        assert!(status.message.len() < 100, "{status}");
    }
    for id in [
        "",
        ".",
        "../x",
        "../../x",
        "/etc/passwd",
        "aaaaaaaaaaaa\0",
        &hostile[9],
    ] {
        assert!(!place.tokens.revoke(id).unwrap(), "{id:.60}");
    }
    assert!(outside.exists());
}

#[test]
fn a_damaged_file_locks_out_one_token_and_is_listed() {
    let place = place();
    let alice = create(&place.tokens, "alice");
    let bob = create(&place.tokens, "bob");
    let file = place.path.join(format!("{}.json", alice.id));
    let whole = fs::read(&file).unwrap();
    let huge = vec![b' '; 70 * 1024];
    let bad_digest =
        br#"{"name":"alice","groups":[],"created":"2020-01-01T00:00:00Z","digest":"?"}"#;
    for content in [
        &whole[..whole.len() / 2],
        b"",
        b"\xff\xfe",
        &huge,
        bad_digest,
    ] {
        fs::write(&file, content).unwrap();
        assert_eq!(code(&place.tokens, text(&alice)), Code::Unavailable);
        assert!(place.tokens.identify(Some(text(&bob))).is_ok());
    }
    fs::write(&file, b"{").unwrap();
    let list = place.tokens.list().unwrap();
    assert_eq!(list.tokens.len(), 1);
    assert_eq!(list.damaged.len(), 1);
    assert_eq!(
        (&list.damaged[0].id, &list.damaged[0].path),
        (&alice.id, &file)
    );
    // An empty digest matches nothing, not even nothing.
    fs::write(
        &file,
        br#"{"name":"a","groups":[],"created":"","digest":""}"#,
    )
    .unwrap();
    assert_eq!(code(&place.tokens, text(&alice)), Code::Unauthenticated);
    assert!(place.tokens.revoke(&alice.id).unwrap());
}

#[test]
fn tokens_are_listed_in_the_order_of_their_creation() {
    let place = place();
    assert_eq!(place.tokens.list().unwrap(), Default::default());
    let later = Timestamp::from_micros(NOW.as_micros() + 1);
    place.tokens.create("b", &[], later).unwrap();
    place.tokens.create("a", &["g".to_owned()], NOW).unwrap();
    for other in [
        "notes.txt",
        ".json",
        "x.json",
        "aaaaaaaaaaaa.new",
        "AAAAAAAAAAAA.json",
    ] {
        fs::write(place.path.join(other), "{}").unwrap();
    }
    let list = place.tokens.list().unwrap();
    let listed: Vec<_> = list
        .tokens
        .iter()
        .map(|it| (it.name.as_str(), it.created))
        .collect();
    assert_eq!(listed, [("a", NOW), ("b", later)]);
    assert_eq!(list.tokens[0].groups, ["g"]);
    assert!(list.damaged.is_empty(), "{list:?}");
}

#[test]
fn names_and_groups_are_checked_and_the_field_is_named() {
    let place = place();
    let long = "x".repeat(101);
    for (name, groups, field) in [
        ("", vec![], "name"),
        ("  ", vec![], "name"),
        ("a\nb", vec![], "name"),
        (long.as_str(), vec![], "name"),
        ("a", vec!["g".to_owned(), String::new()], "groups[1]"),
        ("a", vec!["\u{1b}[31m".to_owned()], "groups[0]"),
        ("a", vec!["g".to_owned(); 101], "groups"),
    ] {
        match place.tokens.create(name, &groups, NOW) {
            Err(TokenError::Invalid { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{name:?} {groups:?}: {other:?}"),
        }
    }
    assert!(!place.path.exists());
    let longest = vec!["é".repeat(50); 100];
    let token = place.tokens.create(&longest[0], &longest, NOW).unwrap();
    assert!(place.tokens.identify(Some(text(&token))).is_ok());
}

#[test]
fn tokens_come_and_go_while_others_are_shown() {
    let place = place();
    let steady = create(&place.tokens, "steady");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let shower = scope.spawn(|| {
            while !stop.load(Ordering::Acquire) {
                assert!(place.tokens.identify(Some(text(&steady))).is_ok());
                assert!(place.tokens.list().unwrap().damaged.is_empty());
            }
        });
        let makers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let other = TokenDirectory::new(&place.path);
                    for _ in 0..20 {
                        let token = create(&other, "passing");
                        assert!(place.tokens.identify(Some(text(&token))).is_ok());
                        assert!(other.revoke(&token.id).unwrap());
                        assert_eq!(code(&place.tokens, text(&token)), Code::Unauthenticated);
                    }
                })
            })
            .collect();
        let made: Vec<_> = makers.into_iter().map(|maker| maker.join()).collect();
        // Also when one of them has failed: the test must end.
        stop.store(true, Ordering::Release);
        for made in made {
            made.unwrap();
        }
        shower.join().unwrap();
    });
    assert_eq!(place.tokens.list().unwrap().tokens.len(), 1);
}
