//! What a task has written.

use distributor_core::{Distributor, ErrorKind, LogChunk, LogStream};
use serde_json::json;

use crate::server::{Reply, Server};
use crate::support::{Bench, TASK, token};

async fn read(bench: &Bench, stream: LogStream, offset: u64) -> distributor_core::Result<LogChunk> {
    bench
        .backend
        .read_log(&token(TASK), stream, offset, 8)
        .await
}

fn chunk(data: &str, complete: bool) -> LogChunk {
    LogChunk {
        data: data.as_bytes().to_vec(),
        complete,
    }
}

#[tokio::test]
async fn a_log_is_read_in_pieces_to_its_end() {
    let output =
        |output: &str, state: &str| Reply::json(200, &json!({"output": output, "state": state}));
    let server = Server::scripted([
        output("12345678", "RUNNING"),
        output("", "RUNNING"),
        output("9", "COMPLETED"),
        Reply::json(200, &json!({"state": "PENDING"})),
    ])
    .await;
    let bench = Bench::new(&server);
    let read = async |offset| {
        read(&bench, LogStream::Stdout, offset)
            .await
            .expect("a piece")
    };
    assert_eq!(read(0).await, chunk("12345678", false));
    assert_eq!(read(8).await, chunk("", false));
    assert_eq!(read(8).await, chunk("9", true));
    assert_eq!(read(0).await, chunk("", false));
    let seen = &server.seen()[1];
    assert_eq!(seen.call(), "GET task/4f2a9c10/stdout");
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(seen.query, [pair("offset", "8"), pair("length", "8")]);
}

#[tokio::test]
async fn the_other_stream_is_empty_without_a_question() {
    let server = Server::scripted([]).await;
    let bench = Bench::new(&server);
    let piece = read(&bench, LogStream::Stderr, 0).await.expect("a piece");
    assert_eq!(piece, chunk("", true));
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn an_unknown_task_has_no_log() {
    let server = Server::scripted([Reply::status(404), Reply::status(500)]).await;
    let bench = Bench::new(&server);
    let error = read(&bench, LogStream::Stdout, 0)
        .await
        .expect_err("no such task");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        read(&bench, LogStream::Stdout, 0)
            .await
            .expect_err("no answer")
            .is_transient()
    );
}
