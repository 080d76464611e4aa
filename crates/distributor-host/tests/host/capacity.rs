//! Room at backends: how many run, how many wait, and in which order.

use distributor_core::dm::attempt::State;
use distributor_core::{TaskResult, TaskState};
use distributor_host::Settings;
use distributor_host::machine::ENDING_PATIENCE;

use crate::support::{Gate, Method, Quest, Reply, World, run, secs, started};

fn quests(config: &str, count: usize) -> Vec<Quest> {
    (0..count).map(|n| Quest::simple(config, n)).collect()
}

fn done() -> TaskState {
    TaskState::Finished(TaskResult::data("{}"))
}

#[test]
fn ten_thousand_quests_never_use_more_than_the_capacity_and_start_in_order() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.set_capacity(3);
        let mut ids = Vec::new();
        for chunk in quests("b", 10_000).chunks(1000) {
            ids.extend(world.ensure(chunk).await);
        }
        for id in &ids {
            world.until_final(*id).await;
        }
        assert!(backend.most_open() <= 3, "{}", backend.most_open());
        let counts = world.inner.counts().expect("counts");
        assert_eq!(counts.finished, 10_000);
        // Three calls at once may overtake each other, but not more.
        let runs = backend.calls_of(Method::Run);
        assert_eq!(runs.len(), ids.len());
        let place: std::collections::HashMap<_, _> = ids
            .iter()
            .enumerate()
            .map(|(place, id)| (*id, place))
            .collect();
        for (at, run) in runs.iter().enumerate() {
            let id = run.execution.expect("an execution").attempt;
            assert!(
                place[&id].abs_diff(at) < 3,
                "{} started as number {at}",
                place[&id]
            );
        }
    });
}

#[test]
fn what_waits_is_in_the_store_and_survives() {
    run(async {
        let mut world = World::new();
        let backend = world.backend("b");
        backend.set_capacity(2);
        backend.starts(secs(1000), TaskState::Running);
        let ids = world.ensure(&quests("b", 10)).await;
        world.until_executing(ids[1]).await;
        world.settle().await;
        assert_eq!(world.inner.ready("b", 100).expect("ready"), ids[2..]);
        world.crash().await;
        world.settle().await;
        assert_eq!(backend.count(Method::Run), 2, "still no room");
        backend.status.always(done());
        for _ in 0..5 {
            world.advance(secs(1000)).await;
        }
        for id in ids {
            assert_eq!(world.get(id).state, State::Finished);
        }
        assert_eq!(backend.most_open(), 2);
    });
}

#[test]
fn retries_queue_behind_those_who_wait() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.set_capacity(1);
        let failed =
            TaskResult::abnormal(distributor_core::dm::abnormal_finish::Status::Failed, "");
        let first = started("t", secs(0), TaskState::Finished(failed));
        backend.run.next(Reply::Now(Ok(first)));
        let retry = distributor_core::dm::quest::desc::meta::Retry {
            failed: 1,
            ..Default::default()
        };
        let quests: Vec<_> = quests("b", 3)
            .into_iter()
            .map(|it| it.retry(retry))
            .collect();
        let ids = world.ensure(&quests).await;
        for id in &ids {
            world.until_final(*id).await;
        }
        let runs = backend.calls_of(Method::Run);
        let order: Vec<_> = runs.iter().filter_map(|run| run.execution).collect();
        let first = |at: usize| ids[at].execution(1);
        assert_eq!(order, [first(0), first(1), first(2), ids[0].execution(2)]);
    });
}

#[test]
fn starts_at_once_bounds_the_calls_of_run() {
    run(async {
        let world = World::with(Settings {
            starts_at_once: 5,
            ..Default::default()
        });
        let backend = world.backend("b");
        let gate = Gate::closed();
        let behind = gate.clone();
        backend.run.rule(move |seen| {
            Reply::Behind(behind.clone(), Ok(started(&seen.task(), secs(0), done())))
        });
        let ids = world.ensure(&quests("b", 100)).await;
        backend.called(Method::Run, 5).await;
        world.engine.flush().await;
        assert_eq!(backend.count(Method::Run), 5);
        gate.let_through(1);
        backend.called(Method::Run, 6).await;
        gate.open();
        for id in ids {
            world.until_final(id).await;
        }
        assert_eq!(backend.most_under_way(Method::Run), 5);
    });
}

#[test]
fn dc_57_a_backend_may_take_its_time_in_run_while_others_go_on() {
    run(async {
        let world = World::new();
        let slow = world.backend("slow");
        world.backend("quick");
        let gate = Gate::closed();
        let answer = started("t", secs(0), done());
        slow.run.next(Reply::Behind(gate.clone(), Ok(answer)));
        let waiting = world.ensure_one(&Quest::simple("slow", 1)).await;
        slow.called(Method::Run, 1).await;
        for id in world.ensure(&quests("quick", 50)).await {
            world.until_final(id).await;
        }
        assert_eq!(world.get(waiting).state, State::Scheduling);
        gate.open();
        world.until_final(waiting).await;
    });
}

#[test]
fn room_grows_with_the_configuration() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.set_capacity(1);
        backend.starts(secs(1000), TaskState::Running);
        let ids = world.ensure(&quests("b", 4)).await;
        world.until_executing(ids[0]).await;
        backend.set_capacity(3);
        let other = world.ensure_one(&Quest::simple("b", "late")).await;
        world.until_executing(ids[2]).await;
        world.settle().await;
        assert_eq!(backend.count(Method::Run), 3);
        assert_eq!(world.get(other).state, State::Scheduling);
        backend.set_capacity(0);
        backend.status.always(done());
        world.advance(secs(1000)).await;
        assert_eq!(backend.count(Method::Run), 3, "the rest waits");
    });
}

#[test]
fn an_abandoned_run_keeps_its_room_until_it_has_answered() {
    run(async {
        let mut world = World::new();
        let backend = world.backend("b");
        backend.set_capacity(1);
        let gate = Gate::closed();
        let late = started("late", secs(1000), TaskState::Running);
        backend
            .run
            .next(Reply::Behind(gate.clone(), Ok(late.clone())));
        let ids = world.ensure(&quests("b", 3)).await;
        backend.called(Method::Run, 1).await;
        world
            .engine
            .cancel(ids[0], String::new())
            .await
            .expect("taken");
        world.engine.flush().await;
        assert_eq!(backend.count(Method::Run), 1);
        // The new process calls it again; its answer must not make room that is not there.
        let again = Gate::closed();
        let (behind, abandoned) = (again.clone(), ids[0]);
        backend.run.rule(move |seen| {
            let answer = Ok(started(&seen.task(), secs(1000), TaskState::Running));
            match seen.execution {
                Some(id) if id.attempt == abandoned => Reply::Now(answer),
                _ => Reply::Behind(behind.clone(), answer),
            }
        });
        world.crash().await;
        backend.called(Method::Cancel, 1).await;
        world.engine.flush().await;
        again.open();
        world.settle().await;
        let next = world.get(ids[1]);
        assert_eq!(next.state, State::Scheduling, "its task is not over yet");
        world.advance(ENDING_PATIENCE).await;
        world.settle().await;
        assert_eq!(world.get(ids[1]).state, State::Executing);
        assert_eq!(
            world.get(ids[2]).state,
            State::Scheduling,
            "only one may run"
        );
    });
}

#[test]
fn a_backend_that_panics_when_asked_for_its_capacity_is_rejected() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        *backend.bad_capacity.lock().expect("capacity") = true;
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        let record = world.until_final(id).await;
        let (_, reason) = crate::support::abnormal_end(&record);
        assert!(reason.contains("panicked"), "{reason}");
        world.backend("other");
        let id = world.ensure_one(&Quest::simple("other", 1)).await;
        world.until_final(id).await;
    });
}
