//! Messages that a task has changed: they say which, and the server is asked how.

use distributor_core::{Distributor, Notification, Result, TaskResult};
use serde_json::json;

use crate::server::{Reply, Server};
use crate::support::{Bench, TASK, execution, failed, quest, task, token};

async fn notify(server: &Server, data: &str) -> Result<Option<TaskResult>> {
    let notification = Notification::new(execution(1), data);
    let bench = Bench::new(server);
    bench
        .backend
        .handle_notification(&quest(), &token(TASK), &notification)
        .await
}

#[tokio::test]
async fn dc_44_the_end_of_a_task_is_read_from_the_server() {
    let server = Server::scripted([
        Reply::json(200, &task("COMPLETED")),
        Reply::json(200, &task("COMPLETED")),
    ])
    .await;
    for data in [
        r#"{"task_id":"4f2a9c10"}"#,
        // A try of the same task, in the form of later servers.
        r#"{"task_id":"4f2a9c11","userdata":""}"#,
    ] {
        let result = notify(&server, data).await.expect("an answer");
        assert!(matches!(result, Some(TaskResult::Data(_))), "{result:?}");
    }
    // What was stored is asked for, not what the message says.
    let expected = ["GET task/4f2a9c10/result", "GET task/4f2a9c10/result"];
    assert_eq!(server.calls(), expected);
}

#[tokio::test]
async fn dc_46_news_of_a_task_that_goes_on_are_ignored() {
    let server = Server::scripted([
        Reply::json(200, &task("RUNNING")),
        Reply::json(200, &task("PENDING")),
    ])
    .await;
    for _ in 0..2 {
        assert_eq!(
            notify(&server, r#"{"task_id":"4f2a9c10"}"#)
                .await
                .expect("an answer"),
            None
        );
    }
}

#[tokio::test]
async fn dc_46_what_names_no_task_or_another_one_is_ignored_without_a_question() {
    let server = Server::scripted([]).await;
    for data in [
        "",
        "not JSON",
        "{}",
        r#"{"task_id":""}"#,
        r#"{"task_id":"4f2a9c20"}"#,
        r#"{"task_id":"../bots/delete"}"#,
    ] {
        assert_eq!(
            notify(&server, data).await.expect("an answer"),
            None,
            "{data}"
        );
    }
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn dc_61_a_failure_says_whether_to_try_again() {
    let server = Server::scripted([
        Reply::status(503),
        Reply::json(404, &json!({"error": {"message": "no"}})),
    ])
    .await;
    let data = r#"{"task_id":"4f2a9c10"}"#;
    assert!(failed(notify(&server, data).await).is_transient());
    assert!(!failed(notify(&server, data).await).is_transient());
}
