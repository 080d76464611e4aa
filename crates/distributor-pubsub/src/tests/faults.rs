//! What the server does wrong, and what becomes of it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::clock::TestClock;
use super::server::{Fault, NAME, Server};
use super::setup::Setup;
use crate::{CallError, Client, Endpoint};

/// Publishes a message whose handling proves that the receiver goes on.
async fn works_again(setup: &Setup, id: &str) {
    setup.server.publish_plain(id);
    setup.server.wait_acknowledged(&[id]).await;
}

#[tokio::test]
async fn errors_of_the_server_are_waited_out_longer_each_time() {
    let setup = Setup::new().await;
    setup.server.wait_until(|it| it.calls.len() == 1).await;
    for code in [500, 503, 403, 404, 429] {
        setup.server.fail("pull", Fault::Refuse(code, None));
    }
    works_again(&setup, "1").await;
    for seconds in [1, 2, 4, 8, 16] {
        setup.pass(seconds).await;
    }
    works_again(&setup, "2").await;
    // After success it begins anew; also what the server asks for is kept to.
    setup
        .server
        .wait_until(|it| it.calls.last().is_some_and(|it| it.0 == "pull"))
        .await;
    setup.server.fail("pull", Fault::Refuse(429, Some("45")));
    setup
        .server
        .fail("pull", Fault::Refuse(503, Some("yesterday")));
    works_again(&setup, "3").await;
    setup.pass(45).await;
    setup.pass(2).await;
    works_again(&setup, "4").await;
    setup.stop().await;
}

#[tokio::test]
async fn an_answer_that_never_comes_is_given_up_after_more_than_a_long_poll() {
    let setup = Setup::new().await;
    setup.server.wait_until(|it| it.calls.len() == 1).await;
    setup.server.fail("pull", Fault::Hang);
    works_again(&setup, "1").await;
    setup.server.wait_until(|it| it.calls.len() == 3).await;
    setup.pass(120).await;
    setup.pass(1).await;
    works_again(&setup, "2").await;
    setup.stop().await;
}

#[tokio::test]
async fn garbage_is_an_error_and_not_an_empty_answer() {
    let setup = Setup::new().await;
    setup.server.wait_until(|it| it.calls.len() == 1).await;
    for body in ["", "<html>", "[]", r#"{"receivedMessages":[{}]}"#] {
        setup.server.fail("pull", Fault::Say(200, body.to_owned()));
    }
    works_again(&setup, "1").await;
    for seconds in [1, 2, 4, 8] {
        setup.pass(seconds).await;
    }
    works_again(&setup, "2").await;
    setup.stop().await;
}

#[tokio::test]
async fn after_an_answer_that_is_too_long_fewer_messages_are_asked_for() {
    let setup = Setup::new().await;
    setup.server.wait_until(|it| it.calls.len() == 1).await;
    let long = " ".repeat(32 * 1024 * 1024 + 1);
    setup.server.fail("pull", Fault::Say(200, long));
    works_again(&setup, "1").await;
    setup.pass(1).await;
    works_again(&setup, "2").await;
    works_again(&setup, "3").await;
    let calls = setup.server.calls_of("pull").into_iter();
    let asked: Vec<u64> = calls
        .map(|it| it["maxMessages"].as_u64().unwrap())
        .collect();
    assert_eq!(asked[..4], [100, 100, 50, 100]);
    setup.stop().await;
}

#[tokio::test]
async fn an_acknowledgement_is_tried_again_and_a_lost_answer_does_no_harm() {
    let setup = Setup::new().await;
    setup.server.fail("acknowledge", Fault::Refuse(503, None));
    // Done, but the answer is lost.
    setup
        .server
        .fail("acknowledge", Fault::Say(502, String::new()));
    setup.server.publish_plain("1");
    setup.pass(1).await;
    setup.pass(2).await;
    setup.server.wait_acknowledged(&["1"]).await;
    works_again(&setup, "2").await;
    assert_eq!(setup.server.calls_of("acknowledge").len(), 4);
    assert_eq!(setup.handler.0.borrow().handled["1"], 1);
    setup.stop().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_acknowledged_comes_again_and_not_in_a_loop() {
    let setup = Setup::new().await;
    setup.server.fail("acknowledge", Fault::Refuse(403, None));
    setup.server.publish_plain("1");
    setup.pass(1).await;
    setup.server.expire();
    setup.server.wait_acknowledged(&["1"]).await;
    assert_eq!(setup.handler.0.borrow().handled["1"], 2);
    setup.stop().await;
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_tried_until_it_can() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = Server::new();
    let setup = Setup::at(&address, server.clone());
    for seconds in [1, 2, 4] {
        drop(listener.accept().await.unwrap());
        setup.pass(seconds).await;
    }
    server.serve(listener);
    works_again(&setup, "1").await;
    setup.stop().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::emulator(&listener.local_addr().unwrap().to_string()).unwrap();
    let client = Client::new(endpoint, None, std::sync::Arc::new(TestClock::new())).unwrap();
    let breaks_off = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 64 * 1024];
        let _some = stream.read(&mut request).await.unwrap();
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"receivedMessages\": [";
        stream.write_all(answer).await.unwrap();
    };
    let subscription = NAME.parse().unwrap();
    let (answer, ()) = tokio::join!(client.pull(&subscription, 1), breaks_off);
    assert!(matches!(answer, Err(CallError::NoAnswer(_))), "{answer:?}");
}

#[tokio::test]
async fn a_call_that_settles_is_given_up_after_half_a_minute() {
    let setup = Setup::new().await;
    setup.server.fail("acknowledge", Fault::Hang);
    setup.server.publish_plain("1");
    setup.clock.pass(Duration::from_secs(30)).await;
    setup.pass(1).await;
    setup.server.wait_acknowledged(&["1"]).await;
    setup.stop().await;
}
