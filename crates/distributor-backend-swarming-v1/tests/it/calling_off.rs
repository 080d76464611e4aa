//! Starts that nobody wants any more.

use distributor_core::{Abandoned, Distributor, ErrorKind, TaskState};
use serde_json::{Value, json};

use crate::server::{Reply, Server};
use crate::support::{Bench, TASK, created, execution, failed, request};

fn list(items: &Value) -> Reply {
    Reply::json(200, &json!({"items": items, "now": "2026-01-01T00:00:00"}))
}

/// A start that is called off before it begins.
async fn called_off(server: &Server) -> distributor_core::Result<distributor_core::Started> {
    let mut run = request(1);
    let (signal, abandoned) = Abandoned::channel();
    signal.abandon();
    run.abandoned = abandoned;
    Bench::new(server).backend.run(run).await
}

#[tokio::test]
async fn a_start_that_is_called_off_starts_nothing() {
    let server = Server::scripted([list(&json!([]))]).await;
    let error = failed(called_off(&server).await);
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(!error.is_transient());
    // All services of one farm may run the same quest.
    let tag = |tag: String| ("tags".to_owned(), tag);
    let expected = [
        ("limit".to_owned(), "10".to_owned()),
        tag("requestor:dm.example.com".to_owned()),
        tag(format!("execution:{}", execution(1))),
    ];
    let seen = server.seen();
    assert_eq!(seen[0].call(), "GET tasks/list");
    assert_eq!(seen[0].query, expected);
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn a_start_that_is_called_off_tells_what_an_earlier_one_has_started() {
    let server = Server::scripted([
        list(&json!([{"task_id": TASK, "state": "RUNNING"}])),
        list(
            &json!([{"task_id": "b0", "state": "CANCELED"}, {"task_id": TASK, "state": "PENDING"}]),
        ),
        list(&json!([{"task_id": TASK, "state": "CANCELED"}])),
    ])
    .await;
    for expected in ["RUNNING", "PENDING", "CANCELED"] {
        let started = called_off(&server).await.expect("it is found");
        assert_eq!(started.token.0, TASK);
        assert!(!started.poll_timeout.is_zero());
        match started.state {
            TaskState::Running => assert_eq!(expected, "RUNNING"),
            TaskState::Pending => assert_eq!(expected, "PENDING"),
            TaskState::Finished(_) => assert_eq!(expected, "CANCELED"),
        }
    }
}

#[tokio::test]
async fn a_start_that_is_called_off_asks_again_if_nobody_knows() {
    let replies = [Reply::status(503), Reply::status(403), Reply::close()];
    let server = Server::scripted(replies).await;
    for _ in 0..3 {
        assert!(failed(called_off(&server).await).is_transient());
    }
}

#[tokio::test]
async fn a_start_that_is_called_off_too_late_says_which_task_to_cancel() {
    let (signal, abandoned) = Abandoned::channel();
    let signal = std::sync::Mutex::new(Some(signal));
    // Called off while the server works on it; the signal must outlive the run.
    let server = Server::new(move |_| {
        signal
            .lock()
            .expect("no panic")
            .as_ref()
            .expect("it is kept")
            .abandon();
        Reply::json(200, &created(TASK))
    })
    .await;
    let mut run = request(1);
    run.abandoned = abandoned;
    let started = Bench::new(&server)
        .backend
        .run(run)
        .await
        .expect("it was started");
    assert_eq!(started.token.0, TASK);
    assert_eq!(server.calls(), ["POST tasks/new"]);
}
