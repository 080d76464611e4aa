//! The table of swarming-v1 §1: each failure, for a start and for the other calls.

use std::time::Duration;

use distributor_core::{Applied, Distributor, Error, ErrorKind, Retry};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::server::{Reply, Server};
use crate::support::{Bench, TASK, created, failed, message, quest, task, token};

const PERMANENT: bool = false;
const TRANSIENT: bool = true;

async fn start(reply: Reply) -> Error {
    let server = Server::scripted([reply]).await;
    let error = failed(Bench::new(&server).run(1).await);
    assert_eq!(server.calls(), ["POST tasks/new"]);
    error
}

async fn status(reply: Reply) -> Error {
    let server = Server::scripted([reply]).await;
    let error = failed(Bench::new(&server).status(TASK).await);
    assert_eq!(server.calls(), ["GET task/4f2a9c10/result"]);
    error
}

async fn cancel(reply: Reply) -> Error {
    let server = Server::scripted([reply]).await;
    let bench = Bench::new(&server);
    let error = failed(bench.backend.cancel(&quest(), &token(TASK)).await);
    assert_eq!(server.calls(), ["POST task/4f2a9c10/cancel"]);
    error
}

#[tokio::test]
async fn dc_28_and_dc_29_each_status_of_a_start_has_its_class() {
    use ErrorKind::{
        Config, InvalidArgument, NotFound, PermissionDenied, ResourceExhausted, Timeout,
        Unauthenticated, Unavailable,
    };
    for (code, kind, transient, applied) in [
        (400, InvalidArgument, PERMANENT, Applied::No),
        (401, Unauthenticated, PERMANENT, Applied::No),
        (403, PermissionDenied, PERMANENT, Applied::No),
        (404, NotFound, PERMANENT, Applied::No),
        (405, InvalidArgument, PERMANENT, Applied::No),
        (413, InvalidArgument, PERMANENT, Applied::No),
        (302, Config, PERMANENT, Applied::No),
        (408, Timeout, TRANSIENT, Applied::Unknown),
        (429, ResourceExhausted, TRANSIENT, Applied::No),
        (500, Unavailable, TRANSIENT, Applied::Unknown),
        (502, Unavailable, TRANSIENT, Applied::Unknown),
        (503, Unavailable, TRANSIENT, Applied::Unknown),
        (504, Timeout, TRANSIENT, Applied::Unknown),
        (599, Unavailable, TRANSIENT, Applied::Unknown),
    ] {
        let error = start(Reply::text(code, "why")).await;
        assert_eq!(error.kind(), kind, "{code}");
        assert_eq!(error.is_transient(), transient, "{code}");
        assert_eq!(error.applied(), applied, "{code}");
        let expected = format!("swarming: tasks/new: HTTP {code}: why");
        assert_eq!(error.message(), expected);
    }
}

#[tokio::test]
async fn dc_40_only_an_answer_about_the_task_is_permanent_for_a_question_and_a_cancel() {
    use ErrorKind::{
        InvalidArgument, PermissionDenied, ResourceExhausted, Timeout, Unauthenticated, Unavailable,
    };
    for (code, kind, transient) in [
        (400, InvalidArgument, PERMANENT),
        (401, Unauthenticated, TRANSIENT),
        (403, PermissionDenied, TRANSIENT),
        (302, ErrorKind::Config, TRANSIENT),
        (408, Timeout, TRANSIENT),
        (410, InvalidArgument, TRANSIENT),
        (429, ResourceExhausted, TRANSIENT),
        (500, Unavailable, TRANSIENT),
        (503, Unavailable, TRANSIENT),
    ] {
        for error in [
            status(Reply::status(code)).await,
            cancel(Reply::status(code)).await,
        ] {
            assert_eq!(error.kind(), kind, "{code}");
            assert_eq!(error.is_transient(), transient, "{code}");
            assert!(
                error.message().contains(&format!("HTTP {code}: ")),
                "{error}"
            );
        }
    }
    let error = status(Reply::text(404, "<html>no such page</html>")).await;
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!error.is_transient());
    assert_eq!(error.to_string(), "swarming: notFound");
}

#[tokio::test]
async fn both_shapes_of_an_error_and_anything_else_are_told() {
    let later = json!({"error": {"message": "dimension pool must be present"}});
    let older = json!({"error": {"code": 400, "message": "dimension pool must be present",
        "errors": [{"domain": "global", "reason": "badRequest", "message": "other words"}]}});
    for reply in [Reply::json(400, &later), Reply::json(400, &older)] {
        let error = start(reply).await;
        assert_eq!(
            error.message(),
            "swarming: tasks/new: HTTP 400: dimension pool must be present"
        );
    }
    let error = start(Reply::text(502, "<html>\n <h1>Bad Gateway</h1>\n</html>\n")).await;
    assert!(
        error
            .message()
            .ends_with("HTTP 502: <html> <h1>Bad Gateway</h1> </html>"),
        "{error}"
    );
    let error = start(Reply::status(503)).await;
    assert!(
        error.message().ends_with("HTTP 503: no reason given"),
        "{error}"
    );
    let error = start(Reply::text(500, &"x".repeat(10_000_000))).await;
    assert!(error.message().len() < 1_200);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::scripted([]).await;
    let headers = [("Location", elsewhere.url.as_str())];
    let error = start(Reply::new(302, &headers, b"")).await;
    assert!(error.message().contains("swarming.url"), "{error}");
    assert!(elsewhere.calls().is_empty());
}

#[tokio::test]
async fn dc_23_retry_after_is_honoured_in_both_forms_and_bounded() {
    let after = |seconds| Retry::Transient {
        after: Some(Duration::from_secs(seconds)),
    };
    for (text, expected) in [
        ("7", after(7)),
        ("86400", after(600)),
        ("Thu, 01 Jan 2026 00:01:30 GMT", after(90)),
        ("tomorrow", Retry::Transient { after: None }),
    ] {
        for code in [429, 503] {
            let error = start(Reply::new(code, &[("Retry-After", text)], b"")).await;
            assert_eq!(error.retry(), expected, "{text}");
            let error = status(Reply::new(code, &[("Retry-After", text)], b"")).await;
            assert_eq!(error.retry(), expected, "{text}");
        }
    }
    let error = start(Reply::new(400, &[("Retry-After", "7")], b"")).await;
    assert_eq!(error.retry(), Retry::Permanent);
}

#[tokio::test]
async fn a_refused_connection_is_certainly_not_applied() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let bench = Bench::with(message(&url));
    let error = failed(bench.run(1).await);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_transient());
    assert_eq!(error.applied(), Applied::No);
    assert!(failed(bench.status(TASK).await).is_transient());
}

#[tokio::test]
async fn a_server_without_encryption_is_not_spoken_to() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let bench = Bench::with(message(&url));
    let plain = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        stream.write_all(answer).await.expect("an answer");
    };
    let (answer, ()) = tokio::join!(bench.run(1), plain);
    let error = failed(answer);
    assert!(error.is_transient());
    assert_eq!(error.applied(), Applied::No);
}

/// A backend whose server does not answer, and the failure after the configured time.
async fn late(error: impl AsyncFnOnce(&Bench) -> Error) -> Error {
    let server = Server::scripted([Reply::Hang]).await;
    let bench = Bench::new(&server);
    let time_passes = async {
        server.asked(1).await;
        bench.advance(30);
    };
    let (error, ()) = tokio::join!(error(&bench), time_passes);
    error
}

#[tokio::test]
async fn a_start_without_an_answer_in_time_may_have_happened() {
    let error = late(async |bench| failed(bench.run(1).await)).await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_transient());
    assert_eq!(error.applied(), Applied::Unknown);
    assert_eq!(
        error.message(),
        "swarming: tasks/new: no answer within 30 s"
    );
}

#[tokio::test]
async fn the_original_crashed_on_a_timeout_of_a_status_query() {
    let error = late(async |bench| failed(bench.status(TASK).await)).await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_transient());
}

#[tokio::test]
async fn the_original_crashed_on_a_name_that_does_not_resolve() {
    // A label of 64 characters is in no name server, and none is asked for it.
    let bench = Bench::with(message(&format!("http://{}.invalid", "x".repeat(64))));
    let error = failed(bench.status(TASK).await);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_transient());
}

#[tokio::test]
async fn the_original_crashed_on_a_connection_that_ends() {
    let whole = Reply::json(200, &task("RUNNING"));
    for reply in [
        Reply::close(),
        whole.clone().truncated(1),
        whole.truncated(60),
    ] {
        let error = status(reply).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.is_transient());
    }
    let whole = Reply::json(200, &created(TASK));
    for reply in [
        Reply::close(),
        whole.clone().truncated(1),
        whole.truncated(60),
    ] {
        let error = start(reply).await;
        assert!(error.is_transient());
        assert_eq!(error.applied(), Applied::Unknown);
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_no_answer() {
    for reply in [
        Reply::status(200),
        Reply::status(204),
        Reply::text(200, "<html>log in</html>"),
        Reply::text(200, "{"),
        Reply::text(200, "null"),
        Reply::text(200, "[]"),
        Reply::json(200, &json!({})),
        Reply::json(200, &json!({"state": 7, "task_id": 7})),
        Reply::json(200, &json!({"state": null, "task_id": null})),
        Reply::new(200, &[], b"\xff\xfe"),
    ] {
        let error = status(reply.clone()).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{reply:?}");
        assert!(error.is_transient(), "{reply:?}");
        let error = start(reply.clone()).await;
        assert!(error.is_transient(), "{reply:?}");
        assert_eq!(error.applied(), Applied::Unknown, "{reply:?}");
    }
    for id in ["", "a/b", "..", "a?b", "a b", "é", &"a".repeat(129)] {
        let error = start(Reply::json(200, &created(id))).await;
        assert!(error.is_transient(), "{id}");
        assert_eq!(error.applied(), Applied::Unknown, "{id}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let huge = Reply::text(200, &" ".repeat(33 * 1024 * 1024));
    let error = status(huge).await;
    assert!(error.is_transient());
    assert!(error.message().contains("more than 32 MiB"), "{error}");
}
