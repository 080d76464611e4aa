//! Seeded disorder: whatever fails and dies when, what was accepted is delivered or is a dead letter.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use distributor_host::Settings;

use super::{counts, later};
use crate::support::{CommitFault, Random, Reply, World, permanent, run, secs, transient};

const ROOM: u64 = 40;

/// Bodies of the tasks that a backend has handled.
type Handled = Arc<Mutex<BTreeSet<Vec<u8>>>>;

#[test]
fn dc_17_23_24_an_accepted_task_is_never_lost() {
    for seed in 0..20 {
        run(disorder(seed));
    }
}

async fn disorder(seed: u64) {
    let mut random = Random::new(seed);
    let mut world = World::with(Settings {
        queue_tasks: ROOM,
        queue_calls_at_once: 3,
        ..Default::default()
    });
    let handled = Handled::default();
    script(&world, handled.clone(), Some(Random::new(seed + 1000)));
    let mut accepted = BTreeSet::new();
    for number in 0..150_u32 {
        match random.below(12) {
            0 => world.crash().await,
            1 => world.restart().await,
            2 => world.store.fail_next_commit(CommitFault::Lost),
            3 => world.store.fail_next_commit(CommitFault::Doubtful),
            4 => {
                let methods = ["due_queue", "queue_records", "queue_counts"];
                let method = methods[random.below(3) as usize];
                world.store.fail_reads(method, 1);
            }
            5 => {
                let _unstored = world.engine.replay_queued_tasks().await;
            }
            6 | 7 => pass(&world, random.below(5)).await,
            _ => {
                let body = number.to_be_bytes().to_vec();
                let task = later(body.clone(), random.below(10));
                let config = world.source_snapshot("b");
                if world.host.enqueue_task(&config, task).await.is_ok() {
                    accepted.insert(body);
                }
            }
        }
        assert!(counts(&world).0 + counts(&world).1 <= ROOM, "seed {seed}");
    }
    assert!(!accepted.is_empty());
    world.crash().await;
    script(&world, handled.clone(), None);
    while counts(&world) != (0, 0) {
        let _unstored = world.engine.replay_queued_tasks().await;
        pass(&world, 60).await;
    }
    let handled = handled.lock().expect("handled");
    let lost: Vec<_> = accepted.difference(&handled).collect();
    assert!(lost.is_empty(), "seed {seed}: {lost:?}");
    drop(handled);
    // All the room has come back.
    let config = world.source_snapshot("b");
    for _ in 0..ROOM {
        let sent = world.host.enqueue_task(&config, later("x", 60)).await;
        sent.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
    let sent = world.host.enqueue_task(&config, later("x", 60)).await;
    assert!(sent.is_err(), "seed {seed}");
}

/// Without a source of failures everything succeeds.
fn script(world: &World, handled: Handled, mut failures: Option<Random>) {
    world.backend("b").queue.rule(move |seen| {
        let failure = failures.as_mut().map_or(9, |random| random.below(10));
        match failure {
            0 | 1 => Reply::Now(Err(transient("later"))),
            2 => Reply::Now(Err(permanent("no"))),
            3 => Reply::Panic,
            _ => {
                let task = seen.queue_task.clone().expect("a task");
                handled.lock().expect("handled").insert(task.body);
                Reply::Now(Ok(Vec::new()))
            }
        }
    });
}

/// Lets time pass, and some of what is due happen.
async fn pass(world: &World, seconds: u64) {
    world.clock.advance(secs(seconds));
    for _ in 0..5 {
        world.engine.flush().await;
        tokio::task::yield_now().await;
    }
}
