//! `Cancel`.

use distributor_api::{Caller, Code, Status};
use distributor_core::dm::abnormal_finish;
use distributor_core::{AttemptId, ExecutionId, dm};
use distributor_proto::control::{CancelRequest, CancelResponse};
use distributor_store::records::{AttemptRecord, Outcome};

use super::support::{Backend, Quest, World, id, run, secs};

async fn cancel(
    world: &World,
    attempts: &[AttemptId],
    executions: &[ExecutionId],
    reason: &str,
) -> Result<CancelResponse, Status> {
    let request = CancelRequest {
        attempts: attempts.iter().map(|id| (*id).into()).collect(),
        executions: executions.iter().map(|id| (*id).into()).collect(),
        reason: reason.to_owned(),
    };
    world.api.cancel(&World::writer(), request).await
}

fn reason(record: &AttemptRecord) -> (abnormal_finish::Status, &str) {
    match &record.outcome {
        Some(Outcome::Abnormal(finish)) => (finish.status(), &finish.reason),
        other => panic!("not an abnormal end: {other:?}"),
    }
}

#[test]
fn a_running_task_is_told_to_stop_and_its_attempt_ends_cancelled() {
    run(async {
        let world = World::new();
        world.backend("farm", Backend::running());
        let attempt = world.ensure(&Quest::simple("farm", 1)).await;
        world.until_executing(attempt).await;
        let answer = cancel(&world, &[attempt], &[], "").await.unwrap();
        assert!(answer.not_found.is_empty());
        // The wish is durable once it is answered.
        let record = world.get(attempt).unwrap();
        assert!(record.execution.unwrap().ending.is_some());
        world.clock.advance(secs(5));
        let record = world.until_final(attempt).await;
        let expected = (abnormal_finish::Status::Cancelled, "cancelled by wendy");
        assert_eq!(reason(&record), expected);
    });
}

#[test]
fn the_reason_of_the_request_is_kept() {
    run(async {
        let world = World::new();
        world.backend("farm", Backend::running().with_capacity(1));
        let first = world.ensure(&Quest::simple("farm", 1)).await;
        world.until_executing(first).await;
        let second = world.ensure(&Quest::simple("farm", 2)).await;
        cancel(&world, &[second], &[], "too expensive")
            .await
            .unwrap();
        let record = world.until_final(second).await;
        let expected = (abnormal_finish::Status::Cancelled, "too expensive");
        assert_eq!(reason(&record), expected);
    });
}

#[test]
fn many_at_once_and_those_that_do_not_exist_are_listed() {
    run(async {
        let world = World::new();
        world.backend("farm", Backend::running().with_capacity(1));
        let quests = (0..998).map(|number| Quest::simple("farm", number));
        let attempts = world.ensure_all(quests).await;
        world.until_executing(attempts[0]).await;
        let mut named = attempts.clone();
        named.extend([id(9), id(8)]);
        let answer = cancel(&world, &named, &[], "stop").await.unwrap();
        let expected: Vec<dm::attempt::Id> = vec![id(8).into(), id(9).into()];
        assert_eq!(answer.not_found, expected);
        for attempt in &attempts[1..] {
            assert!(world.get(*attempt).unwrap().is_final());
        }
        world.clock.advance(secs(5));
        world.until_final(attempts[0]).await;
    });
}

#[test]
fn what_is_over_stays_as_it_is() {
    run(async {
        let world = World::new();
        world.backend("now", Backend::instant());
        let attempt = world.ensure(&Quest::simple("now", 1)).await;
        let before = world.until_final(attempt).await;
        let execution = attempt.execution(1);
        let answer = cancel(&world, &[attempt], &[execution], "").await.unwrap();
        assert!(answer.not_found.is_empty());
        let after = world.get(attempt).unwrap();
        assert_eq!(
            (after.state, after.modified),
            (before.state, before.modified)
        );
        assert_eq!(
            (after.outcome, after.execution),
            (before.outcome, before.execution)
        );
    });
}

#[test]
fn an_execution_is_cancelled_only_if_it_is_the_current_one() {
    run(async {
        let world = World::new();
        world.backend("farm", Backend::running());
        let attempt = world.ensure(&Quest::simple("farm", 1)).await;
        world.until_executing(attempt).await;
        let other = world.ensure(&Quest::simple("farm", 2)).await;
        world.until_executing(other).await;
        let stale = attempt.execution(7);
        let status = cancel(&world, &[other], &[stale], "").await.unwrap_err();
        assert_eq!(status.code, Code::FailedPrecondition, "{status}");
        assert!(
            status.message.starts_with(&format!("executions: {stale}")),
            "{status}"
        );
        // All are looked at before one is touched.
        let record = world.get(other).unwrap();
        assert!(record.execution.unwrap().ending.is_none());

        let current = attempt.execution(1);
        let absent = id(9).execution(1);
        let answer = cancel(&world, &[], &[current, absent], "").await.unwrap();
        assert_eq!(answer.not_found, [dm::attempt::Id::from(id(9))]);
        world.clock.advance(secs(5));
        world.until_final(attempt).await;
    });
}

#[test]
fn a_bad_request_names_its_field_and_cancels_nothing() {
    run(async {
        let world = World::new();
        world.backend("farm", Backend::running());
        let attempt = world.ensure(&Quest::simple("farm", 1)).await;
        world.until_executing(attempt).await;
        let good = dm::attempt::Id::from(attempt);
        let bad = dm::attempt::Id {
            quest: "x".to_owned(),
            id: 1,
        };
        let zero = dm::execution::Id {
            id: 0,
            ..attempt.execution(1).into()
        };
        for (attempts, executions, field) in [
            (vec![], vec![], "attempts: name at least one"),
            (
                vec![good.clone(), bad],
                vec![],
                "attempts[1]: quest id \"x\" is malformed",
            ),
            (
                vec![good.clone()],
                vec![zero],
                "executions[0]: execution number \"0\"",
            ),
            (
                vec![good.clone(); 1001],
                vec![],
                "attempts: 1001 are too many",
            ),
            (
                vec![good],
                vec![attempt.execution(1).into(); 1001],
                "executions: 1001 are too",
            ),
        ] {
            let request = CancelRequest {
                attempts,
                executions,
                reason: String::new(),
            };
            let status = world
                .api
                .cancel(&Caller::Trusted, request)
                .await
                .unwrap_err();
            assert_eq!(status.code, Code::InvalidArgument);
            assert!(status.message.starts_with(field), "{status}");
        }
        let record = world.get(attempt).unwrap();
        assert!(record.execution.unwrap().ending.is_none());
    });
}

#[test]
fn a_stopped_host_is_unavailable() {
    run(async {
        let world = World::new();
        world.engine.stop().await;
        let status = cancel(&world, &[id(1)], &[], "").await.unwrap_err();
        assert_eq!(status.code, Code::Unavailable, "{status}");
    });
}
