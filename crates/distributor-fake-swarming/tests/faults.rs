//! Faults by script: each does what it says, and the same seed does the same again.

mod common;

use std::time::Duration;

use common::{Answer, BASE, World, task};
use distributor_fake_swarming::faults::Script;
use http::Method;
use serde_json::{Value, json};

async fn world(text: &str) -> World {
    let script = Script::parse(text).expect("a script");
    World::start(move |settings| settings.faults = Some(script)).await
}

/// A rule for the first request for a task.
fn first(fault: &str) -> String {
    format!("[[requests]]\nendpoint = \"tasks.new\"\non = [1]\n{fault}")
}

async fn try_new(world: &World) -> Result<Answer, String> {
    let mut request = task(&[("FAKE_STATE", "PENDING")]);
    request["request_uuid"] = json!("u");
    let path = format!("{BASE}/tasks/new");
    world.client.call(Method::POST, &path, Some(&request)).await
}

/// How many tasks there are, before and after the request that has no fault any more.
async fn created(world: &World) -> (Value, Value) {
    let before = world.client.tasks().await["created"].clone();
    let answer = try_new(world).await.expect("no fault");
    assert_eq!(answer.status, 200);
    (before, world.client.tasks().await["created"].clone())
}

#[tokio::test]
async fn a_status_is_given_before_anything_is_done() {
    let world = world(&first("fault = \"status\"\nstatus = 429\nretry_after = 7")).await;
    let answer = try_new(&world).await.expect("an answer");
    assert_eq!(answer.status, 429);
    assert_eq!(answer.headers["retry-after"], "7");
    assert_eq!(created(&world).await, (json!(0), json!(1)));
}

#[tokio::test]
async fn a_reply_is_lost_after_all_is_done() {
    let world = world(&first("fault = \"lost\"")).await;
    assert!(try_new(&world).await.is_err());
    assert_eq!(created(&world).await, (json!(1), json!(1)));
}

#[tokio::test]
async fn a_failure_is_told_after_all_is_done() {
    let world = world(&first("fault = \"fail-after\"\nstatus = 500")).await;
    assert_eq!(try_new(&world).await.expect("an answer").status, 500);
    assert_eq!(created(&world).await, (json!(1), json!(1)));
}

#[tokio::test]
async fn half_of_a_reply_arrives() {
    let world = world(&first("fault = \"truncate\"")).await;
    assert!(try_new(&world).await.is_err());
    assert_eq!(created(&world).await, (json!(1), json!(1)));
}

#[tokio::test]
async fn a_reply_is_no_json() {
    let world = world(&first("fault = \"garbage\"\nstatus = 200")).await;
    let answer = try_new(&world).await.expect("an answer");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/html");
    assert!(serde_json::from_slice::<Value>(&answer.body).is_err());
    assert_eq!(created(&world).await, (json!(1), json!(1)));
}

#[tokio::test]
async fn a_connection_hangs_before_or_after_all_is_done() {
    for (fault, done) in [("hang-before", 0), ("hang-after", 1)] {
        let world = world(&first(&format!("fault = \"{fault}\"\nseconds = 5"))).await;
        let lost = {
            let hanging = try_new(&world);
            tokio::pin!(hanging);
            // The hang begins when the request has arrived, so time goes on until it is over.
            loop {
                tokio::select! {
                    biased;
                    ended = &mut hanging => break ended,
                    tasks = world.client.tasks() => {
                        assert!(tasks["created"] == 0 || tasks["created"] == done);
                        world.clock.advance(Duration::from_secs(5));
                    }
                }
            }
        };
        assert!(lost.is_err());
        assert_eq!(created(&world).await, (json!(done), json!(1)));
    }
}

#[tokio::test]
async fn faults_come_in_the_same_order_for_the_same_seed_until_they_are_stopped() {
    async fn statuses(seed: u64) -> Vec<u16> {
        let rule =
            "[[requests]]\nendpoint = \"*\"\nprobability = 0.5\nfault = \"status\"\nstatus = 503";
        let world = world(&format!("seed = {seed}\n{rule}")).await;
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(world.client.get("server/details").await.status.as_u16());
        }
        let stop = json!({"enabled": false});
        let stopped = world
            .client
            .call(Method::POST, "/fake/faults", Some(&stop))
            .await;
        assert_eq!(
            stopped.expect("an answer").json(),
            json!({"enabled": false})
        );
        for _ in 0..10 {
            assert_eq!(world.client.get("server/details").await.status, 200);
        }
        statuses
    }
    let once = statuses(3).await;
    assert_eq!(once, statuses(3).await);
    assert_ne!(once, statuses(4).await);
    assert!(once.contains(&200) && once.contains(&503));
}

#[test]
fn a_wrong_script_is_refused_with_the_field() {
    for (text, reason) in [
        (
            "[[requests]]\nendpoint = \"tasks.old\"\nfault = \"lost\"",
            "requests[0].endpoint",
        ),
        (
            "[[requests]]\nendpoint = \"*\"\nfault = \"status\"",
            "requests[0].status",
        ),
        (
            "[[requests]]\nendpoint = \"*\"\nfault = \"lost\"\nprobability = 2.0",
            "requests[0].probability",
        ),
        (
            "[[requests]]\nendpoint = \"*\"\nfault = \"hang-after\"\nseconds = -1.0",
            "requests[0].seconds",
        ),
        (
            "[[requests]]\nendpoint = \"*\"\nfault = \"explode\"",
            "not a fault script",
        ),
        ("notifications.drop = -0.1", "notifications.drop"),
        ("bots.die = 1.5", "bots.die"),
        ("ends = {RUNNING = 1}", "ends.RUNNING"),
        ("ends = {KILLED = -1}", "ends.KILLED"),
        ("no_such = 1", "not a fault script"),
    ] {
        let error = Script::parse(text).expect_err(text).to_string();
        assert!(error.starts_with(reason), "{text}: {error}");
    }
}

#[tokio::test]
async fn everything_at_once_does_not_stop_a_client_that_insists() {
    let text = include_str!("../../../examples/swarming-faults.toml");
    let script = Script::parse(text).expect("swarming-faults.toml is a script");
    let world = World::start(|settings| {
        settings.faults = Some(script);
        settings.subscriptions.clear();
    })
    .await;
    let mut tasks = 0;
    for number in 0..60 {
        let mut request = task(&[]);
        request["request_uuid"] = json!(format!("u-{number}"));
        let path = format!("{BASE}/tasks/new");
        let mut tries = 0;
        loop {
            tries += 1;
            assert!(tries < 50);
            let call = world.client.call(Method::POST, &path, Some(&request));
            tokio::pin!(call);
            let answer = loop {
                // Some of them hang, until time goes on.
                tokio::select! {
                    biased;
                    answer = &mut call => break answer,
                    _tasks = world.client.tasks() => world.clock.advance(Duration::from_secs(1)),
                }
            };
            if answer.is_ok_and(|answer| {
                answer.status == 200 && serde_json::from_slice::<Value>(&answer.body).is_ok()
            }) {
                break;
            }
        }
        tasks += 1;
    }
    assert_eq!(world.client.tasks().await["created"], tasks);
}
