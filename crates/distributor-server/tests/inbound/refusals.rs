//! Pushes that are not let through, and what their senders are told (DC-06, DC-70).

use std::time::Duration;

use distributor_api::notify::NotificationCounts;
use distributor_core::ErrorKind;
use distributor_host::topic::{DEFAULT_LIFETIME, TopicTokens};

use crate::support::{CONFIG, PUSH, Reply, World, post, pushed, raw, run};

#[test]
fn dc_06_a_push_without_a_good_token_is_acknowledged_and_ignored() {
    run(async {
        let world = World::new().await;
        let execution = world.running("one").await;
        world.backend.end(execution, r#"{"n":1}"#);
        world.drain().await;
        let before = world.get(execution.attempt);
        let good = world.backend.auth_token(execution);
        let elsewhere = tempfile::tempdir().expect("a folder");
        let folder = elsewhere.path().to_owned();
        let stranger = TopicTokens::new(folder, world.clock.clone(), DEFAULT_LIFETIME);
        let strange = stranger.issue(execution, CONFIG).expect("a token");
        let strange = String::from_utf8(strange.expose().to_vec()).expect("text");
        let corrupted = |at: usize| {
            let other = if good.as_bytes()[at] == b'A' {
                "B"
            } else {
                "A"
            };
            format!("{}{other}{}", &good[..at], &good[at + 1..])
        };
        let last = good.len() - 1;
        let bad = [
            String::new(),
            "?".to_owned(),
            good[..10].to_owned(),
            format!("{good}="),
            format!(" {good}"),
            format!("{good}{good}"),
            corrupted(0),
            corrupted(last / 2),
            corrupted(last),
            strange,
            "A".repeat(100_000),
        ];
        for token in &bad {
            assert_eq!(world.push_with(token, b"").await, 204);
        }
        let without = post(world.address, PUSH, &[], &pushed(b"", &[])).await;
        assert_eq!(without.status, 204);
        assert_eq!(world.counts().bad_token, 12);
        // Exactly as old as it may be, and older.
        world
            .clock
            .advance(DEFAULT_LIFETIME + Duration::from_millis(1));
        world.drain().await;
        let asked = world.get(execution.attempt);
        assert_eq!(world.push_with(&good, b"").await, 204);
        assert_eq!(world.counts().bad_token, 13);
        world.drain().await;
        assert_eq!(world.backend.seen_so_far(), 0);
        assert_eq!(before.current_execution, asked.current_execution);
        world.stopped().await;
    });
}

#[test]
fn dc_70_what_is_no_message_is_acknowledged_and_counted() {
    run(async {
        let world = World::new().await;
        for body in [
            &b""[..],
            b"canary",
            b"{}",
            b"[]",
            b"\xff\xfe",
            br#"{"task_id":"10"}"#,
            br#"{"message":{"data":"!"},"subscription":"s"}"#,
            br#"{"message":{"attributes":[]},"subscription":"s"}"#,
        ] {
            let reply = post(world.address, PUSH, &[], body).await;
            assert_eq!((reply.status, &*reply.body), (204, ""));
        }
        let expected = NotificationCounts {
            malformed: 8,
            ..NotificationCounts::default()
        };
        assert_eq!(world.counts(), expected);
        world.stopped().await;
    });
}

#[test]
fn dc_70_what_could_not_be_recorded_is_asked_for_again() {
    run(async {
        let world = World::new().await;
        let execution = world.running("one").await;
        world.engine.stop().await;
        for _ in 0..2 {
            assert_eq!(world.push(execution, b"").await, 503);
        }
        // Not what is hopeless.
        assert_eq!(world.push_with("bad", b"").await, 204);
        let expected = NotificationCounts {
            deferred: 2,
            bad_token: 1,
            ..NotificationCounts::default()
        };
        assert_eq!(world.counts(), expected);
        world.stopped().await;
    });
}

#[test]
fn dc_70_a_backend_that_refuses_a_notification_is_nothing_to_its_sender() {
    run(async {
        let world = World::new().await;
        let execution = world.running("one").await;
        world.backend.fail(ErrorKind::InvalidArgument);
        assert_eq!(world.push(execution, b"").await, 204);
        world.backend.seen(1).await;
        world.drain().await;
        assert_eq!(world.backend.seen_so_far(), 1);
        assert!(!world.get(execution.attempt).is_final());
        assert_eq!(world.counts().recorded, 1);
        world.stopped().await;
    });
}

#[test]
fn dc_70_a_body_that_is_too_large_for_a_message_is_hopeless() {
    run(async {
        let world = World::new().await;
        let announced = |length: usize| {
            let start = format!(
                "POST {PUSH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                 Content-Length: {length}\r\n\r\n"
            );
            start.into_bytes()
        };
        const MOST: usize = 16 * 1024 * 1024;
        let too_large = raw(world.address, &announced(MOST + 1)).await;
        assert_eq!(too_large.status, 204);
        assert_eq!(world.counts().malformed, 1);

        // The largest that there may be, of which most is nothing.
        let execution = world.running("one").await;
        let body = pushed(b"", &[("auth_token", &world.backend.auth_token(execution))]);
        let mut request = announced(MOST);
        request.resize(request.len() + MOST - body.len(), b' ');
        request.extend_from_slice(&body);
        assert_eq!(raw(world.address, &request).await.status, 204);
        world.backend.seen(1).await;
        world.stopped().await;
    });
}

#[test]
fn dc_70_other_methods_are_not_allowed() {
    run(async {
        let world = World::new().await;
        for path in [
            PUSH,
            "/internal/pubsub",
            "/internal/pubsub/x",
            "/tq/distributor/x",
        ] {
            for method in ["GET", "PUT", "DELETE", "OPTIONS", "BREW"] {
                let request = format!(
                    "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                );
                let Reply {
                    status, headers, ..
                } = raw(world.address, request.as_bytes()).await;
                assert_eq!(status, 405, "{method} {path}");
                assert!(headers.contains("\r\nallow: post"), "{headers}");
            }
        }
        assert_eq!(world.counts(), NotificationCounts::default());
        world.stopped().await;
    });
}

#[test]
fn where_no_token_is_needed_web_pages_cannot_push() {
    run(async {
        let world = World::new().await;
        for path in [PUSH, "/tq/distributor/x"] {
            let headers = [("Origin", "https://example.com")];
            let reply = post(world.address, path, &headers, b"{}").await;
            assert_eq!(reply.status, 403, "{path}");
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: dm.example.com\r\nConnection: close\r\n\
                 Content-Length: 0\r\n\r\n"
            );
            assert_eq!(raw(world.address, request.as_bytes()).await.status, 403);
        }
        assert_eq!(world.counts(), NotificationCounts::default());
        world.stopped().await;
    });
}

/// There is no service without what takes them in: the type of its parts demands it.
#[test]
fn dc_69_both_routes_answer_as_soon_as_the_service_listens() {
    run(async {
        let world = World::new().await;
        assert_eq!(post(world.address, PUSH, &[], b"").await.status, 204);
        let reply = post(world.address, "/tq/distributor/x", &[], b"").await;
        assert_eq!(reply.status, 403);
        world.stopped().await;
    });
}
