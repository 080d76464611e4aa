//! Old attempts are removed while jobs ask for others.

use std::sync::Arc;
use std::time::Duration;

use distributor_core::AttemptId;
use distributor_core::dm::attempt::State;
use distributor_host::Settings;
use distributor_host::driver::CallError;
use distributor_store::{MemoryStore, SqliteStore, Store};

use crate::support::{Method, World, job, run, secs};

/// Runs a test on each kind of store.
fn on_each_store(test: impl AsyncFn(World)) {
    let directory = tempfile::tempdir().expect("a directory");
    let stores: [Arc<dyn Store>; 2] = [
        Arc::new(MemoryStore::new()),
        Arc::new(SqliteStore::open(directory.path()).expect("a store")),
    ];
    for store in stores {
        run(async { test(World::on(store, Settings::default(), 1)).await });
    }
}

impl World {
    /// Removes what ended at least this long ago, and says how many that were.
    fn collect_behind_the_host(&self, older_than: Duration) -> u64 {
        let collected = self.inner.collect(self.now(), older_than);
        collected.expect("collected").attempts
    }

    async fn collect(&self, older_than: Duration) -> u64 {
        let collected = self.collect_behind_the_host(older_than);
        self.engine.forget_ended().await;
        collected
    }

    fn asks_for(&self, id: AttemptId) -> Vec<AttemptId> {
        let edges = self.dependencies(id).into_iter();
        let mut ids: Vec<AttemptId> = edges.map(|edge| edge.dependency).collect();
        ids.sort();
        ids
    }
}

#[test]
fn what_a_job_has_asked_for_stays_until_the_job_is_over() {
    on_each_store(async |world| {
        let backend = world.jobs("b");
        let [old, late, by] = ["old", "late", "by"].map(job);
        world.finished(&backend, &old, "{}").await;
        let asking = world.new_job(&backend, &by).await;
        world.halt(&asking, &[old.clone(), late.clone()]).await;
        world.clock.advance(secs(100));
        // It waits for one of the two, …
        assert_eq!(world.collect(secs(0)).await, 0);
        let mut both = [old.attempt(), late.attempt()];
        both.sort();
        assert_eq!(world.asks_for(by.attempt()), both);
        let working = world.job(&backend, late.attempt()).await;
        world.finish(&working, r#"{"late":1}"#).await;
        // … and then reads both.
        let asking = world.job(&backend, by.attempt()).await;
        world.clock.advance(secs(100));
        assert_eq!(world.collect(secs(0)).await, 0);
        let answer = world.depend(&asking, &[old, late]).await;
        assert!(!answer.expect("both are there").halted);
        world.finish(&asking, "{}").await;
        world.settle().await;
        assert_eq!(world.collect(secs(0)).await, 3);
        assert_eq!(world.asks_for(by.attempt()), []);
    });
}

#[test]
fn a_collected_attempt_leaves_no_edge_on_either_side_and_runs_again_when_it_is_asked_for() {
    on_each_store(async |world| {
        let backend = world.jobs("b");
        let [deep, middle, top] = ["deep", "middle", "top"].map(job);
        world.finished(&backend, &deep, "{}").await;
        // Each asks for the one that has ended before it.
        world.clock.advance(secs(100));
        let asking = world.new_job(&backend, &middle).await;
        let halted = world.depend(&asking, std::slice::from_ref(&deep)).await;
        assert!(!halted.expect("it has ended").halted);
        world.finish(&asking, "{}").await;
        world.clock.advance(secs(100));
        let asking = world.new_job(&backend, &top).await;
        let halted = world.depend(&asking, std::slice::from_ref(&middle)).await;
        assert!(!halted.expect("it has ended").halted);
        world.finish(&asking, "{}").await;
        world.settle().await;
        // The deep one first, then the one in the middle.
        assert_eq!(world.collect(secs(150)).await, 1);
        assert_eq!(world.asks_for(middle.attempt()), []);
        assert_eq!(world.asks_for(top.attempt()), [middle.attempt()]);
        assert_eq!(world.collect(secs(50)).await, 1);
        assert_eq!(world.asks_for(top.attempt()), []);
        // Nothing of their former life is left.
        let runs = backend.count(Method::Run);
        let ensured = world.ensure(&[middle.clone(), top.clone()]).await;
        assert_eq!(ensured, [middle.attempt(), top.attempt()]);
        let asking = world.job(&backend, middle.attempt()).await;
        assert_eq!(asking.execution.number, 1);
        world.halt(&asking, std::slice::from_ref(&deep)).await;
        let working = world.job(&backend, deep.attempt()).await;
        world.finish(&working, "{}").await;
        let asking = world.job(&backend, middle.attempt()).await;
        world.finish(&asking, "{}").await;
        assert_eq!(world.get(middle.attempt()).state, State::Finished);
        assert_eq!(backend.count(Method::Run), runs + 3);
    });
}

/// The host may still take it for existing: the request is to be made again, and nothing is lost.
#[test]
fn a_request_between_a_clean_up_and_the_news_of_it_is_not_half_done() {
    on_each_store(async |world| {
        let backend = world.jobs("b");
        let [old, new, by] = ["old", "new", "by"].map(job);
        world.finished(&backend, &old, "{}").await;
        world.clock.advance(secs(100));
        let asking = world.new_job(&backend, &by).await;
        assert_eq!(world.collect_behind_the_host(secs(50)), 1);
        let both = [old.clone(), new.clone()];
        let answer = world.depend(&asking, &both).await;
        assert!(matches!(answer, Err(CallError::NotStored(_))), "{answer:?}");
        assert_eq!(world.find(new.attempt()), None);
        assert_eq!(world.asks_for(by.attempt()), []);
        world.clock.advance(secs(1));
        world.halt(&asking, &both).await;
        for quest in both {
            let working = world.job(&backend, quest.attempt()).await;
            world.finish(&working, "{}").await;
        }
        let asking = world.job(&backend, by.attempt()).await;
        world.finish(&asking, "{}").await;
    });
}
