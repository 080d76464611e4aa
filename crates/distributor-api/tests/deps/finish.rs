//! FinishAttempt.

use distributor_api::Code;
use distributor_core::dm::{attempt, execution};
use distributor_core::{TaskResult, dm};
use distributor_store::records::Outcome;

use crate::support::{Job, World, anonymous, assert_refused, desc, run};

#[test]
fn a14_finishing_with_a_bad_token_is_denied_and_changes_nothing() {
    run(async {
        let world = World::new();
        let attempt = world.executing(&desc("a")).await;
        let job = world.running(attempt).await;
        let before = world.get(attempt);
        for token in [vec![], vec![8; 32]] {
            let stranger = Job {
                token,
                ..job.clone()
            };
            let answer = world.finish(&stranger, "{}").await;
            assert_refused(answer, Code::PermissionDenied, "requires execution Auth");
        }
        assert_eq!(world.get(attempt), before);
        assert_eq!(world.finish(&job, "{}").await, Ok(()));
    });
}

#[test]
fn a14_finishing_without_an_object_is_refused_and_changes_nothing() {
    run(async {
        let world = World::new();
        let attempt = world.executing(&desc("a")).await;
        let job = world.running(attempt).await;
        let before = world.get(attempt);
        for (object, message) in [
            ("i am not valid json", "invalid character"),
            ("", "data.object: is empty"),
            ("null", "data: object is malformed"),
            ("[]", "data: object is malformed"),
            ("{} {}", "extra junk"),
        ] {
            let answer = world.finish(&job, object).await;
            assert_refused(answer, Code::InvalidArgument, message);
        }
        let without = dm::FinishAttemptReq {
            auth: Some(job.auth()),
            data: None,
        };
        let answer = world.api.finish_attempt(&anonymous(), without).await;
        assert_refused(answer, Code::InvalidArgument, "data: is missing");
        assert_eq!(world.get(attempt), before);
    });
}

#[test]
fn a15_a_result_is_stored_normalized_and_the_attempt_executes_until_the_task_is_over() {
    run(async {
        let world = World::new();
        let id = world.executing(&desc("a")).await;
        let job = world.running(id).await;
        let answer = world.finish(&job, r#"{"something": "valid"}"#).await;
        assert_eq!(answer, Ok(()));
        let record = world.get(id);
        assert_eq!(record.state, attempt::State::Executing);
        let execution = record.execution.as_ref().expect("an execution");
        assert_eq!(execution.state, execution::State::Stopping);
        let Some(Outcome::Data(data)) = &record.outcome else {
            panic!("no result: {record:?}");
        };
        assert_eq!(data.object, r#"{"something":"valid"}"#);
        assert_eq!(data.size, 21);

        let again = world.finish(&job, "{}").await;
        assert_refused(again, Code::PermissionDenied, "requires execution Auth");
        world.end(job.execution, TaskResult::data("{}")).await;
        assert_eq!(world.get(id).state, attempt::State::Finished);
    });
}

#[test]
fn t14_finishing_what_does_not_exist_is_internal() {
    run(async {
        let world = World::new();
        let attempt = world.executing(&desc("a")).await;
        let job = world.running(attempt).await;
        for execution in [attempt.execution(2), attempt.quest.attempt(9).execution(1)] {
            let stranger = Job {
                execution,
                ..job.clone()
            };
            let answer = world.finish(&stranger, "{}").await;
            assert_refused(answer, Code::Internal, &execution.to_string());
        }
    });
}
