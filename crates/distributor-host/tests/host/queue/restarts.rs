//! The host dies between any two steps, and no task is lost (DC-17, DC-24, DC-52).

use std::sync::Arc;

use distributor_core::{TaskResult, TaskState};
use distributor_host::Settings;
use distributor_store::SqliteStore;

use super::{bodies, counts, deliveries, enqueue, hint, later, running, task};
use crate::support::{Gate, Method, Quest, Reply, World, run, secs, transient};

/// A task that `run` sends ends the execution, by way of a notification: whichever commit is the
/// last of the first process.
#[test]
fn dc_17_52_a_host_that_dies_after_any_commit_finishes_the_work_in_its_next_life() {
    for commits in 0..12 {
        run(async {
            let mut world = World::new();
            let backend = world.backend("b");
            backend.starts(secs(100_000), TaskState::Running);
            let quest = Quest::simple("b", 1);
            let id = quest.attempt();
            backend.queue.next(Reply::Now(Err(transient("later"))));
            backend
                .queue
                .rule(move |_| Reply::Now(Ok(vec![hint(id, "over")])));
            backend
                .notification
                .rule(|_| Reply::Now(Ok(Some(TaskResult::data("{}")))));
            // Each try of `run` sends it: only one of them is committed.
            for _ in 0..4 {
                backend.sends(Method::Run, vec![later("end it", 5)]);
            }
            world.store.die_after(commits);
            let ensured = world.engine.ensure(vec![quest.ensure()]).await;
            for _ in 0..20 {
                world.engine.flush().await;
                tokio::task::yield_now().await;
            }
            world.clock.advance(secs(5));
            for _ in 0..20 {
                world.engine.flush().await;
                tokio::task::yield_now().await;
            }
            world.crash().await;
            if ensured.is_err() {
                world.ensure_one(&quest).await;
            }
            world.settle().await;
            for _ in 0..4 {
                world.advance(secs(5)).await;
            }
            world.until_final(id).await;
            world.settle().await;
            assert_eq!(counts(&world), (0, 0), "after {commits} commits");
            let got = deliveries(&world, "b").len();
            // One failed, one succeeded, and one more if its answer died with the host.
            assert!((2..=3).contains(&got), "{got} after {commits} commits");
        });
    }
}

#[test]
fn dc_52_a_recorded_notification_is_handled_by_the_next_host() {
    run(async {
        let mut world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        let gate = Gate::closed();
        backend.queue.next(Reply::Now(Ok(vec![hint(id, "over")])));
        let lost = Ok(None);
        backend.notification.next(Reply::Behind(gate.clone(), lost));
        let done = Ok(Some(TaskResult::data("{}")));
        backend.notification.next(Reply::Now(done));
        enqueue(&world, "b", task("x")).await;
        backend.called(Method::Notification, 1).await;
        world.crash().await;
        world.until_final(id).await;
        world.settle().await;
        assert_eq!(backend.count(Method::Notification), 2);
        assert_eq!(backend.count(Method::Queue), 1, "it was done");
        gate.open();
    });
}

#[test]
fn a_delivery_that_was_under_way_is_repeated_by_the_next_host() {
    run(async {
        let mut world = World::with(Settings {
            queue_calls_at_once: 1,
            ..Default::default()
        });
        let backend = world.backend("b");
        let gate = Gate::closed();
        backend.queue.next(Reply::Behind(gate.clone(), Ok(vec![])));
        enqueue(&world, "b", task("one")).await;
        enqueue(&world, "b", task("two")).await;
        enqueue(&world, "b", later("three", 60)).await;
        backend.called(Method::Queue, 1).await;
        world.restart().await;
        world.settle().await;
        assert_eq!(bodies(&world, "b"), ["one", "one", "two"]);
        world.advance(secs(60)).await;
        assert_eq!(bodies(&world, "b").len(), 4);
        gate.open();
    });
}

#[test]
fn a_host_on_a_real_file_delivers_what_the_former_one_took() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = || SqliteStore::open(directory.path()).expect("opened");
    let config = run_on(open(), |world| async move {
        world.backend("b");
        enqueue(&world, "b", later("kept", 5)).await;
        world.engine.stop().await;
        world.source_snapshot("b")
    });
    run_on(open(), move |world| async move {
        world.backend("b");
        world.advance(secs(4)).await;
        assert_eq!(counts(&world), (1, 0));
        world.advance(secs(1)).await;
        assert_eq!(bodies(&world, "b"), ["kept"]);
        assert_eq!(deliveries(&world, "b")[0].config, config);
        world.engine.stop().await;
    });
}

fn run_on<T, F: Future<Output = T>>(store: SqliteStore, test: impl FnOnce(World) -> F) -> T {
    let mut result = None;
    run(async {
        let world = World::on(Arc::new(store), Settings::default(), 1);
        result = Some(test(world).await);
    });
    result.expect("the test has run")
}
