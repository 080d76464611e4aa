//! Dead letters, and what people do with them.

use distributor_host::driver::CallError;
use distributor_store::{QueuePage, QueueState};

use super::{bodies, counts, enqueue, later, stored, task};
use crate::support::{CommitFault, Gate, Reply, World, permanent, run, secs};

/// Tasks that failed for good, named by their bodies.
async fn dead(world: &World, names: &[&str]) -> Vec<u64> {
    let backend = world.backend("b");
    for name in names {
        backend.queue.next(Reply::Now(Err(permanent("no"))));
        enqueue(world, "b", task(*name)).await;
        world.settle().await;
    }
    let page = list(world, QueueState::Dead, None, 1000).await;
    page.tasks.iter().rev().map(|task| task.id).collect()
}

async fn list(world: &World, state: QueueState, before: Option<u64>, limit: usize) -> QueuePage {
    let page = world.engine.queued_tasks(state, before, limit).await;
    page.expect("the store works")
}

#[test]
fn dead_letters_and_pending_tasks_are_listed_in_pages() {
    run(async {
        let mut world = World::new();
        let ids = dead(&world, &["1", "2", "3"]).await;
        enqueue(&world, "b", later("4", 9)).await;
        world.crash().await;
        let first = list(&world, QueueState::Dead, None, 2).await;
        let found: Vec<u64> = first.tasks.iter().map(|task| task.id).collect();
        assert_eq!((found, first.next), (vec![ids[2], ids[1]], Some(ids[1])));
        let task = &first.tasks[0];
        assert_eq!(task.last_error.as_deref(), Some("no"));
        assert_eq!((task.tries, task.config.name.as_str()), (1, "b"));
        let second = list(&world, QueueState::Dead, first.next, 2).await;
        assert_eq!((second.tasks.len(), second.next), (1, None));
        let pending = list(&world, QueueState::Pending, None, 2).await;
        assert_eq!(pending.tasks.len(), 1);
        assert_eq!(pending.tasks[0].due, world.now().after(secs(9)));
        let counts = world.engine.queue_counts().await.expect("read");
        assert_eq!((counts.pending, counts.dead), (1, 3));
    });
}

#[test]
fn a_replayed_dead_letter_is_delivered_now_with_all_its_tries() {
    run(async {
        let world = World::new();
        let ids = dead(&world, &["1", "2"]).await;
        let backend = world.backend("b");
        let gate = Gate::closed();
        backend.queue.next(Reply::Behind(gate.clone(), Ok(vec![])));
        let replayed = world.engine.replay_queued_task(ids[0]).await;
        replayed.expect("it is dead");
        backend.called(crate::support::Method::Queue, 3).await;
        let again = &stored(&world)[0];
        assert_eq!((again.tries, &again.last_error), (0, &None));
        let twice = world.engine.replay_queued_task(ids[0]).await;
        assert!(matches!(twice, Err(CallError::NotDead(id)) if id == ids[0]));
        gate.open();
        world.settle().await;
        assert_eq!(bodies(&world, "b"), ["1", "2", "1"]);
        assert_eq!(counts(&world), (0, 1));
        let gone = world.engine.replay_queued_task(ids[0]).await;
        let error = gone.expect_err("it was delivered").to_string();
        assert_eq!(error, format!("no task {} in the queue", ids[0]));
    });
}

#[test]
fn all_dead_letters_are_replayed_and_those_that_fail_again_stay() {
    run(async {
        let world = World::new();
        dead(&world, &["1", "2", "3"]).await;
        let backend = world.backend("b");
        backend.queue.next(Reply::Now(Err(permanent("still no"))));
        let replayed = world.engine.replay_queued_tasks().await;
        assert_eq!(replayed.expect("the store works"), 3);
        world.settle().await;
        assert_eq!(counts(&world), (0, 1));
        assert_eq!(stored(&world)[0].last_error.as_deref(), Some("still no"));
        assert_eq!(bodies(&world, "b").len(), 6);
        let replayed = world.engine.replay_queued_tasks().await;
        assert_eq!(replayed.expect("the store works"), 1);
        world.settle().await;
        let replayed = world.engine.replay_queued_tasks().await;
        assert_eq!(replayed.expect("the store works"), 0);
    });
}

#[test]
fn only_a_dead_letter_is_discarded() {
    run(async {
        let world = World::new();
        let ids = dead(&world, &["1"]).await;
        enqueue(&world, "b", later("2", 5)).await;
        let pending = list(&world, QueueState::Pending, None, 1).await.tasks[0].id;
        let refused = world.engine.discard_queued_task(pending).await;
        let error = refused.expect_err("it is pending").to_string();
        assert!(error.contains("not a dead letter"), "{error}");
        let (one, two) = tokio::join!(
            world.engine.discard_queued_task(ids[0]),
            world.engine.discard_queued_task(ids[0]),
        );
        assert!(one.is_ok() && two.is_err(), "{two:?}");
        let unknown = world.engine.discard_queued_task(u64::MAX).await;
        assert!(matches!(unknown, Err(CallError::NoTask(u64::MAX))));
        world.advance(secs(5)).await;
        assert_eq!(bodies(&world, "b"), ["1", "2"]);
        assert_eq!(counts(&world), (0, 0));
    });
}

/// What becomes of these two when they come at the same time.
async fn at_once<A, B>(
    world: &World,
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> (A, B) {
    let hold = world.store.hold_next_commit();
    let other = async {
        enqueue(world, "b", later("other", 1000)).await;
    };
    let orders = async {
        world.store.held().await;
        let both = async { tokio::join!(biased; first, second) };
        let release = async {
            tokio::task::yield_now().await;
            drop(hold);
        };
        tokio::join!(biased; both, release).0
    };
    tokio::join!(biased; other, orders).1
}

#[test]
fn of_two_orders_about_one_dead_letter_the_first_counts() {
    run(async {
        let world = World::new();
        let ids = dead(&world, &["1", "2", "3"]).await;
        let engine = &world.engine;
        let replay = engine.replay_queued_task(ids[0]);
        let discard = engine.discard_queued_task(ids[0]);
        let (replayed, discarded) = at_once(&world, replay, discard).await;
        replayed.expect("it was dead");
        assert!(
            matches!(discarded, Err(CallError::NotDead(_) | CallError::NoTask(_))),
            "{discarded:?}"
        );
        world.settle().await;
        assert_eq!(bodies(&world, "b"), ["1", "2", "3", "1"]);
        let discard = engine.discard_queued_task(ids[1]);
        let replay = engine.replay_queued_task(ids[1]);
        let (discarded, replayed) = at_once(&world, discard, replay).await;
        discarded.expect("it was dead");
        assert!(
            matches!(replayed, Err(CallError::NoTask(_))),
            "{replayed:?}"
        );
        let discard = engine.discard_queued_task(ids[2]);
        let (discarded, replayed) = at_once(&world, discard, engine.replay_queued_tasks()).await;
        discarded.expect("it was dead");
        assert_eq!(replayed.expect("stored"), 0);
        world.settle().await;
        assert_eq!(bodies(&world, "b").len(), 4);
    });
}

#[test]
fn an_order_that_was_not_stored_is_reported_and_did_nothing() {
    run(async {
        let world = World::new();
        let ids = dead(&world, &["1"]).await;
        world.store.fail_next_commit(CommitFault::Lost);
        let lost = world.engine.replay_queued_task(ids[0]).await;
        assert!(matches!(lost, Err(CallError::NotStored(_))), "{lost:?}");
        assert_eq!(counts(&world), (0, 1));
        world.clock.advance(secs(1));
        world.store.fail_reads("list_queue", 1);
        let unread = world.engine.discard_queued_task(ids[0]).await;
        assert!(matches!(unread, Err(CallError::Store(_))), "{unread:?}");
        let discarded = world.engine.discard_queued_task(ids[0]).await;
        discarded.expect("the store works again");
        assert_eq!(counts(&world), (0, 0));
    });
}
