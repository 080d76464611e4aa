//! The store fails: clients are told, nothing is half done, and the host goes on by itself.

use distributor_core::dm::attempt::State;
use distributor_core::{TaskResult, TaskState};
use distributor_host::Settings;
use distributor_host::driver::CallError;
use distributor_store::StateCounts;

use crate::support::{
    CommitFault, Gate, Method, Quest, Reply, World, ensure_all, run, secs, started,
};

fn done() -> TaskState {
    TaskState::Finished(TaskResult::data("{}"))
}

#[test]
fn a_client_is_told_that_nothing_was_stored() {
    run(async {
        let world = World::new();
        world.backend("b");
        let quest = Quest::simple("b", 1);
        world.store.fail_next_commit(CommitFault::Lost);
        let answer = world.engine.ensure(vec![quest.ensure()]).await;
        assert!(matches!(answer, Err(CallError::NotStored(_))), "{answer:?}");
        assert_eq!(
            world.inner.counts().expect("counts"),
            StateCounts::default()
        );
        world.clock.advance(secs(1));
        // The description was not stored with the failed batch: it must come with this one.
        let mut tries = 0;
        let id = loop {
            tries += 1;
            assert!(tries < 5, "it never recovers");
            match world.engine.ensure(vec![quest.ensure()]).await {
                Ok(ensured) => break ensured[0].id,
                Err(CallError::NotStored(_)) => world.clock.advance(secs(1)),
                Err(other) => panic!("{other}"),
            }
        };
        world.until_final(id).await;
    });
}

#[test]
fn a_failed_read_is_no_stopped_host() {
    for method in ["quests", "attempts"] {
        run(async {
            let world = World::new();
            world.backend("b");
            world.store.fail_reads(method, 1);
            let quest = Quest::simple("b", 1);
            let answer = world.engine.ensure(vec![quest.ensure()]).await;
            assert!(
                matches!(answer, Err(CallError::NotStored(_))),
                "{method}: {answer:?}"
            );
        });
    }
}

#[test]
fn every_client_of_a_failed_batch_is_told() {
    run(async {
        let world = World::new();
        world.backend("b");
        let one = world.ensure_one(&Quest::simple("b", 1)).await;
        world.until_final(one).await;
        world.store.fail_reads("quests", 1);
        let unknown = Quest::simple("b", 2);
        let (ensured, cancelled, again) = tokio::join!(
            world.engine.ensure(vec![unknown.ensure()]),
            world.engine.cancel(one, String::new()),
            world.engine.ensure(vec![Quest::simple("b", 3).ensure()]),
        );
        assert!(
            matches!(ensured, Err(CallError::NotStored(_))),
            "{ensured:?}"
        );
        let told = |stopped: bool| assert!(!stopped, "the host has not stopped");
        told(matches!(cancelled, Err(CallError::Stopped)));
        told(matches!(again, Err(CallError::Stopped)));
    });
}

#[test]
fn calls_whose_rows_could_not_be_read_are_made_later() {
    run(async {
        let world = World::with(Settings {
            cached: 1,
            ..Default::default()
        });
        let backend = world.backend("b");
        // More than the cache holds, so that handing out the calls has to read.
        let quests: Vec<_> = (0..20).map(|n| Quest::simple("b", n)).collect();
        backend.starts(secs(10), TaskState::Running);
        backend.status.always(done());
        let gate = Gate::closed();
        backend.run.next(Reply::Behind(
            gate.clone(),
            Ok(started("t", secs(10), done())),
        ));
        // The reads of the beginning are over; the third from here is the one of the hand-out.
        world.settle().await;
        world.store.fail_read_after(2);
        let _answered = world.engine.ensure(ensure_all(&quests)).await;
        world.store.failed(1).await;
        gate.open();
        while !quests.iter().all(|quest| {
            let record = world.find(quest.attempt());
            record.is_some_and(|record| record.state == State::Finished)
        }) {
            let _answered = world.engine.ensure(ensure_all(&quests)).await;
            world.clock.advance(secs(1));
            world.engine.flush().await;
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_failed_commit_makes_no_room_that_is_not_there() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.set_capacity(1);
        let gate = Gate::closed();
        backend
            .run
            .rule(|seen| Reply::Now(Ok(started(&seen.task(), secs(1000), TaskState::Running))));
        backend.status.next(Reply::Behind(gate.clone(), Ok(done())));
        backend.status.rule(|_| Reply::Now(Ok(TaskState::Running)));
        let first = world.ensure_one(&Quest::simple("b", 1)).await;
        world.until_executing(first).await;
        let second = world.ensure_one(&Quest::simple("b", 2)).await;
        world.settle().await;
        world.clock.advance(secs(1000));
        backend.called(Method::GetStatus, 1).await;
        // The end of the first one is lost with its batch.
        world.store.fail_next_commit(CommitFault::Lost);
        gate.open();
        world.store.failed(1).await;
        for n in 3..10 {
            let _answered = world
                .engine
                .ensure(vec![Quest::simple("b", n).ensure()])
                .await;
        }
        world.clock.advance(secs(1));
        world.settle().await;
        assert_eq!(
            world.get(first).state,
            State::Executing,
            "it is asked again, and runs"
        );
        assert_eq!(world.get(second).state, State::Scheduling);
        assert_eq!(backend.count(Method::Run), 1, "one at a time");
    });
}

#[test]
fn a_store_that_fails_for_long_is_not_hammered_and_recovers() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(10), TaskState::Running);
        backend.status.always(done());
        let quests: Vec<_> = (0..20).map(|n| Quest::simple("b", n)).collect();
        let ids = world.ensure(&quests).await;
        world.settle().await;
        world.store.die_now();
        world.clock.advance(secs(10));
        world.store.failed(1).await;
        for seconds in 1..=20 {
            for _ in 0..20 {
                world.engine.flush().await;
                tokio::task::yield_now().await;
            }
            let failures = world.store.failures();
            assert!(
                failures <= 3 * seconds,
                "{failures} failures in {seconds} s"
            );
            world.clock.advance(secs(1));
        }
        assert!(backend.count(Method::GetStatus) <= 21 * ids.len());
        world.store.heal();
        world.clock.advance(secs(1));
        for id in ids {
            world.until_final(id).await;
        }
        assert_eq!(backend.count(Method::Run), 20);
    });
}
