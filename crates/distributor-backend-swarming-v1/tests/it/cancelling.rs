//! The wish to end a task.

use distributor_core::Distributor;
use serde_json::json;

use crate::server::{Reply, Server};
use crate::support::{Bench, TASK, failed, quest, token};

#[tokio::test]
async fn dc_38_cancelling_what_is_cancelled_over_or_unknown_succeeds() {
    let replies = [
        Reply::json(200, &json!({"ok": true, "was_running": true})),
        Reply::json(200, &json!({"ok": false, "was_running": false})),
        Reply::json(200, &json!({})),
        Reply::status(204),
        Reply::json(404, &json!({"error": {"message": "4f2a9c10 not found."}})),
    ];
    let server = Server::scripted(replies.clone()).await;
    let bench = Bench::new(&server);
    for _ in &replies {
        let cancelled = bench.backend.cancel(&quest(), &token(TASK)).await;
        cancelled.expect("it succeeds");
    }
    for seen in server.seen() {
        assert_eq!(seen.call(), "POST task/4f2a9c10/cancel");
        assert_eq!(seen.body, json!({"kill_running": true}));
    }
    // What can be no task needs no end either, and is not sent.
    for bogus in ["", "a/b", "../x"] {
        let cancelled = bench.backend.cancel(&quest(), &token(bogus)).await;
        cancelled.expect("it succeeds");
    }
    assert_eq!(server.calls().len(), replies.len());
}

#[tokio::test]
async fn dc_37_an_answer_that_makes_no_sense_is_no_success() {
    let server = Server::scripted([Reply::text(200, "<html>log in</html>")]).await;
    let bench = Bench::new(&server);
    let error = failed(bench.backend.cancel(&quest(), &token(TASK)).await);
    assert!(error.is_transient());
}
