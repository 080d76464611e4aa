//! `Watch`.

use std::future::poll_fn;
use std::pin::Pin;

use distributor_api::{Changes, Code};
use distributor_core::dm::{attempt, execution};
use distributor_core::{AttemptId, dm};
use distributor_proto::control::{WatchRequest, WatchResponse};
use futures_core::Stream;

use super::support::{Backend, Quest, World, id, run};

async fn watch(world: &World, attempts: &[AttemptId]) -> Changes {
    let request = WatchRequest {
        attempts: attempts.iter().map(|id| (*id).into()).collect(),
    };
    let mut changes = world.api.watch(&World::reader(), request).await.unwrap();
    let first = next(&mut changes).await;
    assert_eq!(
        first,
        Some(WatchResponse::default()),
        "the first says that it is there"
    );
    changes
}

async fn next(changes: &mut Changes) -> Option<WatchResponse> {
    let item = poll_fn(|context| Pin::new(&mut *changes).poll_next(context)).await;
    item.map(|item| item.expect("a stream that fails never"))
}

/// The states that are told of an attempt, until it is over.
async fn until_over(changes: &mut Changes, id: AttemptId) -> Vec<attempt::State> {
    let mut states = Vec::new();
    loop {
        let message = next(changes).await.expect("the host is there");
        assert!(!message.missed && !message.changes.is_empty());
        for change in message.changes {
            assert_eq!(change.id, Some(attempt::Id::from(id)));
            states.push(change.state());
        }
        if matches!(
            states.last(),
            Some(attempt::State::Finished | attempt::State::AbnormalFinished)
        ) {
            return states;
        }
    }
}

#[test]
fn every_committed_change_is_told_in_order() {
    use execution::State::{Running, Scheduling, Stopping};
    run(async {
        let world = World::new();
        let backend = world.backend("farm", Backend::running());
        let mut changes = watch(&world, &[]).await;
        let id = world.ensure(&Quest::speaking("farm", 1)).await;
        let token = world.activate(&backend, id).await;
        let result = dm::JsonResult {
            object: "{}".to_owned(),
            ..dm::JsonResult::default()
        };
        let execution = id.execution(1);
        world
            .engine
            .finish_attempt(execution, token, result)
            .await
            .unwrap();
        let mut seen = Vec::new();
        while seen.last() != Some(&(1, Some(Stopping))) {
            let message = next(&mut changes).await.expect("the host is there");
            for change in message.changes {
                let state = change.execution_state.map(|_| change.execution_state());
                seen.push((change.execution, state));
            }
        }
        seen.dedup();
        let expected = [
            (0, None),
            (1, Some(Scheduling)),
            (1, Some(Running)),
            (1, Some(Stopping)),
        ];
        assert_eq!(seen, expected);
    });
}

#[test]
fn only_the_attempts_that_are_named_are_told_of() {
    run(async {
        let world = World::new();
        world.backend("now", Backend::instant());
        let wanted = Quest::simple("now", "wanted");
        // Named before it exists.
        let mut changes = watch(&world, &[wanted.attempt(), id(9)]).await;
        for number in 0..20 {
            let other = world.ensure(&Quest::simple("now", number)).await;
            world.until_final(other).await;
        }
        let attempt = world.ensure(&wanted).await;
        let states = until_over(&mut changes, attempt).await;
        assert_eq!(states.last(), Some(&attempt::State::Finished));
    });
}

#[test]
fn a_slow_client_is_told_that_it_missed_something_and_goes_on() {
    run(async {
        let world = World::new();
        world.backend("now", Backend::instant());
        let mut changes = watch(&world, &[]).await;
        // More than the host keeps for anybody.
        for start in 0..30 {
            let quests = (0..400).map(|number| Quest::simple("now", start * 400 + number));
            let ids = world.ensure_all(quests).await;
            for id in ids {
                world.until_final(id).await;
            }
        }
        let message = next(&mut changes).await.unwrap();
        assert!(message.missed);
        assert!(message.changes.len() <= 1000);
        let last = world.ensure(&Quest::simple("now", "last")).await;
        world.until_final(last).await;
        loop {
            let message = next(&mut changes).await.unwrap();
            assert!(!message.missed && message.changes.len() <= 1000);
            let told = message
                .changes
                .iter()
                .any(|it| it.id == Some(last.into()) && it.state() == attempt::State::Finished);
            if told {
                return;
            }
        }
    });
}

#[test]
fn the_stream_ends_with_the_host() {
    run(async {
        let world = World::new();
        world.backend("now", Backend::instant());
        let mut changes = watch(&world, &[]).await;
        let attempt = world.ensure(&Quest::simple("now", 1)).await;
        world.until_final(attempt).await;
        world.engine.stop().await;
        // First what was there, then the end, which stays.
        let states = until_over(&mut changes, attempt).await;
        assert_eq!(states.last(), Some(&attempt::State::Finished));
        assert_eq!(next(&mut changes).await, None);
        assert_eq!(next(&mut changes).await, None);
        let mut late = watch(&world, &[]).await;
        assert_eq!(next(&mut late).await, None);
    });
}

#[test]
fn a_bad_request_names_its_field() {
    run(async {
        let world = World::new();
        let good = attempt::Id::from(id(1));
        let bad = attempt::Id {
            id: 0,
            ..good.clone()
        };
        for (attempts, problem) in [
            (
                vec![good.clone(), bad],
                "attempts[1]: attempt number \"0\" is malformed",
            ),
            (vec![good; 100_001], "attempts: 100001 are too many"),
        ] {
            let request = WatchRequest { attempts };
            let status = world
                .api
                .watch(&World::reader(), request)
                .await
                .err()
                .unwrap();
            assert_eq!(status.code, Code::InvalidArgument);
            assert!(status.message.starts_with(problem), "{status}");
        }
    });
}
