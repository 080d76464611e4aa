//! Many calls and slow backends: what does not fit waits in the store, and nothing is forgotten.

use distributor_core::dm::attempt::State;
use distributor_core::{AttemptId, Notification, TaskResult, TaskState};
use distributor_host::Settings;
use distributor_store::records::AttemptRecord;

use crate::support::{Gate, Method, Quest, Reply, World, run, secs, started, transient};

const MANY: usize = 3000;

fn done() -> TaskState {
    TaskState::Finished(TaskResult::data("{}"))
}

fn few_calls() -> World {
    World::with(Settings {
        calls_at_once: 16,
        ..Default::default()
    })
}

async fn many_running(world: &World) -> Vec<AttemptId> {
    let backend = world.backend("b");
    backend.starts(secs(1000), TaskState::Running);
    let quests: Vec<_> = (0..MANY).map(|n| Quest::simple("b", n)).collect();
    let ids = world.ensure(&quests).await;
    world.settle().await;
    ids
}

#[test]
fn thousands_of_polls_keep_to_the_limit_and_are_all_done_once() {
    run(async {
        let world = few_calls();
        let ids = many_running(&world).await;
        let backend = world.backend("b");
        let gate = Gate::closed();
        let behind = gate.clone();
        backend
            .status
            .rule(move |_| Reply::Behind(behind.clone(), Ok(done())));
        world.clock.advance(secs(1000));
        backend.called(Method::GetStatus, 16).await;
        world.engine.flush().await;
        assert_eq!(backend.count(Method::GetStatus), 16);
        gate.open();
        for id in &ids {
            world.until_final(*id).await;
        }
        assert_eq!(backend.count(Method::GetStatus), MANY);
        assert_eq!(backend.most_under_way(Method::GetStatus), 16);
    });
}

#[test]
fn thousands_of_cancels_keep_to_the_limit_and_are_all_done_once() {
    run(async {
        let world = few_calls();
        let ids = many_running(&world).await;
        let backend = world.backend("b");
        let gate = Gate::closed();
        let behind = gate.clone();
        backend
            .cancel
            .rule(move |_| Reply::Behind(behind.clone(), Ok(())));
        for id in &ids {
            world
                .engine
                .cancel(*id, String::new())
                .await
                .expect("taken");
        }
        assert_eq!(backend.count(Method::Cancel), 16);
        gate.open();
        backend.called(Method::Cancel, MANY).await;
        world.settle().await;
        assert_eq!(backend.count(Method::Cancel), MANY);
        assert_eq!(backend.most_under_way(Method::Cancel), 16);
        backend.status.always(done());
        world.advance(secs(5)).await;
        assert!(ids.iter().all(|id| world.get(*id).is_final()));
    });
}

#[test]
fn what_waits_for_a_call_survives_a_crash() {
    run(async {
        let mut world = few_calls();
        let ids = many_running(&world).await;
        let backend = world.backend("b");
        let gate = Gate::closed();
        let behind = gate.clone();
        backend
            .cancel
            .rule(move |_| Reply::Behind(behind.clone(), Ok(())));
        for id in &ids {
            world
                .engine
                .cancel(*id, String::new())
                .await
                .expect("taken");
        }
        world.crash().await;
        gate.open();
        world.settle().await;
        let told: std::collections::HashSet<_> = backend
            .calls_of(Method::Cancel)
            .into_iter()
            .filter_map(|call| call.token)
            .collect();
        assert_eq!(told.len(), MANY);
    });
}

#[test]
fn delayed_calls_without_room_do_not_keep_the_host_spinning() {
    run(async {
        let world = World::with(Settings {
            calls_at_once: 1,
            ..Default::default()
        });
        let backend = world.backend("b");
        backend.starts(secs(1000), TaskState::Running);
        let quests = [Quest::simple("b", 1), Quest::simple("b", 2)];
        let ids = world.ensure(&quests).await;
        world.settle().await;
        backend.cancel.next(Reply::Now(Err(transient("busy"))));
        world
            .engine
            .cancel(ids[0], String::new())
            .await
            .expect("taken");
        world.settle().await;
        let gate = Gate::closed();
        backend.cancel.next(Reply::Behind(gate.clone(), Ok(())));
        world
            .engine
            .cancel(ids[1], String::new())
            .await
            .expect("taken");
        backend.called(Method::Cancel, 2).await;
        // The retry is due now, and there is no room for it.
        world.clock.advance(secs(1));
        let reads = || world.store.reads("due_journal");
        for _ in 0..20 {
            world.engine.flush().await;
            tokio::task::yield_now().await;
        }
        let before = reads();
        for _ in 0..200 {
            world.engine.flush().await;
            tokio::task::yield_now().await;
        }
        assert!(reads() - before <= 5, "{} reads", reads() - before);
        gate.open();
        backend.called(Method::Cancel, 3).await;
        world.settle().await;
    });
}

#[test]
fn many_delayed_calls_are_all_repeated() {
    run(async {
        let world = few_calls();
        let ids = many_running(&world).await;
        let backend = world.backend("b");
        backend.cancel.times(MANY, &|| Err(transient("busy")));
        for id in &ids {
            world
                .engine
                .cancel(*id, String::new())
                .await
                .expect("taken");
        }
        world.settle().await;
        assert_eq!(backend.count(Method::Cancel), MANY);
        world.advance(secs(1)).await;
        assert_eq!(backend.count(Method::Cancel), 2 * MANY);
        assert!(backend.most_under_way(Method::Cancel) <= 16);
    });
}

/// Rows that ask for nothing any more take no room from the others.
#[test]
fn delayed_calls_that_are_not_owed_any_more_do_not_stop_the_others() {
    run(async {
        let world = World::with(Settings {
            calls_at_once: 2,
            ..Default::default()
        });
        let backend = world.backend("b");
        let quests = |name: &str| [0, 1, 2, 3, 4].map(|n| Quest::simple("b", format!("{name}{n}")));
        backend.starts(secs(1000), TaskState::Running);
        let stale = world.ensure(&quests("stale")).await;
        world.settle().await;
        backend.starts(secs(0), TaskState::Running);
        let cancelled = world.ensure(&quests("cancelled")).await;
        world.settle().await;
        // Queries are delayed, and then the tasks end without them.
        backend
            .status
            .rule(|_| Reply::Now(Err(transient("later").retry_after(secs(5)))));
        world.advance(secs(1000)).await;
        backend.notification.always(Some(TaskResult::data("{}")));
        for id in stale {
            world
                .host
                .notify(Notification::new(id.execution(1), Vec::new()));
            world.until_final(id).await;
        }
        backend.status.always(TaskState::Running);
        let gate = Gate::closed();
        let behind = gate.clone();
        backend
            .cancel
            .rule(move |_| Reply::Behind(behind.clone(), Ok(())));
        for id in &cancelled {
            let answer = world.engine.cancel(*id, String::new()).await;
            answer.expect("taken");
        }
        backend.called(Method::Cancel, 2).await;
        world.clock.advance(secs(5));
        for _ in 0..20 {
            world.engine.flush().await;
            tokio::task::yield_now().await;
        }
        gate.open();
        backend.called(Method::Cancel, 5).await;
        world.settle().await;
        assert!(backend.most_under_way(Method::Cancel) <= 2);
    });
}

#[test]
fn blocked_backends_do_not_hold_up_dependents() {
    run(async {
        let world = World::with(Settings {
            calls_at_once: 1,
            ..Default::default()
        });
        world.backend("quick");
        let blocked = world.backend("blocked");
        blocked.starts(secs(10), TaskState::Running);
        blocked
            .status
            .rule(|_| Reply::Behind(Gate::closed(), Ok(TaskState::Running)));
        let hostage = world.ensure_one(&Quest::simple("blocked", 1)).await;
        world.until_executing(hostage).await;
        world.clock.advance(secs(10));
        blocked.called(Method::GetStatus, 1).await;

        let gate = Gate::closed();
        let answer = started("t", secs(0), done());
        world
            .backend("quick")
            .run
            .next(Reply::Behind(gate.clone(), Ok(answer)));
        let need = Quest::simple("quick", "need");
        let mut all = vec![need.clone()];
        let needs = [need.attempt()];
        all.extend((0..200).map(|n| Quest::simple("quick", n).needs(&needs)));
        let ids = world.ensure(&all).await;
        gate.open();
        for id in ids {
            world.until_final(id).await;
        }
    });
}

#[test]
fn a_small_cache_changes_nothing() {
    run(async {
        let settings = Settings {
            cached: 1,
            batch: 3,
            calls_at_once: 2,
            ..Default::default()
        };
        let world = World::with(settings);
        let backend = world.backend("b");
        backend.starts(secs(10), TaskState::Running);
        backend.status.always(done());
        let quests: Vec<_> = (0..100).map(|n| Quest::simple("b", n)).collect();
        let ids = world.ensure(&quests).await;
        world.settle().await;
        world.advance(secs(10)).await;
        let finished = |record: &AttemptRecord| record.state == State::Finished;
        assert!(ids.iter().all(|id| finished(&world.get(*id))));
        assert_eq!(backend.count(Method::Run), 100);
        assert_eq!(backend.count(Method::GetStatus), 100);
    });
}

#[test]
fn a_stopped_host_says_so() {
    run(async {
        let world = World::new();
        world.backend("b");
        let mut changes = world.engine.watch();
        world.engine.stop().await;
        let answer = world
            .engine
            .ensure(vec![Quest::simple("b", 1).ensure()])
            .await;
        assert!(
            matches!(answer, Err(distributor_host::driver::CallError::Stopped)),
            "{answer:?}"
        );
        world.engine.flush().await;
        assert!(
            changes.recv().await.is_err(),
            "watchers learn that nothing will follow"
        );
        assert!(world.engine.watch().recv().await.is_err());
    });
}
