//! `Collect`.

use std::sync::Arc;

use distributor_api::{Caller, Code};
use distributor_proto::control::{CollectRequest, CollectResponse};
use distributor_proto::time::duration_from_std;
use distributor_store::SqliteStore;

use super::support::{Backend, Quest, World, run, secs};

async fn collect(world: &World, older_than: u64, dry_run: bool) -> CollectResponse {
    let request = CollectRequest {
        older_than: Some(duration_from_std(secs(older_than))),
        dry_run,
    };
    world.api.collect(&World::writer(), request).await.unwrap()
}

#[test]
fn what_is_old_goes_and_the_files_of_its_backends_too() {
    run(async {
        let world = World::new();
        let now = world.backend("now", Backend::instant());
        let farm = world.backend("farm", Backend::running());
        let old = world.ensure(&Quest::simple("now", "old")).await;
        world.until_final(old).await;
        let running = world.ensure(&Quest::simple("farm", "running")).await;
        world.until_executing(running).await;
        world.clock.advance(secs(100));
        let young = world.ensure(&Quest::simple("now", "young")).await;
        world.until_final(young).await;

        let would = collect(&world, 50, true).await;
        assert_eq!(
            (would.attempts, would.quests, would.backend_files),
            (1, 1, 0)
        );
        assert!(world.get(old).is_some());
        let did = collect(&world, 50, false).await;
        assert_eq!((did.attempts, did.quests), (1, 1));
        assert_eq!((did.backend_files, did.backend_bytes), (1, 10));
        assert!(did.problems.is_empty());
        assert_eq!(world.get(old), None);
        assert!(world.get(young).is_some() && world.get(running).is_some());
        assert_eq!(now.kept.lock().unwrap().len(), 1);
        assert_eq!(farm.kept.lock().unwrap().len(), 1);
        // Zero: all that is over.
        world.clock.advance(secs(1));
        assert_eq!(collect(&world, 0, false).await.attempts, 1);
        assert_eq!(collect(&world, 0, false).await, CollectResponse::default());
    });
}

#[test]
fn what_was_removed_can_be_asked_for_again_at_once() {
    let directory = tempfile::TempDir::new().unwrap();
    let durable = SqliteStore::open(directory.path()).unwrap();
    run(async { remove_and_ask_again(World::new()).await });
    run(async { remove_and_ask_again(World::on(Arc::new(durable))).await });
}

async fn remove_and_ask_again(world: World) {
    let now = world.backend("now", Backend::instant());
    let quest = Quest::simple("now", 1);
    let attempt = world.ensure(&quest).await;
    let first = world.until_final(attempt).await;
    world.clock.advance(secs(1));
    assert_eq!(collect(&world, 0, false).await.attempts, 1);
    // The host must not go by what it remembers, neither of the attempt nor of the quest.
    assert_eq!(world.ensure(&quest).await, attempt);
    let second = world.until_final(attempt).await;
    assert!(second.created > first.created);
    assert_eq!(now.kept.lock().unwrap().len(), 1);
    let quests = world.store.quests(&[attempt.quest]).unwrap();
    assert!(quests[0].is_some());
    world.engine.stop().await;
}

#[test]
fn a_backend_that_cannot_clean_up_is_named_and_the_others_do() {
    run(async {
        let world = World::new();
        let broken = Backend::instant().that_cannot_sweep();
        world.backend("broken", broken);
        world.backend("now", Backend::instant());
        world.backend("gone", Backend::instant());
        for name in ["broken", "now", "gone"] {
            let attempt = world.ensure(&Quest::simple(name, 1)).await;
            world.until_final(attempt).await;
        }
        world.backends.remove("gone");
        world.clock.advance(secs(1));
        let did = collect(&world, 0, false).await;
        assert_eq!((did.attempts, did.backend_files), (3, 1));
        let expected = [
            "configuration `broken` could not be cleaned up: the broom is broken",
            "configuration `gone` could not be cleaned up: no backend `gone`",
        ];
        let mut problems = did.problems;
        problems.sort();
        assert_eq!(problems, expected);
    });
}

#[test]
fn an_age_is_required_and_checked() {
    run(async {
        let world = World::new();
        world.backend("now", Backend::instant());
        let attempt = world.ensure(&Quest::simple("now", 1)).await;
        world.until_final(attempt).await;
        let duration = |seconds, nanos| Some(prost_types::Duration { seconds, nanos });
        for (older_than, problem) in [
            (None, "older_than: it is missing"),
            (duration(-1, 0), "older_than: duration is negative"),
            (duration(0, -1), "older_than: duration is negative"),
            (
                duration(i64::MAX, 0),
                "older_than: duration is out of range",
            ),
        ] {
            let request = CollectRequest {
                older_than,
                dry_run: false,
            };
            let status = world
                .api
                .collect(&Caller::Trusted, request)
                .await
                .unwrap_err();
            assert_eq!(status.code, Code::InvalidArgument);
            assert!(status.message.starts_with(problem), "{status}");
        }
        assert!(world.get(attempt).is_some());
        let longest = distributor_proto::time::MAX_DURATION_SECONDS.unsigned_abs();
        assert_eq!(collect(&world, longest, false).await.attempts, 0);
    });
}
