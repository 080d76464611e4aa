//! Pushes that are what they should be (DC-05, DC-21, DC-22, DC-44 … DC-46, DC-49).

use std::collections::BTreeMap;

use distributor_api::notify::NotificationCounts;
use distributor_core::{Notification, QuestId};
use distributor_store::records::Outcome;

use crate::support::{CONFIG, PUSH, World, post, pushed, raw, run, task};

/// Not text.
const DATA: &[u8] = b"{\"task_id\": \"10\"}\0\xff\xfe\n";

fn attributes(given: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    given.iter().map(owned).collect()
}

fn object(outcome: &Option<Outcome>) -> &str {
    match outcome {
        Some(Outcome::Data(data)) => &data.object,
        other => panic!("{other:?}"),
    }
}

#[test]
fn dc_44_45_a_push_reaches_its_backend_once_with_the_same_bytes_and_without_its_token() {
    run(async {
        let world = World::new().await;
        let execution = world.running("one").await;
        let token = world.backend.auth_token(execution);
        let body = pushed(DATA, &[("auth_token", &token), ("a", "1"), ("b", "zwei\0")]);
        let reply = post(world.address, PUSH, &[], &body).await;
        assert_eq!((reply.status, &*reply.body), (204, ""));
        let seen = world.backend.seen(1).await;
        world.drain().await;
        assert_eq!(world.backend.seen_so_far(), 1);
        let expected = Notification {
            id: execution,
            data: DATA.to_vec(),
            attributes: attributes(&[("a", "1"), ("b", "zwei\0")]),
        };
        assert_eq!(seen[0].notification, expected);
        assert_eq!(seen[0].config, CONFIG);
        assert_eq!(seen[0].task, task(execution));
        world.stopped().await;
    });
}

#[test]
fn dc_70_every_route_takes_pushes_and_none_believes_its_path() {
    run(async {
        let world = World::new().await;
        let one = world.running("one").await;
        let token = world.backend.auth_token(one);
        for path in [
            PUSH,
            "/internal/pubsub",
            "/internal/pubsub/",
            "/internal/pubsub/another-configuration",
            "/internal/pubsub/a/b%2Fc%FF?token=x",
        ] {
            let body = pushed(path.as_bytes(), &[("auth_token", &token)]);
            let reply = post(world.address, path, &[], &body).await;
            assert_eq!(reply.status, 204, "{path}");
        }
        let seen = world.backend.seen(5).await;
        assert!(seen.iter().all(|it| it.notification.id == one));
        world.stopped().await;
    });
}

#[test]
fn dc_22_crossed_pushes_reach_each_its_own_execution() {
    run(async {
        let world = World::new().await;
        let (one, two) = (world.running("one").await, world.running("two").await);
        assert_eq!(world.push(two, b"2").await, 204);
        assert_eq!(world.push(one, b"1").await, 204);
        let mut seen: Vec<_> = world.backend.seen(2).await;
        seen.sort_by_key(|it| it.notification.data.clone());
        for (seen, (id, data)) in seen.iter().zip([(one, b"1"), (two, b"2")]) {
            assert_eq!(seen.notification, Notification::new(id, *data));
            assert_eq!(seen.task, task(id));
        }
        // Each ends as its own task has.
        world.backend.end(one, r#"{"n":1}"#);
        world.backend.end(two, r#"{"n":2}"#);
        assert_eq!(world.push(two, b"").await, 204);
        let ended = world.until_final(two.attempt).await;
        assert_eq!(object(&ended.outcome), r#"{"n":2}"#);
        assert!(!world.get(one.attempt).is_final());
        assert_eq!(world.push(one, b"").await, 204);
        let ended = world.until_final(one.attempt).await;
        assert_eq!(object(&ended.outcome), r#"{"n":1}"#);
        world.stopped().await;
    });
}

#[test]
fn dc_05_a_push_ends_the_execution_long_before_the_poll_timer() {
    run(async {
        let world = World::new().await;
        let execution = world.running("one").await;
        world.backend.end(execution, r#"{"n":1}"#);
        assert_eq!(world.push(execution, DATA).await, 204);
        let ended = world.until_final(execution.attempt).await;
        assert_eq!(object(&ended.outcome), r#"{"n":1}"#);
        assert!(world.backend.asked().is_empty());
        world.stopped().await;
    });
}

#[test]
fn dc_46_a_push_that_means_nothing_changes_nothing() {
    run(async {
        let world = World::new().await;
        let execution = world.running("one").await;
        world.drain().await;
        let before = world.get(execution.attempt);
        assert_eq!(world.push(execution, DATA).await, 204);
        world.backend.seen(1).await;
        world.drain().await;
        assert_eq!(world.get(execution.attempt), before);
        world.stopped().await;
    });
}

#[test]
fn dc_49_pushes_after_the_end_are_acknowledged_and_change_nothing() {
    run(async {
        let world = World::new().await;
        let execution = world.running("one").await;
        world.backend.end(execution, r#"{"n":1}"#);
        // The same one again and again, and one that was published before it.
        assert_eq!(world.push(execution, DATA).await, 204);
        let ended = world.until_final(execution.attempt).await;
        world.drain().await;
        let seen = world.backend.seen_so_far();
        world.backend.end(execution, r#"{"n":2}"#);
        for data in [DATA, DATA, b"RUNNING"] {
            assert_eq!(world.push(execution, data).await, 204);
        }
        world.drain().await;
        assert_eq!(world.get(execution.attempt), ended);
        assert_eq!(world.backend.seen_so_far(), seen);
        let expected = NotificationCounts {
            recorded: 1,
            over: 3,
            ..NotificationCounts::default()
        };
        assert_eq!(world.counts(), expected);
        world.stopped().await;
    });
}

#[test]
fn dc_70_a_flood_about_one_execution_is_acknowledged_and_condensed() {
    run(async {
        let world = World::new().await;
        let execution = world.running("one").await;
        let token = world.backend.auth_token(execution);
        let mut pushes = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let body = pushed(DATA, &[("auth_token", &token)]);
            let address = world.address;
            pushes.spawn(async move { post(address, PUSH, &[], &body).await.status });
        }
        while let Some(status) = pushes.join_next().await {
            assert_eq!(status.expect("an answer"), 204);
        }
        let counts = world.counts();
        assert_eq!(counts.recorded + counts.condensed, 200, "{counts:?}");
        world.backend.end(execution, r#"{"n":1}"#);
        assert_eq!(world.push(execution, DATA).await, 204);
        world.until_final(execution.attempt).await;
        world.stopped().await;
    });
}

#[test]
fn dc_21_a_token_anywhere_but_in_its_attribute_is_ignored() {
    run(async {
        let world = World::new().await;
        let execution = world.running("one").await;
        let token = world.backend.auth_token(execution);
        let in_data = format!("{{\"auth_token\":\"{token}\"}}");
        for body in [
            pushed(in_data.as_bytes(), &[]),
            pushed(token.as_bytes(), &[("a", "b")]),
            pushed(DATA, &[("Auth_Token", &token)]),
            pushed(DATA, &[("auth-token", &token), ("authtoken", &token)]),
            pushed(DATA, &[("auth_token ", &token)]),
        ] {
            let headers = [("auth_token", &*token), ("X-Auth-Token", &token)];
            let path = format!("{PUSH}?auth_token={token}");
            assert_eq!(
                post(world.address, &path, &headers, &body).await.status,
                204
            );
        }
        world.drain().await;
        assert_eq!(world.backend.seen_so_far(), 0);
        assert_eq!(world.counts().bad_token, 5);
        world.stopped().await;
    });
}

#[test]
fn dc_19_20_the_token_of_a_topic_says_which_execution_it_is_about() {
    run(async {
        let world = World::new().await;
        let execution = world.running("one").await;
        let claims = world
            .topic_tokens
            .verify(&world.backend.auth_token(execution));
        let claims = claims.expect("a good token");
        assert_eq!(
            (claims.execution, &*claims.config_name),
            (execution, CONFIG)
        );
        assert_ne!(execution.attempt.quest, QuestId::from_bytes([0; 32]));
        world.stopped().await;
    });
}

#[test]
fn dc_44_a_push_over_chunks_is_the_same() {
    run(async {
        let world = World::new().await;
        let execution = world.running("one").await;
        let body = pushed(
            DATA,
            &[("auth_token", &world.backend.auth_token(execution))],
        );
        let start = format!(
            "POST {PUSH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Transfer-Encoding: chunked\r\n\r\n"
        );
        let mut request = start.into_bytes();
        for chunk in body.chunks(7) {
            request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            request.extend_from_slice(chunk);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"0\r\n\r\n");
        assert_eq!(raw(world.address, &request).await.status, 204);
        let seen = world.backend.seen(1).await;
        assert_eq!(seen[0].notification, Notification::new(execution, DATA));
        world.stopped().await;
    });
}
