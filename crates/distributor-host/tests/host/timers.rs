//! Timeouts and polls at their exact moments, on a virtual clock (DC-30 … DC-35, DC-37 … DC-41).

use std::time::Duration;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::attempt::State;
use distributor_core::dm::quest::desc::meta::Retry;
use distributor_core::dm::{JsonResult, execution};
use distributor_core::{AttemptId, TaskResult, TaskState, Timestamp, Token};

use crate::support::{
    Gate, Method, Quest, Reply, ScriptedBackend, World, abnormal_end, permanent, run, secs,
    transient,
};

const MOMENT: Duration = Duration::from_micros(1);

fn done() -> TaskState {
    TaskState::Finished(TaskResult::data("{}"))
}

fn is_live(world: &World, id: AttemptId) -> bool {
    world.get(id).state == State::Executing
}

/// A job that has delivered its result: STOPPING since now.
async fn stopping(world: &World, quest: &Quest) -> AttemptId {
    let backend = world.backend("b");
    let id = world.ensure_one(quest).await;
    let token = world.activate(&backend, id).await;
    let number = world.get(id).current_execution;
    let result = JsonResult {
        object: "{}".to_owned(),
        ..Default::default()
    };
    let finished = world
        .engine
        .finish_attempt(id.execution(number), token, result);
    finished.await.expect("the running execution may finish");
    id
}

fn polls(backend: &ScriptedBackend, since: Timestamp) -> Vec<Duration> {
    let calls = backend.calls_of(Method::GetStatus);
    calls.iter().map(|call| call.at.since(since)).collect()
}

#[test]
fn dc_30_start_timeout_fires_exactly() {
    run(async {
        let world = World::new();
        world.backend("b").starts(secs(0), TaskState::Pending);
        let id = world
            .ensure_one(&Quest::speaking("b", 1).timeouts(10, 0, 0))
            .await;
        world.until_executing(id).await;
        world.advance(secs(10) - MOMENT).await;
        assert!(is_live(&world, id));
        world.advance(MOMENT).await;
        let (status, reason) = abnormal_end(&world.get(id));
        assert_eq!(status, Status::TimedOut);
        assert!(reason.contains("SCHEDULING"), "{reason}");
    });
}

#[test]
fn dc_30_run_timeout_counts_from_the_activation() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(0), TaskState::Running);
        let id = world
            .ensure_one(&Quest::speaking("b", 1).timeouts(10, 20, 0))
            .await;
        world.until_executing(id).await;
        world.advance(secs(9)).await;
        world.activate(&backend, id).await;
        world.advance(secs(20) - MOMENT).await;
        assert!(is_live(&world, id));
        world.advance(MOMENT).await;
        let (status, reason) = abnormal_end(&world.get(id));
        assert_eq!(status, Status::TimedOut);
        assert!(reason.contains("RUNNING"), "{reason}");
    });
}

#[test]
fn dc_30_zero_never_fires() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(0), TaskState::Running);
        let waiting = world.ensure_one(&Quest::speaking("b", 1)).await;
        let running = world.ensure_one(&Quest::speaking("b", 2)).await;
        let stopping = stopping(&world, &Quest::speaking("b", 3)).await;
        world.until_executing(waiting).await;
        world.activate(&backend, running).await;
        assert_eq!(world.inner.next_due().expect("due"), None);
        world.advance(secs(400 * 24 * 3600)).await;
        for id in [waiting, running, stopping] {
            assert!(is_live(&world, id));
        }
        assert_eq!(backend.count(Method::GetStatus), 0);
        assert_eq!(backend.count(Method::Cancel), 0);
    });
}

#[test]
fn dc_31_the_poll_timeout_replaces_the_stop_timeout() {
    for (poll_timeout, first) in [(10, 10), (0, 60)] {
        run(async {
            let world = World::new();
            let backend = world.backend("b");
            backend.starts(secs(poll_timeout), TaskState::Running);
            let id = stopping(&world, &Quest::speaking("b", 1).timeouts(0, 0, 60)).await;
            let since = world.now();
            backend.status.always(done());
            world.advance(secs(first) - MOMENT).await;
            assert_eq!(backend.count(Method::GetStatus), 0);
            world.advance(MOMENT).await;
            assert_eq!(polls(&backend, since), [secs(first)]);
            assert_eq!(world.get(id).state, State::Finished);
        });
    }
}

#[test]
fn dc_32_33_three_polls_thirty_seconds_apart_then_expired() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(10), TaskState::Running);
        let id = stopping(&world, &Quest::speaking("b", 1)).await;
        let since = world.now();
        for _ in 0..99 {
            world.advance(secs(1)).await;
        }
        assert_eq!(polls(&backend, since), [secs(10), secs(40), secs(70)]);
        assert!(is_live(&world, id));
        world.advance(secs(1) - MOMENT).await;
        assert!(is_live(&world, id));
        world.advance(MOMENT).await;
        let (status, reason) = abnormal_end(&world.get(id));
        assert_eq!(status, Status::Expired);
        assert!(reason.contains("STOPPING"), "{reason}");
        assert_eq!(backend.count(Method::GetStatus), 3);
    });
}

#[test]
fn dc_32_a_result_at_the_second_poll_is_used() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(10), TaskState::Running);
        backend.status.next(Reply::Now(Ok(TaskState::Running)));
        backend.status.next(Reply::Now(Ok(done())));
        let id = stopping(&world, &Quest::speaking("b", 1)).await;
        world.advance(secs(10)).await;
        world.advance(secs(30)).await;
        assert_eq!(world.get(id).state, State::Finished);
        world.advance(secs(1000)).await;
        assert_eq!(backend.count(Method::GetStatus), 2);
    });
}

#[test]
fn dc_33_expired_uses_its_own_budget() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(10), TaskState::Running);
        let retry = Retry {
            expired: 1,
            ..Default::default()
        };
        let id = stopping(&world, &Quest::speaking("b", 1).retry(retry)).await;
        for _ in 0..4 {
            world.advance(secs(30)).await;
        }
        let record = world.get(id);
        assert_eq!(record.current_execution, 2);
        assert_eq!((record.failures.expired, record.failures.timed_out), (1, 0));
        let first = world.execution(id.execution(1));
        assert_eq!(first.state, execution::State::AbnormalFinished);
    });
}

#[test]
fn dc_35_without_notifications_the_poll_timer_finds_the_end() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(12 * 3600), TaskState::Running);
        backend.status.always(done());
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        world.until_executing(id).await;
        world.advance(secs(12 * 3600) - MOMENT).await;
        assert!(is_live(&world, id));
        world.advance(MOMENT).await;
        assert_eq!(world.get(id).state, State::Finished);
        assert_eq!(backend.count(Method::GetStatus), 1);
    });
}

#[test]
fn dc_37_a_run_timeout_cancels_the_task_once() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(0), TaskState::Running);
        let id = world
            .ensure_one(&Quest::speaking("b", 1).timeouts(0, 20, 0))
            .await;
        world.activate(&backend, id).await;
        world.advance(secs(20)).await;
        world.advance(secs(10_000)).await;
        let cancels = backend.calls_of(Method::Cancel);
        assert_eq!(cancels.len(), 1);
        let token = Token(format!("task of {}", id.execution(1)));
        assert_eq!(cancels[0].token, Some(token));
        assert_eq!(abnormal_end(&world.get(id)).0, Status::TimedOut);
    });
}

#[test]
fn dc_37_a_failing_cancel_changes_no_outcome() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(0), TaskState::Running);
        backend.cancel.times(2, &|| Err(transient("busy")));
        backend.cancel.next(Reply::Now(Err(permanent("cannot"))));
        let id = world
            .ensure_one(&Quest::speaking("b", 1).timeouts(0, 20, 0))
            .await;
        world.activate(&backend, id).await;
        world.advance(secs(20)).await;
        let recorded = world.get(id).outcome;
        for _ in 0..10 {
            world.advance(secs(100)).await;
        }
        assert_eq!(backend.count(Method::Cancel), 3);
        assert_eq!(world.get(id).outcome, recorded);
        assert_eq!(abnormal_end(&world.get(id)).0, Status::TimedOut);
    });
}

#[test]
fn dc_37_a_simple_quest_that_times_out_ends_when_its_task_has() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(0), TaskState::Running);
        let id = world
            .ensure_one(&Quest::simple("b", 1).timeouts(0, 20, 0))
            .await;
        world.until_executing(id).await;
        world.advance(secs(20)).await;
        assert_eq!(backend.count(Method::Cancel), 1);
        assert!(is_live(&world, id), "the task may still run");
        backend.status.always(done());
        world.advance(secs(5)).await;
        assert_eq!(abnormal_end(&world.get(id)).0, Status::TimedOut);
    });
}

#[test]
fn dc_40_41_a_permanent_status_error_means_missing_only_after_thirty_seconds() {
    for (seconds, missing) in [(29, false), (30, false), (31, true)] {
        run(async {
            let world = World::new();
            let backend = world.backend("b");
            backend.starts(secs(seconds), TaskState::Running);
            backend
                .status
                .rule(|_| Reply::Now(Err(permanent("no such task"))));
            let id = world.ensure_one(&Quest::simple("b", 1)).await;
            world.until_executing(id).await;
            world.advance(secs(seconds)).await;
            assert_eq!(backend.count(Method::GetStatus), 1, "{seconds}");
            assert_eq!(world.get(id).is_final(), missing, "{seconds}");
            world.advance(secs(seconds)).await;
            let (status, reason) = abnormal_end(&world.get(id));
            assert_eq!(status, Status::Missing);
            assert!(reason.contains("no such task"), "{reason}");
            assert_eq!(
                backend.count(Method::GetStatus),
                if missing { 1 } else { 2 }
            );
        });
    }
}

#[test]
fn a_call_without_an_answer_is_given_up_on_the_hosts_clock() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(1000), TaskState::Running);
        let never = Gate::closed();
        backend
            .status
            .next(Reply::Behind(never, Ok(TaskState::Running)));
        backend.status.next(Reply::Now(Ok(done())));
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        world.until_executing(id).await;
        world.clock.advance(secs(1000));
        backend.called(Method::GetStatus, 1).await;
        world.clock.advance(world.settings.call_timeout);
        backend.answered(2).await;
        world.settle().await;
        world.advance(secs(1)).await;
        assert_eq!(backend.count(Method::GetStatus), 2);
        assert_eq!(world.get(id).state, State::Finished);
    });
}

#[test]
fn two_thousand_timers_fire_none_early() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let mut delay = 0;
        backend.run.rule(move |seen| {
            delay += 1;
            let answer = crate::support::started(&seen.task(), secs(delay), TaskState::Running);
            Reply::Now(Ok(answer))
        });
        backend.status.always(done());
        let quests: Vec<_> = (0..2000).map(|n| Quest::simple("b", n)).collect();
        let ids = world.ensure(&quests).await;
        world.settle().await;
        let since = world.now();
        world.advance(secs(1000)).await;
        let finished = ids.iter().filter(|id| world.get(**id).is_final()).count();
        assert_eq!(finished, 1000);
        world.advance(secs(1000)).await;
        assert!(ids.iter().all(|id| world.get(*id).state == State::Finished));
        assert!(
            polls(&backend, since)
                .iter()
                .all(|at| *at == secs(1000) || *at == secs(2000))
        );
    });
}
