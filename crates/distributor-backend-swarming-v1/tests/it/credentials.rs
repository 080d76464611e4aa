//! Access tokens from files and programs, as the server sees them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;

use distributor_backend_swarming_v1::proto;
use distributor_backend_swarming_v1::proto::config::credentials::{Command, Source};
use distributor_core::{Applied, Distributor, Error, ErrorKind};

use crate::server::{Reply, Seen, Server};
use crate::support::{Bench, TASK, created, failed, message, quest, task, token};

pub(crate) fn with(url: &str, source: Source) -> proto::Config {
    proto::Config {
        credentials: Some(proto::config::Credentials {
            source: Some(source),
        }),
        ..message(url)
    }
}

pub(crate) fn file(path: &Path) -> Source {
    Source::TokenFile(path.to_str().expect("a path in UTF-8").to_owned())
}

/// A program of a shell script in the folder; it is given `argument`.
fn program(folder: &Path, script: &str, argument: &str) -> Source {
    let path = folder.join("tokens");
    // Written under another name and renamed, so that nobody holds it open for writing.
    let draft = folder.join("draft");
    std::fs::write(&draft, format!("#!/bin/sh\n{script}\n")).expect("a file");
    std::fs::set_permissions(&draft, PermissionsExt::from_mode(0o700)).expect("a program");
    std::fs::rename(&draft, &path).expect("a file");
    let path = path.to_str().expect("a path in UTF-8").to_owned();
    // Not the script itself: another test that starts a program at this moment would hold it open.
    Source::Command(Command {
        argv: ["/bin/sh", &path, argument].map(str::to_owned).to_vec(),
    })
}

fn authorization(seen: &Seen) -> &str {
    seen.header("authorization").expect("a token")
}

/// Says 401 to all tokens but this one.
async fn server_that_wants(good: &str) -> Server {
    let good = format!("Bearer {good}");
    Server::new(move |seen| match authorization(seen) == good {
        true if seen.method == "POST" => Reply::json(200, &created(TASK)),
        true => Reply::json(200, &task("RUNNING")),
        false => Reply::text(401, "Invalid token"),
    })
    .await
}

fn tokens(server: &Server) -> Vec<String> {
    let seen = server.seen();
    seen.iter()
        .map(|seen| authorization(seen).to_owned())
        .collect()
}

#[tokio::test]
async fn a_token_file_is_read_again_when_it_has_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    let server = Server::new(|_| Reply::json(200, &task("RUNNING"))).await;
    let bench = Bench::with(with(&server.url, file(&path)));
    std::fs::write(&path, "first\n").expect("a file");
    bench.status(TASK).await.expect("an answer");
    std::fs::write(&path, "second").expect("a file");
    bench.status(TASK).await.expect("an answer");
    assert_eq!(tokens(&server), ["Bearer first", "Bearer second"]);
}

#[tokio::test]
async fn a_file_without_a_usable_token_is_told_and_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    let server = Server::new(|_| Reply::json(200, &created(TASK))).await;
    let bench = Bench::with(with(&server.url, file(&path)));
    let mut contents = vec![None];
    contents.extend(["", "canary\ncanary", "canary\u{7}", "c\u{f6}nary"].map(Some));
    for content in contents {
        if let Some(content) = content {
            std::fs::write(&path, content).expect("a file");
        }
        let error = failed(bench.run(1).await);
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{content:?}");
        assert!(error.is_transient());
        assert_eq!(error.applied(), Applied::No);
        assert!(
            error.to_string().contains(path.to_str().expect("UTF-8")),
            "{error}"
        );
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    let error = failed(
        Bench::with(with(&server.url, file(folder.path())))
            .run(1)
            .await,
    );
    assert!(error.to_string().contains("not a regular file"), "{error}");
    assert!(server.calls().is_empty());
    std::fs::write(&path, "good").expect("a file");
    bench.run(1).await.expect("it starts");
}

#[tokio::test]
async fn a_refused_token_of_a_program_is_replaced_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server_that_wants("2").await;
    // Each run prints the number of runs.
    let script = r#"echo run >> "$1"; grep -c run "$1""#;
    let counter = folder.path().join("runs");
    let source = program(folder.path(), script, counter.to_str().expect("UTF-8"));
    let bench = Bench::with(with(&server.url, source));
    bench.run(1).await.expect("it starts");
    assert_eq!(tokens(&server), ["Bearer 1", "Bearer 2"]);
    // From then on the new one is used.
    bench.status(TASK).await.expect("an answer");
    assert_eq!(tokens(&server)[2..], ["Bearer 2"]);
}

#[tokio::test]
async fn a_server_that_refuses_the_new_token_too_is_not_asked_a_third_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = server_that_wants("none of these").await;
    let counter = folder.path().join("runs");
    let script = r#"echo run >> "$1"; grep -c run "$1""#;
    let source = program(folder.path(), script, counter.to_str().expect("UTF-8"));
    let bench = Bench::with(with(&server.url, source));
    let error = failed(bench.run(1).await);
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(!error.is_transient());
    assert_eq!(server.calls().len(), 2);
    // A question is the operator's problem, not the end of the task.
    assert!(failed(bench.status(TASK).await).is_transient());
    let cancelled = bench.backend.cancel(&quest(), &token(TASK)).await;
    assert!(failed(cancelled).is_transient());
}

#[tokio::test]
async fn the_same_token_again_is_not_sent_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    std::fs::write(&path, "only").expect("a file");
    let server = server_that_wants("another").await;
    let error = failed(Bench::with(with(&server.url, file(&path))).run(1).await);
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn a_program_runs_once_for_all_who_wait_and_again_before_the_token_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::new(|_| Reply::json(200, &task("RUNNING"))).await;
    let counter = folder.path().join("runs");
    let script = r#"echo run >> "$1"
        echo "{\"access_token\": \"t$(grep -c run "$1")\", \"expires_in\": 3600}""#;
    let source = program(folder.path(), script, counter.to_str().expect("UTF-8"));
    let bench = Bench::with(with(&server.url, source));
    let ask = || bench.status(TASK);
    let (a, b, c, d) = tokio::join!(ask(), ask(), ask(), ask());
    for answer in [a, b, c, d] {
        answer.expect("an answer");
    }
    assert_eq!(tokens(&server), ["Bearer t1"; 4]);
    bench.advance(3_539);
    ask().await.expect("an answer");
    assert_eq!(tokens(&server)[4..], ["Bearer t1"]);
    bench.advance(1);
    ask().await.expect("an answer");
    assert_eq!(tokens(&server)[5..], ["Bearer t2"]);
}

#[tokio::test]
async fn those_who_wait_share_a_failure_and_who_comes_later_tries_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::new(|_| Reply::json(200, &task("RUNNING"))).await;
    let counter = folder.path().join("runs");
    let script = r#"echo run >> "$1"; test "$(grep -c run "$1")" = 2 && echo good"#;
    let source = program(folder.path(), script, counter.to_str().expect("UTF-8"));
    let bench = Bench::with(with(&server.url, source));
    let (a, b) = tokio::join!(bench.status(TASK), bench.status(TASK));
    assert!(a.is_err() && b.is_err());
    let runs = std::fs::read_to_string(&counter).expect("a file");
    assert_eq!(runs.lines().count(), 1);
    bench.status(TASK).await.expect("an answer");
    assert_eq!(tokens(&server), ["Bearer good"]);
}

/// The failure of a program with this script.
async fn failure_of(script: &str) -> Error {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::scripted([]).await;
    let source = program(folder.path(), script, "argument-canary");
    let error = failed(Bench::with(with(&server.url, source)).run(1).await);
    assert!(error.is_transient(), "{error}");
    assert_eq!(error.applied(), Applied::No);
    assert!(server.calls().is_empty());
    assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    error
}

#[tokio::test]
async fn a_program_that_fails_is_told_with_its_first_complaint_but_never_its_output() {
    let error =
        failure_of("echo canary; echo >&2; echo log in first >&2; echo canary >&2; exit 3").await;
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(
        error
            .message()
            .ends_with("failed (exit status: 3): log in first"),
        "{error}"
    );
    let error = failure_of("echo canary; exit 1").await;
    assert!(
        error
            .message()
            .ends_with("failed (exit status: 1) and said nothing"),
        "{error}"
    );
    for (script, text) in [
        ("echo canary canary", "a space"),
        (
            r#"echo '{"canary": 1}'"#,
            "neither `access_token` nor `token`",
        ),
        ("echo '{canary'", "not the JSON object"),
        ("true", "empty"),
        ("head -c 100000 /dev/zero", "more than 64 KiB"),
    ] {
        let error = failure_of(script).await;
        assert!(error.message().contains(text), "{error}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_told() {
    let server = Server::scripted([]).await;
    let argv = vec!["/nonexistent/tokens".to_owned(), "canary".to_owned()];
    let source = Source::Command(Command { argv });
    let error = failed(Bench::with(with(&server.url, source)).run(1).await);
    assert!(error.is_transient());
    assert!(
        error
            .to_string()
            .contains("`/nonexistent/tokens`, cannot be started"),
        "{error}"
    );
    assert!(!error.to_string().contains("canary"), "{error}");
}

#[tokio::test]
async fn a_program_that_does_not_end_is_killed() {
    let server = Server::scripted([]).await;
    let argv = ["tail", "-f", "/dev/null"].map(str::to_owned).to_vec();
    let bench = Bench::with(with(&server.url, Source::Command(Command { argv })));
    let passed = Mutex::new(false);
    // The first poll starts the program and the wait for its end.
    let (answer, ()) = tokio::join!(biased; bench.run(1), async {
        bench.advance(30);
        *passed.lock().expect("no panic") = true;
    });
    assert!(*passed.lock().expect("no panic"));
    let error = failed(answer);
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_transient());
    assert!(error.message().contains("was killed"), "{error}");
}
