//! ActivateExecution.

use distributor_api::Code;
use distributor_core::dm;

use crate::support::{World, anonymous, assert_refused, desc, run};

const TOKEN: &[u8] = &[7; 32];
const OTHER_TOKEN: &[u8] = &[8; 32];

#[test]
fn a01_activating_without_a_token_is_denied() {
    run(async {
        let world = World::new();
        let execution = world.executing(&desc("a")).await.execution(1);
        let answer = world.activate(execution, b"", TOKEN).await;
        assert_refused(answer, Code::PermissionDenied, "failed to activate");
        let answer = world.activate(execution, b"wrong", TOKEN).await;
        assert_refused(answer, Code::PermissionDenied, "wrong activation token");
    });
}

#[test]
fn a02_activating_with_two_wrong_tokens_is_denied() {
    run(async {
        let world = World::new();
        let attempt = world.executing(&desc("a")).await;
        let job = world.running(attempt).await;
        let answer = world.activate(job.execution, b"wrong", OTHER_TOKEN).await;
        assert_refused(answer, Code::PermissionDenied, "failed to activate");
        // The empty token must not match what was erased.
        let answer = world.activate(job.execution, b"", OTHER_TOKEN).await;
        assert_refused(answer, Code::PermissionDenied, "failed to activate");
    });
}

#[test]
fn a03_who_was_invited_and_comes_second_is_told_so() {
    run(async {
        let world = World::new();
        let attempt = world.executing(&desc("a")).await;
        let job = world.running(attempt).await;
        let invitation = world.backend.activation_token(job.execution);
        let answer = world
            .activate(job.execution, &invitation, OTHER_TOKEN)
            .await;
        assert_refused(answer, Code::AlreadyExists, "by another task");
    });
}

#[test]
fn a04_activating_twice_in_the_same_way_is_fine() {
    run(async {
        let world = World::new();
        let attempt = world.executing(&desc("a")).await;
        let job = world.running(attempt).await;
        let invitation = world.backend.activation_token(job.execution);
        let again = world.activate(job.execution, &invitation, &job.token).await;
        assert_eq!(again, Ok(()));
        // A client that repeats its call need not have kept the activation token.
        let again = world.activate(job.execution, b"", &job.token).await;
        assert_eq!(again, Ok(()));
    });
}

#[test]
fn t17_activating_what_does_not_exist_is_internal() {
    run(async {
        let world = World::new();
        let attempt = world.executing(&desc("a")).await;
        for execution in [
            attempt.execution(2),
            attempt.execution(u32::MAX),
            attempt.quest.attempt(2).execution(1),
        ] {
            let answer = world.activate(execution, b"token", TOKEN).await;
            assert_refused(answer, Code::Internal, &execution.to_string());
        }
    });
}

#[test]
fn t18_activating_what_has_stopped_is_denied() {
    run(async {
        let world = World::new();
        let attempt = world.executing(&desc("a")).await;
        let job = world.running(attempt).await;
        world.finish(&job, "{}").await.expect("a good result");
        let invitation = world.backend.activation_token(job.execution);
        let answer = world.activate(job.execution, &invitation, &job.token).await;
        assert_refused(answer, Code::PermissionDenied, "failed to activate");
    });
}

#[test]
fn an_activation_that_can_never_be_right_names_its_field() {
    run(async {
        let world = World::new();
        let execution = world.executing(&desc("a")).await.execution(1);
        let invitation = world.backend.activation_token(execution);
        let answer = world.activate(execution, &invitation, &[7; 31]).await;
        assert_refused(
            answer,
            Code::InvalidArgument,
            "execution_token: has 31 bytes",
        );
        let empty = dm::ActivateExecutionReq::default();
        let answer = world.api.activate_execution(&anonymous(), empty).await;
        assert_refused(answer, Code::InvalidArgument, "auth: is missing");
        assert_eq!(world.activate(execution, &invitation, TOKEN).await, Ok(()));
    });
}

#[test]
fn a_stopped_host_asks_to_try_again() {
    run(async {
        let world = World::new();
        let execution = world.executing(&desc("a")).await.execution(1);
        world.engine.stop().await;
        let answer = world.activate(execution, b"token", TOKEN).await;
        assert_refused(answer, Code::Unavailable, "stopped");
    });
}
