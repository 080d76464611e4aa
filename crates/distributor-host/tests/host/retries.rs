//! How often a backend is called, and with what, when calls fail (DC-23 … DC-29).

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::attempt::State;
use distributor_core::dm::execution;
use distributor_core::dm::quest::desc::meta::Retry;
use distributor_core::{AttemptId, Notification, Secret, TaskResult, TaskState};
use distributor_host::driver::{CallError, RetryPolicy};
use distributor_host::{Settings, machine::Refusal};

use crate::support::{
    Gate, Method, Quest, Reply, World, abnormal_end, permanent, run, secs, started, transient,
};

const LIMIT: u32 = 4;

fn four_tries() -> World {
    World::with(Settings {
        retry: RetryPolicy {
            limit: LIMIT,
            ..Default::default()
        },
        ..Default::default()
    })
}

fn done() -> TaskState {
    TaskState::Finished(TaskResult::data("{}"))
}

/// A running task that is asked for its status every 1,000 s.
async fn running_task(world: &World) -> AttemptId {
    world.backend("b").starts(secs(1000), TaskState::Running);
    let id = world.ensure_one(&Quest::simple("b", 1)).await;
    world.until_executing(id).await;
    id
}

/// Long enough for all retries, too short for the next poll.
async fn retries(world: &World) {
    for _ in 0..LIMIT {
        world.advance(secs(2)).await;
    }
}

#[test]
fn dc_23_run_is_repeated_after_transient_errors() {
    run(async {
        let world = four_tries();
        let backend = world.backend("b");
        backend.run.times(3, &|| Err(transient("busy")));
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        retries(&world).await;
        assert_eq!(world.get(id).state, State::Finished);
        assert_eq!(backend.count(Method::Run), 4);
    });
}

#[test]
fn dc_23_run_that_always_fails_is_rejected_at_the_limit() {
    run(async {
        let world = four_tries();
        let backend = world.backend("b");
        backend
            .run
            .rule(|_| Reply::Now(Err(transient("always busy"))));
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        retries(&world).await;
        world.advance(secs(100_000)).await;
        assert_eq!(backend.count(Method::Run), 4);
        let (status, reason) = abnormal_end(&world.get(id));
        assert_eq!(status, Status::Rejected);
        assert!(reason.contains("always busy"), "{reason}");
    });
}

#[test]
fn dc_23_get_status_is_repeated_after_transient_errors() {
    run(async {
        let world = four_tries();
        let id = running_task(&world).await;
        let backend = world.backend("b");
        backend.status.times(3, &|| Err(transient("busy")));
        backend.status.next(Reply::Now(Ok(done())));
        world.advance(secs(1000)).await;
        retries(&world).await;
        assert_eq!(world.get(id).state, State::Finished);
        assert_eq!(backend.count(Method::GetStatus), 4);
    });
}

#[test]
fn dc_23_get_status_that_always_fails_counts_as_one_failed_poll() {
    run(async {
        let world = four_tries();
        let id = running_task(&world).await;
        let backend = world.backend("b");
        backend
            .status
            .rule(|_| Reply::Now(Err(transient("always busy"))));
        world.advance(secs(1000)).await;
        retries(&world).await;
        assert_eq!(backend.count(Method::GetStatus), 4);
        let execution = world.execution(id.execution(1));
        assert!(!execution.polling);
        assert_eq!(execution.state, execution::State::Running);
        let error = execution.last_error.unwrap_or_default();
        assert!(error.contains("always busy"), "{error}");
        backend.status.always(done());
        world.advance(secs(1000)).await;
        assert_eq!(
            world.get(id).state,
            State::Finished,
            "the next poll finds the end"
        );
    });
}

#[test]
fn dc_23_cancel_is_repeated_after_transient_errors() {
    run(async {
        let world = four_tries();
        let id = running_task(&world).await;
        let backend = world.backend("b");
        backend.cancel.times(3, &|| Err(transient("busy")));
        world
            .engine
            .cancel(id, "enough".to_owned())
            .await
            .expect("taken");
        world.settle().await;
        retries(&world).await;
        assert_eq!(backend.count(Method::Cancel), 4);
    });
}

#[test]
fn dc_23_cancel_that_always_fails_stops_at_the_limit() {
    run(async {
        let world = four_tries();
        let id = running_task(&world).await;
        let backend = world.backend("b");
        backend
            .cancel
            .rule(|_| Reply::Now(Err(transient("always busy"))));
        world
            .engine
            .cancel(id, "enough".to_owned())
            .await
            .expect("taken");
        world.settle().await;
        retries(&world).await;
        for _ in 0..40 {
            world.advance(secs(5)).await;
        }
        assert_eq!(backend.count(Method::Cancel), 4);
        let end = abnormal_end(&world.get(id));
        assert_eq!(end, (Status::Cancelled, "enough".to_owned()));
    });
}

#[test]
fn dc_23_handle_notification_is_repeated_after_transient_errors() {
    run(async {
        let mut world = four_tries();
        let id = running_task(&world).await;
        let backend = world.backend("b");
        backend.notification.times(3, &|| Err(transient("busy")));
        backend
            .notification
            .next(Reply::Now(Ok(Some(TaskResult::data(r#"{"a":1}"#)))));
        let mut notification = Notification::new(id.execution(1), vec![0, 0xff, b'x']);
        notification
            .attributes
            .insert("key".to_owned(), "value".to_owned());
        world.host.notify(notification.clone());
        backend.called(Method::Notification, 1).await;
        world.settle().await;
        world.advance(secs(2)).await;
        world.restart().await;
        retries(&world).await;
        let calls = backend.calls_of(Method::Notification);
        assert_eq!(calls.len(), 4);
        for call in calls {
            assert_eq!(call.notification.as_ref(), Some(&notification));
        }
        assert_eq!(world.get(id).state, State::Finished);
    });
}

#[test]
fn dc_23_handle_notification_that_always_fails_is_dropped_at_the_limit() {
    run(async {
        let world = four_tries();
        let id = running_task(&world).await;
        let backend = world.backend("b");
        backend
            .notification
            .rule(|_| Reply::Now(Err(transient("always busy"))));
        world
            .host
            .notify(Notification::new(id.execution(1), Vec::new()));
        backend.called(Method::Notification, 1).await;
        retries(&world).await;
        retries(&world).await;
        assert_eq!(backend.count(Method::Notification), 4);
        assert_eq!(world.get(id).state, State::Executing);
        backend.status.always(done());
        world.advance(secs(1000)).await;
        assert_eq!(
            world.get(id).state,
            State::Finished,
            "the timers find the result"
        );
    });
}

#[test]
fn delays_grow_are_jittered_and_never_shorter_than_asked_for() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.run.times(3, &|| Err(transient("busy")));
        backend
            .run
            .next(Reply::Now(Err(transient("later").retry_after(secs(500)))));
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        world.settle().await;
        while !world.get(id).is_final() {
            let due = world
                .inner
                .next_due()
                .expect("due")
                .expect("a retry is due");
            world.advance(due.since(world.now())).await;
        }
        let runs = backend.calls_of(Method::Run);
        let gaps: Vec<u128> = runs
            .windows(2)
            .map(|pair| pair[1].at.since(pair[0].at).as_millis())
            .collect();
        assert_eq!(gaps.len(), 4);
        for (gap, shortest) in gaps.iter().zip([200, 400, 800]) {
            assert!((shortest..shortest * 3 / 2).contains(gap), "{gaps:?}");
        }
        assert_eq!(gaps[3], 500_000);
    });
}

#[test]
fn dc_24_a_permanent_error_is_one_call() {
    run(async {
        let world = four_tries();
        let id = running_task(&world).await;
        let backend = world.backend("b");
        backend
            .cancel
            .rule(|_| Reply::Now(Err(permanent("cannot"))));
        backend
            .status
            .rule(|_| Reply::Now(Err(permanent("no such task"))));
        world.advance(secs(1000)).await;
        world.advance(secs(10_000)).await;
        assert_eq!(backend.count(Method::GetStatus), 1);
        assert_eq!(abnormal_end(&world.get(id)).0, Status::Missing);

        let other = world.ensure_one(&Quest::simple("b", 2)).await;
        world.until_executing(other).await;
        world
            .engine
            .cancel(other, "enough".to_owned())
            .await
            .expect("taken");
        world.settle().await;
        retries(&world).await;
        assert_eq!(backend.count(Method::Cancel), 1);
    });
}

#[test]
fn dc_24_26_27_a_crash_between_call_and_commit_repeats_the_call_unchanged() {
    run(async {
        let mut world = four_tries();
        let backend = world.backend("b");
        let gate = Gate::closed();
        let lost = started("task", secs(10), TaskState::Running);
        backend.run.next(Reply::Now(Err(transient("lost reply"))));
        backend
            .run
            .next(Reply::Behind(gate.clone(), Ok(lost.clone())));
        backend.run.always(lost);
        let id = world.ensure_one(&Quest::speaking("b", 1)).await;
        world.settle().await;
        world.clock.advance(secs(2));
        backend.called(Method::Run, 2).await;
        world.crash().await;
        gate.open();
        world.until_executing(id).await;

        let runs = backend.calls_of(Method::Run);
        assert_eq!(runs.len(), 3);
        assert!(
            runs.iter()
                .all(|run| run.execution == Some(id.execution(1)))
        );
        assert_eq!(
            backend.activation_tokens()[&id.execution(1)],
            1,
            "A4: one token for all tries"
        );
        assert_eq!(world.get(id).current_execution, 1);
    });
}

#[test]
fn dc_27_only_one_task_activates() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(10), TaskState::Running);
        let id = world.ensure_one(&Quest::speaking("b", 1)).await;
        world.until_executing(id).await;
        let wrong = Secret::new(vec![1; 32]);
        let stranger = world
            .engine
            .activate(id.execution(1), wrong.clone(), wrong.clone());
        let refused = stranger.await;
        assert!(
            matches!(refused, Err(CallError::Refused(Refusal::Denied(_)))),
            "{refused:?}"
        );
        let token = world.activate(&backend, id).await;
        let activation = backend.calls_of(Method::Run).remove(0).activation_token;
        let activation = Secret::new(activation);
        let second = world
            .engine
            .activate(id.execution(1), activation.clone(), wrong)
            .await;
        assert!(
            matches!(second, Err(CallError::Refused(Refusal::AlreadyActivated))),
            "{second:?}"
        );
        let again = world
            .engine
            .activate(id.execution(1), activation, token)
            .await;
        again.expect("the same task may ask again");
    });
}

#[test]
fn dc_28_permanent_run_error_is_rejected() {
    run(async {
        let world = four_tries();
        let backend = world.backend("b");
        backend
            .run
            .rule(|_| Reply::Now(Err(permanent("wrong parameters"))));
        let retry = Retry {
            failed: 9,
            crashed: 9,
            expired: 9,
            timed_out: 9,
        };
        let quest = Quest::speaking("b", 1).retry(retry).timeouts(5, 5, 5);
        let id = world.ensure_one(&quest).await;
        let record = world.until_final(id).await;
        assert_eq!(record.state, State::AbnormalFinished);
        let (status, reason) = abnormal_end(&record);
        assert_eq!(status, Status::Rejected);
        assert!(reason.contains("wrong parameters"), "{reason}");
        let execution = world.execution(id.execution(1));
        assert_eq!(execution.state, execution::State::AbnormalFinished);
        assert_eq!(execution.outcome, record.outcome);
        assert_eq!(record.wake_at(), None);
        world.advance(secs(100_000)).await;
        assert_eq!(backend.count(Method::Run), 1);
    });
}

#[test]
fn dc_29_t49_transient_run_error_leaves_the_attempt_scheduling() {
    run(async {
        let world = four_tries();
        let backend = world.backend("b");
        backend.run.next(Reply::Now(Err(transient("busy"))));
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        world.settle().await;
        let record = world.get(id);
        assert_eq!(record.state, State::Scheduling);
        assert_eq!(record.current_execution, 0);
        assert_eq!(record.execution, None);
        assert_eq!(world.inner.executions(id, 9).expect("executions"), []);
        world.advance(secs(2)).await;
        assert_eq!(world.get(id).current_execution, 1);
        assert_eq!(world.get(id).state, State::Finished);
    });
}

#[test]
fn a_panic_of_a_backend_is_a_transient_error() {
    run(async {
        let world = four_tries();
        let backend = world.backend("b");
        backend.run.next(Reply::Panic);
        backend.starts(secs(1000), TaskState::Running);
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        world.settle().await;
        world.advance(secs(2)).await;
        assert_eq!(world.get(id).state, State::Executing);
        backend.notification.next(Reply::Panic);
        world
            .host
            .notify(Notification::new(id.execution(1), Vec::new()));
        backend.called(Method::Notification, 1).await;
        world.settle().await;
        world.advance(secs(2)).await;
        backend
            .status
            .next(Reply::Panic)
            .next(Reply::Now(Ok(done())));
        world.advance(secs(1000)).await;
        world.advance(secs(2)).await;
        assert_eq!(world.get(id).state, State::Finished);
    });
}

#[test]
fn a_backend_that_always_panics_is_rejected_in_the_end() {
    run(async {
        let world = four_tries();
        let backend = world.backend("b");
        backend.run.rule(|_| Reply::Panic);
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        world.settle().await;
        retries(&world).await;
        let (status, reason) = abnormal_end(&world.get(id));
        assert_eq!(status, Status::Rejected);
        assert!(reason.contains("panicked"), "{reason}");
        assert_eq!(backend.count(Method::Run), 4);
    });
}
