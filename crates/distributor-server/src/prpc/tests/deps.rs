//! Rows of `dm-api.md`, section 9, that need no backend, in JSON through the whole transport.

use super::{Reply, World, post, run, send, test_methods};

async fn ask(world: &World, method: &str, json: &str) -> Reply {
    let request = post(method)
        .header("Content-Type", "application/json")
        .header("Accept", "application/json");
    world.ask(send(request, json.to_owned())).await
}

const QUEST: &str = "omX0-yLD8dUx8vUfDvhSkgQ8vicWB37GRTUiAw-8C0I";

/// Nobody has shown a token, and one is needed.
fn with_tokens() -> World {
    World::with(false, Box::new(test_methods))
}

#[test]
fn a05_over_prpc_an_attempt_of_an_unknown_quest_is_refused_by_name() {
    run(async {
        let request = format!(r#"{{"raw_attempts":{{"to":{{"{QUEST}":{{"nums":[1]}}}}}}}}"#);
        let reply = ask(&World::new(), "dm.Deps/EnsureGraphData", &request).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, 3), "{reply:?}");
        assert!(reply.text().contains(QUEST), "{reply:?}");
    });
}

#[test]
fn a06_over_prpc_a_quest_without_attempts_is_refused() {
    run(async {
        let request = r#"{"quest":[{"distributorConfigName":"a","parameters":"{}"}]}"#;
        let reply = ask(&World::new(), "dm.Deps/EnsureGraphData", request).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, 3), "{reply:?}");
        let expected = "mismatched quest_attempt v. quest lengths";
        assert!(reply.text().contains(expected), "{reply:?}");
    });
}

#[test]
fn a07_over_prpc_anonymous_may_not_ensure() {
    run(async {
        let request = format!(r#"{{"rawAttempts":{{"to":{{"{QUEST}":{{"nums":[1]}}}}}}}}"#);
        let reply = ask(&with_tokens(), "dm.Deps/EnsureGraphData", &request).await;
        reply.check_error(403, 7, "not authorized");
    });
}

#[test]
fn a16_over_prpc_anonymous_may_not_walk() {
    run(async {
        let request = r#"{"query":{"attemptList":{"to":{"q":{"nums":[1]}}}}}"#;
        let reply = ask(&with_tokens(), "dm.Deps/WalkGraph", request).await;
        reply.check_error(403, 7, "not authorized");
    });
}
