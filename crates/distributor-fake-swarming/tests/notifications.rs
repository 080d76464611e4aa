//! Notifications: when there are any, what is in them, and that they arrive.

mod common;

use std::time::Duration;

use common::{PULL, Pushed, Receiver, TOPIC, World, pull, push, task};
use distributor_fake_swarming::faults::Script;
use distributor_fake_swarming::{Farm, StartError};
use serde_json::json;

#[tokio::test]
async fn start_accepted_cancel_and_end_are_pushed_in_the_wrapped_form() {
    let mut receiver = Receiver::start().await;
    let world = World::start(|settings| {
        settings.subscriptions = vec![push(&receiver.url)];
        settings.kill_seconds = 1.0;
    })
    .await;
    let mut request = task(&[("FAKE_STATE", "RUNNING")]);
    request["pubsub_userdata"] = json!("mine");
    let id = world.client.new_task(&request).await;
    let first = receiver.next().await;
    let message = &first.body["message"];
    assert_eq!(first.body["subscription"], "projects/p/subscriptions/push");
    assert_eq!(message["messageId"], message["message_id"]);
    assert_eq!(message["publishTime"], "2023-11-14T22:13:20Z");
    assert_eq!(message["publish_time"], message["publishTime"]);
    assert_eq!(
        message["attributes"],
        json!({"auth_token": "token-of-a-test"})
    );
    let data = format!("{{\n  \"task_id\": \"{id}\",\n  \"userdata\": \"mine\"\n}}");
    assert_eq!(first.data(), data);
    let cancel = json!({"kill_running": true});
    world
        .client
        .post(&format!("task/{id}/cancel"), &cancel)
        .await;
    assert_eq!(receiver.next().await.task_id(), id);
    assert_eq!(world.client.result(&id).await["state"], "RUNNING");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(receiver.next().await.task_id(), id);
    assert_eq!(world.client.result(&id).await["state"], "KILLED");
}

#[tokio::test]
async fn what_is_not_acknowledged_is_pushed_again_also_after_a_restart() {
    let mut receiver = Receiver::start().await;
    // Also a redirect and a success that is not in the list are refusals.
    *receiver.answers.lock().expect("unbroken") = vec![500, 302, 203, 503];
    let mut world = World::start(|settings| {
        settings.subscriptions = vec![push(&receiver.url)];
    })
    .await;
    let request = task(&[("FAKE_STATE", "NO_RESOURCE")]);
    let id = world.client.new_task(&request).await;
    let mut messages = Vec::new();
    for tries in 0..5 {
        if tries == 2 {
            world.restart().await;
        }
        let pushed = next_in_time(&world, &mut receiver).await;
        assert_eq!(pushed.task_id(), id);
        messages.push(pushed.body["message"]["messageId"].clone());
    }
    messages.dedup();
    assert_eq!(messages.len(), 1);
    // Message ids are never used again, also after a restart that knows of no message any more.
    while world.client.tasks().await["owed"] != 0 {}
    world.restart().await;
    let new = world.client.new_task(&request).await;
    let pushed = next_in_time(&world, &mut receiver).await;
    assert_eq!(pushed.task_id(), new);
    assert_ne!(pushed.body["message"]["messageId"], messages[0]);
}

/// Lets time go on until the next push arrives.
async fn next_in_time(world: &World, receiver: &mut Receiver) -> Pushed {
    loop {
        tokio::select! {
            biased;
            pushed = receiver.next() => return pushed,
            _tasks = world.client.tasks() => world.clock.advance(Duration::from_millis(10)),
        }
    }
}

#[tokio::test]
async fn messages_can_be_pulled_held_released_and_acknowledged() {
    let world = World::start(|_| {}).await;
    let id = world
        .client
        .new_task(&task(&[("FAKE_STATE", "NO_RESOURCE")]))
        .await;
    let at_once = json!({"maxMessages": 10, "returnImmediately": true});
    let messages = world.client.pull().await;
    assert_eq!(messages.len(), 1);
    let message = &messages[0]["message"];
    assert_eq!(message["attributes"]["auth_token"], "token-of-a-test");
    assert!(message["messageId"].is_string() && message.get("message_id").is_none());
    let none = world.client.pubsub(PULL, "pull", &at_once).await;
    assert_eq!((none.status.as_u16(), none.json()), (200, json!({})));
    // Nobody acknowledged it in time.
    world.clock.advance(Duration::from_secs(10));
    let again = world.client.pull().await;
    assert_eq!(again[0]["message"]["messageId"], message["messageId"]);
    assert_ne!(again[0]["ackId"], messages[0]["ackId"]);
    // It is too late for the first one.
    world.client.acknowledge(&messages).await;
    let release = json!({"ackIds": [again[0]["ackId"]], "ackDeadlineSeconds": 0});
    world
        .client
        .pubsub(PULL, "modifyAckDeadline", &release)
        .await;
    let third = world.client.pull().await;
    let longer = json!({"ackIds": [third[0]["ackId"]], "ackDeadlineSeconds": 60});
    world
        .client
        .pubsub(PULL, "modifyAckDeadline", &longer)
        .await;
    world.clock.advance(Duration::from_secs(59));
    let none = world.client.pubsub(PULL, "pull", &at_once).await;
    assert_eq!(none.json(), json!({}));
    world.client.acknowledge(&third).await;
    assert_eq!(world.client.tasks().await["owed"], 0);
    assert_eq!(world.client.result(&id).await["state"], "NO_RESOURCE");
}

#[tokio::test]
async fn a_pull_waits_for_what_somebody_publishes() {
    let world = World::start(|settings| {
        settings
            .subscriptions
            .push(pull("projects/p/subscriptions/other"));
    })
    .await;
    let client = world.client.clone();
    let waiting = tokio::spawn(async move { client.pull().await });
    let body = json!({"messages": [{"data": "aGVsbG8=", "attributes": {"a": "b"}}, {}]});
    let answer = world.client.pubsub(TOPIC, "publish", &body).await.json();
    let ids = answer["messageIds"].as_array().expect("ids").clone();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    let messages = waiting.await.expect("messages");
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0]["message"]["data"], "aGVsbG8=");
    assert!(messages[1]["message"].get("data").is_none());
    assert_eq!(world.client.tasks().await["owed"], 4);
}

#[tokio::test]
async fn strange_pubsub_calls_are_refused_in_its_own_shape() {
    let world = World::start(|_| {}).await;
    for (name, verb, body, status) in [
        (
            "projects/p/subscriptions/none",
            "pull",
            json!({"maxMessages": 1}),
            404,
        ),
        (PULL, "pull", json!({}), 400),
        (PULL, "pull", json!({"maxMessages": 0}), 400),
        (PULL, "acknowledge", json!({}), 400),
        (
            PULL,
            "modifyAckDeadline",
            json!({"ackIds": ["x"], "ackDeadlineSeconds": 601}),
            400,
        ),
        (PULL, "seek", json!({}), 404),
        (TOPIC, "publish", json!({"messages": []}), 400),
        (TOPIC, "publish", json!({"messages": [{"data": "?"}]}), 400),
        (
            "projects/p/topics/x",
            "publish",
            json!({"messages": [{}]}),
            404,
        ),
    ] {
        let answer = world.client.pubsub(name, verb, &body).await;
        assert_eq!(answer.status, status, "{name} {verb} {body}");
        assert_eq!(answer.json()["error"]["code"], status);
    }
}

#[tokio::test]
async fn notifications_are_dropped_doubled_and_delayed_by_script() {
    let world = |text: &'static str| {
        World::start(move |settings| settings.faults = Some(Script::parse(text).expect("good")))
    };
    let request = task(&[("FAKE_STATE", "NO_RESOURCE")]);
    let dropping = world("notifications.drop = 1.0").await;
    dropping.client.new_task(&request).await;
    assert_eq!(dropping.client.tasks().await["owed"], 0);
    let doubling = world("notifications.duplicate = 1.0").await;
    doubling.client.new_task(&request).await;
    let messages = doubling.client.pull().await;
    assert_eq!(messages.len(), 2);
    assert_eq!(
        messages[0]["message"]["messageId"],
        messages[1]["message"]["messageId"]
    );
    assert_ne!(messages[0]["ackId"], messages[1]["ackId"]);
    let delaying = world("notifications = {delay = 1.0, delay_seconds = 3.0}").await;
    delaying.client.new_task(&request).await;
    let at_once = json!({"maxMessages": 10, "returnImmediately": true});
    let none = delaying.client.pubsub(PULL, "pull", &at_once).await;
    assert_eq!(none.json(), json!({}));
    delaying.clock.advance(Duration::from_secs(3));
    assert_eq!(delaying.client.pull().await.len(), 1);
}

#[tokio::test]
async fn notifications_overtake_each_other_by_script() {
    let world = World::start(|settings| {
        let text = "seed = 1\nnotifications = {reorder = 1.0, reorder_seconds = 60.0}";
        settings.faults = Some(Script::parse(text).expect("good"));
    })
    .await;
    for _ in 0..10 {
        world
            .client
            .new_task(&task(&[("FAKE_STATE", "NO_RESOURCE")]))
            .await;
    }
    world.clock.advance(Duration::from_secs(60));
    let messages = world.client.pull().await;
    let ids: Vec<&str> = messages
        .iter()
        .filter_map(|one| one["message"]["messageId"].as_str())
        .collect();
    assert_eq!(ids.len(), 10);
    assert!(!ids.is_sorted());
}

#[tokio::test]
async fn wrong_subscriptions_are_found_at_the_start() {
    let world = World::start(|_| {}).await;
    for wrong in [pull("sub"), push("https://example.com/"), push("nothing")] {
        let mut settings = world.settings.clone();
        settings.subscriptions = vec![wrong];
        let error = Farm::start(settings).await.expect_err("wrong");
        assert!(matches!(error, StartError::Setting { .. }), "{error}");
    }
}
