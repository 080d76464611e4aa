//! What becomes of messages.

use std::time::Duration;

use serde_json::json;

use super::server::Fault;
use super::setup::Setup;

/// The ids of the messages that were put off, with the seconds, of each call.
fn put_off(setup: &Setup) -> Vec<(Vec<String>, u64)> {
    let calls = setup.server.calls_of("modifyAckDeadline").into_iter();
    let told = calls.map(|call| {
        let ids = call["ackIds"].as_array().unwrap().iter();
        let ids = ids.map(|id| id.as_str().unwrap().split('-').nth(1).unwrap().to_owned());
        (ids.collect(), call["ackDeadlineSeconds"].as_u64().unwrap())
    });
    told.collect()
}

async fn wait_put_off(setup: &Setup, times: usize) {
    let of_this = |it: &&(String, serde_json::Value)| it.0 == "modifyAckDeadline";
    let server = &setup.server;
    server
        .wait_until(|it| it.calls.iter().filter(of_this).count() >= times)
        .await;
}

#[tokio::test]
async fn a_message_is_acknowledged_once_it_is_durable_and_not_before() {
    let setup = Setup::new().await;
    setup.handler.set(|it| {
        it.held.insert("1".to_owned());
    });
    setup.server.publish_plain("1");
    setup.handler.wait_until(|it| it.under_way == 1).await;
    assert!(setup.server.calls_of("acknowledge").is_empty());
    setup.handler.set(|it| it.held.clear());
    setup.server.wait_acknowledged(&["1"]).await;
    assert_eq!(setup.handler.0.borrow().handled["1"], 1);
    setup.stop().await;
}

#[tokio::test]
async fn a_message_that_is_slow_is_not_sent_again_and_holds_up_no_acknowledgement() {
    let setup = Setup::new().await;
    setup.handler.set(|it| {
        it.held.insert("slow".to_owned());
    });
    setup.server.publish_plain("slow");
    setup.server.publish_plain("quick");
    // The two may have been taken with one call or, if the first was quick, with two.
    setup.handler.wait_until(|it| it.under_way == 1).await;
    setup.pass(5).await;
    wait_put_off(&setup, 1).await;
    setup.pass(5).await;
    wait_put_off(&setup, 2).await;
    let told = put_off(&setup);
    assert_eq!(told[0], (vec!["slow".to_owned()], 30));
    assert_eq!(told[1], told[0]);
    setup.handler.set(|it| it.held.clear());
    setup.server.wait_acknowledged(&["slow", "quick"]).await;
    setup.stop().await;
}

#[tokio::test]
async fn what_cannot_be_handled_comes_again_later_each_time() {
    let setup = Setup::new().await;
    setup.handler.set(|it| {
        it.refused.insert("1".to_owned());
    });
    setup.server.publish_plain("1");
    for seconds in [1, 2, 4] {
        setup.pass(seconds).await;
        setup.server.expire();
    }
    setup.pass(8).await;
    let told: Vec<u64> = put_off(&setup).into_iter().map(|it| it.1).collect();
    assert_eq!(told, [1, 2, 4, 8]);
    setup.handler.set(|it| it.refused.clear());
    setup.server.expire();
    setup.server.wait_acknowledged(&["1"]).await;
    setup.stop().await;
}

#[tokio::test]
async fn one_message_that_cannot_be_handled_holds_up_no_other() {
    let setup = Setup::new().await;
    setup.handler.set(|it| {
        it.refused.insert("bad".to_owned());
        // Until both are taken, whether with one call or with two.
        it.held.extend(["bad".to_owned(), "good".to_owned()]);
    });
    for id in ["bad", "good"] {
        setup.server.publish_plain(id);
    }
    setup.handler.wait_until(|it| it.under_way >= 1).await;
    setup.handler.set(|it| it.held.clear());
    wait_put_off(&setup, 1).await;
    let told = put_off(&setup);
    assert_eq!(told[0].0, ["bad"]);
    if told[0].1 == 1 {
        // It was taken alone.
        setup.pass(1).await;
    }
    setup.server.wait_acknowledged(&["good"]).await;
    setup.server.publish_plain("next");
    setup.server.wait_acknowledged(&["next"]).await;
    setup.stop().await;
}

#[tokio::test]
async fn a_malformed_message_is_handed_on_as_such_and_the_others_are_handled() {
    let setup = Setup::new().await;
    setup
        .server
        .publish("bad", json!({ "data": "!", "messageId": "bad" }));
    setup.server.publish("worse", json!(["nothing"]));
    setup.server.publish_plain("good");
    setup
        .server
        .wait_acknowledged(&["bad", "worse", "good"])
        .await;
    assert_eq!(setup.handler.0.borrow().malformed, 2);
    setup.stop().await;
}

#[tokio::test]
async fn a_message_whose_handler_panics_comes_again() {
    let setup = Setup::new().await;
    setup.server.publish_plain("panic");
    setup.pass(1).await;
    assert_eq!(put_off(&setup), [(vec!["panic".to_owned()], 1)]);
    setup.server.publish_plain("1");
    setup.server.wait_acknowledged(&["1"]).await;
    setup.stop().await;
}

#[tokio::test]
async fn ten_thousand_messages_are_handled_a_hundred_at_a_time() {
    let setup = Setup::new().await;
    for number in 0..10_000 {
        setup.server.publish_plain(&number.to_string());
    }
    setup
        .server
        .wait_until(|it| it.acknowledged.len() == 10_000)
        .await;
    {
        let seen = setup.handler.0.borrow();
        assert!(seen.most_under_way <= 100, "{}", seen.most_under_way);
        assert_eq!(seen.handled.len(), 10_000);
        assert!(seen.handled.values().all(|times| *times == 1));
    }
    setup.stop().await;
}

#[tokio::test]
async fn empty_answers_that_come_at_once_are_not_asked_for_in_a_loop() {
    let setup = Setup::new().await;
    // It waits in its first pull; the faults are for those after it.
    setup.server.wait_until(|it| it.calls.len() == 1).await;
    for _ in 0..3 {
        setup.server.fail("pull", Fault::Say(200, "{}".to_owned()));
    }
    setup.server.publish_plain("1");
    setup.server.wait_acknowledged(&["1"]).await;
    for _ in 0..3 {
        setup.clock.pass(Duration::from_millis(250)).await;
    }
    setup.server.publish_plain("2");
    setup.server.wait_acknowledged(&["2"]).await;
    setup.stop().await;
}

#[tokio::test]
async fn stopping_ends_a_long_poll_at_once() {
    let setup = Setup::new().await;
    setup.server.wait_until(|it| it.calls.len() == 1).await;
    setup.stop().await;
}

#[tokio::test]
async fn stopping_lets_messages_be_handled_and_acknowledged() {
    let setup = Setup::new().await;
    setup.handler.set(|it| {
        it.held.insert("1".to_owned());
    });
    setup.server.publish_plain("1");
    setup.handler.wait_until(|it| it.under_way == 1).await;
    let (server, handler) = (setup.server.clone(), setup.handler.clone());
    let running = setup.ask_to_stop();
    handler.set(|it| it.held.clear());
    running.await.unwrap();
    assert!(server.0.borrow().acknowledged.contains("1"));
    assert_eq!(server.calls_of("pull").len(), 1);
}
