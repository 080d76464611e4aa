//! A client ends an attempt, in each of its states.

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::attempt::State;
use distributor_core::dm::quest::desc::meta::Retry;
use distributor_core::{AttemptId, Error, ErrorKind, TaskResult, TaskState, Token};
use distributor_host::driver::CallError;
use distributor_host::machine::ENDING_PATIENCE;

use crate::support::{
    Gate, Method, Quest, Reply, World, abnormal_end, run, secs, started, transient,
};

async fn cancel(world: &World, id: AttemptId) {
    let answer = world.engine.cancel(id, "not wanted".to_owned()).await;
    answer.expect("the wish is taken");
}

fn cancelled() -> (Status, String) {
    (Status::Cancelled, "not wanted".to_owned())
}

#[test]
fn an_attempt_that_waits_for_another_ends_at_once() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(1000), TaskState::Running);
        let need = Quest::simple("b", "need");
        let quest = Quest::simple("b", "dependent").needs(&[need.attempt()]);
        let ids = world.ensure(&[need, quest]).await;
        cancel(&world, ids[1]).await;
        assert_eq!(abnormal_end(&world.get(ids[1])), cancelled());
        world.settle().await;
        assert_eq!(backend.count(Method::Run), 1);
        backend
            .status
            .always(TaskState::Finished(TaskResult::data("{}")));
        world.advance(secs(1000)).await;
        assert_eq!(world.get(ids[0]).state, State::Finished);
        assert_eq!(abnormal_end(&world.get(ids[1])), cancelled());
    });
}

#[test]
fn an_attempt_that_waits_for_room_ends_at_once() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.set_capacity(1);
        backend.starts(secs(1000), TaskState::Running);
        let quests: Vec<_> = (0..3).map(|n| Quest::simple("b", n)).collect();
        let ids = world.ensure(&quests).await;
        world.until_executing(ids[0]).await;
        cancel(&world, ids[1]).await;
        assert_eq!(abnormal_end(&world.get(ids[1])), cancelled());
        backend
            .status
            .always(TaskState::Finished(TaskResult::data("{}")));
        world.advance(secs(1000)).await;
        world.advance(secs(1000)).await;
        assert_eq!(
            world.get(ids[2]).state,
            State::Finished,
            "the one behind it starts"
        );
        assert_eq!(backend.count(Method::Run), 2);
    });
}

#[test]
fn a_run_in_flight_is_abandoned_and_its_late_task_cancelled() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let answer = started("late", secs(1000), TaskState::Running);
        backend.run.next(Reply::OnceAbandoned(Ok(answer)));
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        backend.called(Method::Run, 1).await;
        cancel(&world, id).await;
        backend.called(Method::Cancel, 1).await;
        world.settle().await;
        // Its task may still run: until it is over, or two minutes have gone by, so does the attempt.
        assert_eq!(world.get(id).state, State::Executing);
        let cancels = backend.calls_of(Method::Cancel);
        assert_eq!(cancels.len(), 1);
        assert_eq!(cancels[0].token, Some(Token("late".to_owned())));
        assert_eq!(world.get(id).prepared, None);
        world.advance(ENDING_PATIENCE).await;
        assert_eq!(abnormal_end(&world.get(id)), cancelled());
    });
}

#[test]
fn a_run_that_was_called_off_in_time_needs_no_cancel() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let off = Error::new(ErrorKind::Cancelled, "nothing was started");
        backend.run.next(Reply::OnceAbandoned(Err(off)));
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        backend.called(Method::Run, 1).await;
        cancel(&world, id).await;
        world.settle().await;
        assert_eq!(backend.count(Method::Run), 1);
        assert_eq!(backend.count(Method::Cancel), 0);
        assert_eq!(abnormal_end(&world.get(id)), cancelled());
    });
}

/// The task exists although its `run` failed: somebody must find it and end it.
#[test]
fn a_lost_reply_of_an_abandoned_run_is_asked_for_again() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend
            .run
            .next(Reply::OnceAbandoned(Err(transient("lost reply"))));
        backend
            .run
            .next(Reply::OnceAbandoned(Err(transient("busy").not_applied())));
        let found = started("found", secs(1000), TaskState::Running);
        backend.run.next(Reply::OnceAbandoned(Ok(found)));
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        backend.called(Method::Run, 1).await;
        cancel(&world, id).await;
        world.settle().await;
        for _ in 0..5 {
            world.advance(secs(2)).await;
        }
        let cancels = backend.calls_of(Method::Cancel);
        assert_eq!(cancels.len(), 1);
        assert_eq!(cancels[0].token, Some(Token("found".to_owned())));
        // In small steps: a host that oversleeps begins to wait anew.
        for _ in 0..30 {
            world.advance(secs(4)).await;
        }
        assert_eq!(abnormal_end(&world.get(id)), cancelled());
    });
}

#[test]
fn an_abandoned_run_that_certainly_did_not_happen_is_not_repeated() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend
            .run
            .next(Reply::OnceAbandoned(Err(transient("busy").not_applied())));
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        backend.called(Method::Run, 1).await;
        cancel(&world, id).await;
        world.settle().await;
        world.advance(secs(100)).await;
        assert_eq!(backend.count(Method::Run), 1);
        assert_eq!(world.get(id).prepared, None);
    });
}

#[test]
fn a_run_in_flight_is_found_again_after_a_crash() {
    run(async {
        let mut world = World::new();
        let backend = world.backend("b");
        backend
            .run
            .next(Reply::Behind(Gate::closed(), Err(transient("never"))));
        let answer = started("found", secs(1000), TaskState::Running);
        backend.run.next(Reply::OnceAbandoned(Ok(answer)));
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        backend.called(Method::Run, 1).await;
        cancel(&world, id).await;
        world.crash().await;
        backend.called(Method::Cancel, 1).await;
        world.settle().await;
        assert_eq!(backend.activation_tokens()[&id.execution(1)], 1);
        world.advance(ENDING_PATIENCE).await;
        assert_eq!(abnormal_end(&world.get(id)), cancelled());
    });
}

#[test]
fn a_running_task_is_told_and_the_attempt_ends_when_it_has() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(1000), TaskState::Running);
        let retry = Retry {
            failed: 9,
            ..Default::default()
        };
        let id = world.ensure_one(&Quest::simple("b", 1).retry(retry)).await;
        world.until_executing(id).await;
        cancel(&world, id).await;
        cancel(&world, id).await;
        world.settle().await;
        assert_eq!(world.get(id).state, State::Executing);
        let end = TaskResult::abnormal(Status::Failed, "killed");
        backend.status.always(TaskState::Finished(end));
        world.advance(secs(5)).await;
        assert_eq!(abnormal_end(&world.get(id)), cancelled());
        assert_eq!(backend.count(Method::Cancel), 1);
        assert_eq!(backend.count(Method::Run), 1);
    });
}

#[test]
fn a_task_that_does_not_stop_is_not_waited_for_for_ever() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(1000), TaskState::Running);
        let id = world.ensure_one(&Quest::speaking("b", 1)).await;
        world.until_executing(id).await;
        cancel(&world, id).await;
        for _ in 0..23 {
            world.advance(secs(5)).await;
        }
        assert!(!world.get(id).is_final());
        world.advance(secs(5)).await;
        assert_eq!(abnormal_end(&world.get(id)), cancelled());
    });
}

#[test]
fn a_final_attempt_stays_as_it_is() {
    run(async {
        let world = World::new();
        world.backend("b");
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        let before = world.until_final(id).await;
        cancel(&world, id).await;
        let after = world.get(id);
        assert_eq!((after.state, after.outcome), (before.state, before.outcome));
        assert_eq!(world.backend("b").count(Method::Cancel), 0);
    });
}

#[test]
fn an_unknown_attempt_is_not_found() {
    run(async {
        let world = World::new();
        let id = Quest::simple("b", "unknown").attempt();
        let answer = world.engine.cancel(id, String::new()).await;
        assert!(matches!(answer, Err(CallError::NotFound(found)) if found == id));
        assert_eq!(world.store.commits(), 0);
    });
}

#[test]
fn dependents_learn_of_the_cancellation() {
    run(async {
        let world = World::new();
        world.backend("b").set_capacity(0);
        let need = Quest::simple("b", "need");
        let quest = Quest::simple("b", "dependent").needs(&[need.attempt()]);
        let ids = world.ensure(&[need, quest]).await;
        cancel(&world, ids[0]).await;
        let (status, reason) = abnormal_end(&world.until_final(ids[1]).await);
        assert_eq!(status, Status::Cancelled);
        assert!(reason.contains(&ids[0].to_string()), "{reason}");
        assert!(reason.contains("not wanted"), "{reason}");
    });
}
