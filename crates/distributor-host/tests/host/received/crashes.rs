//! What was acknowledged is heard, whenever the process dies and whatever the store refuses.

use std::sync::Arc;

use distributor_core::{AttemptId, TaskResult, TaskState};
use distributor_host::driver::RetryPolicy;
use distributor_host::{Received, Settings};
use distributor_store::{MemoryStore, SqliteStore, Store};

use super::object;
use crate::support::{
    CommitFault, FaultyStore, Method, Quest, Reply, World, ensure_all, run, secs, transient,
};

/// Nothing but notifications tells that these tasks are over.
fn quests() -> [Quest; 3] {
    [1, 2, 3].map(|name| Quest::simple("b", name))
}

fn prepare(world: &World) {
    let backend = world.backend("b");
    backend.starts(secs(1_000_000), TaskState::Running);
    let mut calls = 0;
    backend.notification.rule(move |seen| {
        calls += 1;
        let id = seen.execution.expect("a notification has an execution");
        match calls {
            2 => Reply::Now(Err(transient("busy"))),
            1 => Reply::Now(Ok(None)),
            _ => Reply::Now(Ok(Some(TaskResult::data(format!(r#"{{"of":"{id}"}}"#))))),
        }
    });
}

fn settings() -> Settings {
    Settings {
        retry: RetryPolicy {
            limit: 20,
            ..Default::default()
        },
        ..Default::default()
    }
}

/// A publisher that sends each notification until it is acknowledged, three times each: what is
/// acknowledged is not sent again.
struct Publisher {
    owed: Vec<(AttemptId, usize)>,
}

impl Publisher {
    fn new() -> Self {
        let owed = quests().map(|quest| (quest.attempt(), 3));
        Publisher {
            owed: owed.to_vec(),
        }
    }

    async fn publish(&mut self, world: &World) {
        for (id, left) in &mut self.owed {
            let executes = world.find(*id).is_some_and(|it| it.current_execution == 1);
            while executes && *left > 0 {
                match world.receive(id.execution(1)).await {
                    Ok(Received::Recorded | Received::Over) => *left -= 1,
                    Ok(other) => panic!("{other:?}"),
                    Err(_) => return,
                }
            }
        }
    }

    /// True once all is acknowledged and over; false if the store has failed and `until_failure`.
    async fn run(&mut self, world: &World, until_failure: bool) -> bool {
        let mut known = false;
        for turn in 0_u32.. {
            if until_failure && world.store.failures() > 0 {
                return false;
            }
            if !known {
                let ensured = world.engine.ensure(ensure_all(&quests())).await;
                known = ensured.is_ok();
            }
            self.publish(world).await;
            world.engine.flush().await;
            tokio::task::yield_now().await;
            let is_final =
                |quest: &Quest| world.find(quest.attempt()).is_some_and(|it| it.is_final());
            let quiet = world.is_quiet();
            if quiet && quests().iter().all(is_final) && world.pending().0 == 0 {
                return true;
            }
            if quiet || turn % 50 == 49 {
                world.clock.advance(secs(1));
            }
        }
        unreachable!("the turns do not end")
    }
}

fn check(world: &World, at: u64) {
    for quest in quests() {
        let id = quest.attempt();
        let execution = id.execution(1);
        assert_eq!(
            object(world, id),
            format!(r#"{{"of":"{execution}"}}"#),
            "{at}"
        );
        assert_eq!(world.get(id).current_execution, 1, "{at}");
    }
    let backend = world.backend("b");
    // Three for each, the tries after an error, and a repetition for each that was under way.
    assert!(backend.count(Method::Notification) <= 14, "{at}");
    assert_eq!(world.pending(), (0, 0), "{at}");
}

/// Dies after each commit in turn, until one run gets through. Returns the commits that it took.
fn die_everywhere(make_store: impl Fn() -> Arc<dyn Store>) -> u64 {
    for at in 0.. {
        let mut survived = false;
        run(async {
            let mut world = World::on(make_store(), settings(), at);
            prepare(&world);
            world.store.die_after(at);
            let mut publisher = Publisher::new();
            survived = publisher.run(&world, true).await;
            if !survived {
                world.crash().await;
                publisher.run(&world, false).await;
            }
            check(&world, at);
            world.engine.stop().await;
        });
        if survived {
            return at;
        }
    }
    unreachable!("the numbers do not end")
}

#[test]
fn a_crash_after_any_commit_loses_no_notification() {
    let commits = die_everywhere(|| Arc::new(MemoryStore::new()));
    assert!(commits > 5, "{commits}");
}

#[test]
fn a_crash_after_any_commit_loses_no_notification_on_disk() {
    let directory = tempfile::tempdir().expect("a directory");
    let next = std::cell::Cell::new(0);
    die_everywhere(|| {
        next.set(next.get() + 1);
        let path = directory.path().join(next.get().to_string());
        Arc::new(SqliteStore::open(&path).expect("a store"))
    });
}

#[test]
fn any_commit_may_fail_and_no_notification_is_lost() {
    for fault in [CommitFault::Lost, CommitFault::Doubtful] {
        fail_everywhere(|store, at| store.fail_commit(at + 1, fault));
    }
}

#[test]
fn any_read_may_fail_and_no_notification_is_lost() {
    fail_everywhere(FaultyStore::fail_read_after);
}

/// Fails at each number in turn, until it is one that is not reached.
fn fail_everywhere(fail: impl Fn(&FaultyStore, u64)) {
    for at in 0.. {
        let mut failures = 0;
        run(async {
            let world = World::on(Arc::new(MemoryStore::new()), settings(), at);
            prepare(&world);
            fail(&world.store, at);
            Publisher::new().run(&world, false).await;
            check(&world, at);
            world.engine.stop().await;
            failures = world.store.failures();
        });
        if failures == 0 {
            assert!(at > 5, "{at}");
            return;
        }
    }
}
