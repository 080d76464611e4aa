//! Pushes about executions that are not settled, are not there, or are somebody else's.

use std::time::Duration;

use distributor_api::notify::NotificationCounts;
use distributor_core::QuestId;
use distributor_core::dm::attempt::State;

use crate::support::{CONFIG, NAMES, SLOW, World, run, task};

#[test]
fn dc_47_a_push_before_run_has_answered_becomes_a_delayed_status_query() {
    run(async {
        let world = World::new().await;
        let attempt = world.ask_for(SLOW, "one").await;
        let execution = attempt.execution(1);
        world.backend.run_called().await;
        world.backend.end(execution, r#"{"n":1}"#);
        for _ in 0..3 {
            assert_eq!(world.push(execution, b"early").await, 204);
        }
        assert_eq!(world.get(attempt).state, State::Scheduling);
        assert_eq!(world.counts().unsettled, 3);
        assert!(world.backend.asked().is_empty());

        let mut changes = world.engine.watch();
        world.backend.answer_run();
        while world.get(attempt).current_execution == 0 {
            changes.recv().await.expect("a change");
        }
        world.clock.advance(Duration::from_secs(60));
        let ended = world.until_final(attempt).await;
        assert!(ended.outcome.is_some());
        assert_eq!(world.backend.asked(), [task(execution)]);
        assert_eq!(world.backend.seen_so_far(), 0);
        world.stopped().await;
    });
}

#[test]
fn dc_48_pushes_about_what_nobody_knows_are_acknowledged_and_nothing_is_written() {
    run(async {
        let world = World::new().await;
        let execution = world.running("one").await;
        world.drain().await;
        let before = world.get(execution.attempt);
        let attempt = execution.attempt;
        for unknown in [
            QuestId::from_bytes([7; 32]).attempt(1).execution(1),
            attempt.quest.attempt(2).execution(1),
            attempt.execution(2),
            attempt.execution(0),
            attempt.execution(u32::MAX),
            attempt.quest.attempt(u32::MAX).execution(1),
        ] {
            let token = world.topic_tokens.issue(unknown, CONFIG).expect("a token");
            let token = std::str::from_utf8(token.expose()).expect("text");
            assert_eq!(world.push_with(token, b"").await, 204, "{unknown}");
        }
        world.drain().await;
        assert_eq!(world.backend.seen_so_far(), 0);
        assert_eq!(world.get(attempt), before);
        let expected = NotificationCounts {
            unknown: 6,
            ..NotificationCounts::default()
        };
        assert_eq!(world.counts(), expected);
        world.stopped().await;
    });
}

#[test]
fn dc_07_the_token_of_another_configuration_finishes_nothing() {
    run(async {
        let world = World::new().await;
        let execution = world.running("one").await;
        world.backend.end(execution, r#"{"n":1}"#);
        let token = world
            .topic_tokens
            .issue(execution, NAMES[0])
            .expect("a token");
        let token = std::str::from_utf8(token.expose()).expect("text");
        assert_eq!(world.push_with(token, b"").await, 204);
        world.drain().await;
        assert_eq!(world.backend.seen_so_far(), 0);
        assert!(!world.get(execution.attempt).is_final());
        assert_eq!(world.counts().other_configuration, 1);
        world.stopped().await;
    });
}
