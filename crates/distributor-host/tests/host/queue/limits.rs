//! A backend that goes astray fills neither disk nor memory, and an empty queue costs nothing.

use distributor_core::{ErrorKind, QueueTask};
use distributor_host::Settings;

use super::{bodies, counts, deliveries, enqueue, later, task};
use crate::support::{Gate, Method, Quest, Reply, World, permanent, run, secs};

async fn refused(world: &World, task: QueueTask) -> distributor_core::Error {
    let config = world.source_snapshot("b");
    let sent = world.host.enqueue_task(&config, task).await;
    sent.expect_err("there is no room")
}

#[test]
fn a_task_that_is_too_large_is_refused_for_good() {
    run(async {
        let world = World::new();
        world.backend("b");
        let mut large = task(vec![0; 1 << 20]);
        let error = refused(&world, large.clone()).await;
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(!error.is_transient());
        let text = error.to_string();
        assert!(
            text.contains("body (1048576 bytes)") && text.contains("headers"),
            "{text}"
        );
        large.headers.clear();
        enqueue(&world, "b", large).await;
        world.settle().await;
        assert_eq!(
            deliveries(&world, "b").len(),
            1,
            "the largest that is allowed"
        );
    });
}

#[test]
fn more_tasks_than_allowed_are_refused_until_some_are_done() {
    run(async {
        let world = World::with(Settings {
            queue_tasks: 2,
            ..Default::default()
        });
        let backend = world.backend("b");
        enqueue(&world, "b", later("1", 5)).await;
        backend.queue.next(Reply::Now(Err(permanent("no"))));
        enqueue(&world, "b", task("2")).await;
        world.settle().await;
        assert_eq!(counts(&world), (1, 1), "a dead letter takes room too");
        let error = refused(&world, task("3")).await;
        assert_eq!(error.kind(), ErrorKind::ResourceExhausted);
        assert!(error.is_transient());
        let text = error.to_string();
        assert!(text.contains("2 tasks (1 of them dead letters)"), "{text}");
        world.advance(secs(5)).await;
        enqueue(&world, "b", later("4", 5)).await;
        refused(&world, task("5")).await;
        world.advance(secs(5)).await;
        assert_eq!(bodies(&world, "b"), ["2", "1", "4"]);
    });
}

#[test]
fn more_bytes_than_allowed_are_refused() {
    run(async {
        let size = 1000 + 2 + 12 + 6;
        let world = World::with(Settings {
            queue_bytes: 2 * size,
            ..Default::default()
        });
        world.backend("b");
        enqueue(&world, "b", later(vec![b'x'; 1000], 5)).await;
        let mut more = later(vec![b'x'; 1100], 5);
        refused(&world, more.clone()).await;
        more.body.truncate(900);
        enqueue(&world, "b", more).await;
    });
}

#[test]
fn what_vanishes_gives_its_room_back() {
    run(async {
        let world = World::with(Settings {
            queue_tasks: 1,
            ..Default::default()
        });
        let backend = world.backend("b");
        let gate = Gate::closed();
        let failed = Err(permanent("no"));
        backend.run.next(Reply::Behind(gate.clone(), failed));
        backend.sends(Method::Run, vec![task("one"), task("two")]);
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        backend.called(Method::Run, 1).await;
        world.engine.flush().await;
        let sent = backend.sent();
        assert!(sent[0].is_ok() && sent[1].is_err(), "its own task counts");
        refused(&world, task("three")).await;
        gate.open();
        world.until_final(id).await;
        enqueue(&world, "b", task("four")).await;
        world.settle().await;
        assert_eq!(bodies(&world, "b"), ["four"]);
    });
}

#[test]
fn a_stored_task_takes_its_place_once_as_soon_as_its_sender_knows() {
    run(async {
        let world = World::with(Settings {
            queue_tasks: 2,
            ..Default::default()
        });
        world.backend("b");
        // The host hands the first one out after it has told of it.
        let hold = world.store.hold_next_read("due_queue");
        enqueue(&world, "b", task("1")).await;
        world.store.held().await;
        let config = world.source_snapshot("b");
        let mut second = world.host.enqueue_task(&config, later("2", 5));
        tokio::select! {
            biased;
            refused = &mut second => panic!("there is room for two: {refused:?}"),
            () = std::future::ready(()) => {}
        }
        drop(hold);
        second.await.expect("stored");
        world.settle().await;
        assert_eq!(bodies(&world, "b"), ["1"]);
        assert_eq!(counts(&world), (1, 0));
    });
}

#[test]
fn a_task_takes_its_place_before_it_is_stored() {
    run(async {
        let world = World::with(Settings {
            queue_tasks: 1,
            ..Default::default()
        });
        world.backend("b");
        let hold = world.store.hold_next_commit();
        let config = world.source_snapshot("b");
        let host = world.host.clone();
        let first = tokio::spawn(async move { host.enqueue_task(&config, later("1", 5)).await });
        world.store.held().await;
        refused(&world, later("2", 5)).await;
        drop(hold);
        first.await.expect("no panic").expect("stored");
        assert_eq!(counts(&world), (1, 0));
    });
}

#[test]
fn the_limit_counts_what_a_former_process_left() {
    run(async {
        let mut world = World::with(Settings {
            queue_tasks: 1,
            ..Default::default()
        });
        world.backend("b");
        enqueue(&world, "b", later("one", 5)).await;
        world.crash().await;
        refused(&world, task("two")).await;
    });
}

#[test]
fn an_empty_queue_costs_nothing() {
    run(async {
        let world = World::new();
        world.backend("b");
        let at_start = world.store.reads("queue_counts");
        let quests: Vec<_> = (0..50).map(|n| Quest::simple("b", n)).collect();
        for id in world.ensure(&quests).await {
            world.until_final(id).await;
        }
        world.advance(secs(100)).await;
        assert!(world.store.commits() > 0);
        assert_eq!(world.store.reads("queue_counts"), at_start);
        for method in ["due_queue", "queue_records", "list_queue"] {
            assert_eq!(world.store.reads(method), 0, "{method}");
        }
    });
}
