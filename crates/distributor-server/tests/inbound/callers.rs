//! Who may push, where that is configured (`pubsub.md`, section 4).

use std::time::Duration;

use crate::support::{ACCOUNT, Issuer, PUSH, World, post, pushed, run};

#[test]
fn only_the_account_that_is_configured_can_push() {
    run(async {
        let issuer = Issuer::new();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.json");
        let world = World::with(|clock| Some(issuer.push_callers(&path, clock))).await;
        let execution = world.running("one").await;
        let body = pushed(b"", &[("auth_token", &world.backend.auth_token(execution))]);
        let push = async |authorization: Option<&str>| {
            let headers = authorization.map(|value| ("Authorization", value));
            let headers = headers.as_slice();
            post(world.address, PUSH, headers, &body).await
        };

        let good = issuer.authorization(ACCOUNT);
        for bad in [None, Some("Bearer canary"), Some(&good[..good.len() - 10])] {
            let reply = push(bad).await;
            assert_eq!(reply.status, 401, "{}", reply.body);
            assert!(reply.headers.contains("\r\nwww-authenticate: bearer"));
            assert!(!reply.body.contains("canary"), "{}", reply.body);
        }
        let reply = push(Some(&issuer.authorization("stranger@example.com"))).await;
        assert_eq!(reply.status, 403);
        assert_eq!(world.backend.seen_so_far(), 0);
        assert_eq!(world.counts().refused_callers, 4);

        assert_eq!(push(Some(&good)).await.status, 204);
        world.backend.seen(1).await;
        // It takes the token of the message too.
        let headers = [("Authorization", &*good)];
        let reply = post(world.address, PUSH, &headers, &pushed(b"", &[])).await;
        assert_eq!((reply.status, world.counts().bad_token), (204, 1));

        world.clock.advance(Duration::from_secs(2 * 3600));
        assert_eq!(push(Some(&good)).await.status, 401);
        world.stopped().await;
    });
}

#[test]
fn without_the_keys_of_the_issuer_pushes_come_again() {
    run(async {
        let issuer = Issuer::new();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.json");
        let world = World::with(|clock| Some(issuer.push_callers(&path, clock))).await;
        std::fs::remove_file(&path).expect("removed");
        let headers = [("Authorization", &*issuer.authorization(ACCOUNT))];
        let reply = post(world.address, PUSH, &headers, b"{}").await;
        assert_eq!(reply.status, 503);
        assert!(!reply.body.contains("keys.json"), "{}", reply.body);
        assert_eq!(world.counts().malformed, 0);
        world.stopped().await;
    });
}

#[test]
fn where_nobody_is_configured_the_header_does_not_matter() {
    run(async {
        let world = World::new().await;
        let execution = world.running("one").await;
        let body = pushed(b"", &[("auth_token", &world.backend.auth_token(execution))]);
        let headers = [("Authorization", "Basic canary")];
        assert_eq!(post(world.address, PUSH, &headers, &body).await.status, 204);
        world.backend.seen(1).await;
        world.stopped().await;
    });
}
