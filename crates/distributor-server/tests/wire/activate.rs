//! ActivateExecution.

use distributor_client::Code;
use distributor_core::dm::execution::data::ExecutionType;
use distributor_core::{TaskResult, dm};

use crate::support::{World, desc, everything, id_of, list, request, shown, slow, walk};
use crate::wire::{Wire, assert_refused};

over_both! {
    a01_activating_without_a_token_is_denied;
    a02_activating_with_two_wrong_tokens_is_denied;
    a03_who_was_invited_and_comes_second_is_told_so;
    a04_activating_twice_in_the_same_way_is_fine;
    t17_activating_what_does_not_exist_is_internal;
    t18_activating_what_has_stopped_is_denied;
    t19_an_activated_execution_is_running;
    t20_a_second_task_with_a_token_of_its_own_is_denied;
    t21_the_same_execution_token_again_is_fine;
    of_several_tasks_at_once_one_is_activated;
    a_task_that_is_faster_than_the_answer_of_its_backend_tries_again;
    an_activation_that_can_never_be_right_names_its_field;
}

const TOKEN: &[u8] = &[7; 32];
const OTHER_TOKEN: &[u8] = &[8; 32];

async fn a01_activating_without_a_token_is_denied<W: Wire>(world: &World<W>) {
    let execution = world.executing(&desc("a")).await.execution(1);
    let answer = world.activate(execution, b"", TOKEN).await;
    assert_refused(answer, Code::PermissionDenied, "failed to activate");
    let answer = world.activate(execution, b"wrong", TOKEN).await;
    assert_refused(answer, Code::PermissionDenied, "failed to activate");
}

async fn a02_activating_with_two_wrong_tokens_is_denied<W: Wire>(world: &World<W>) {
    let job = world.job("a").await;
    for wrong in [&b"wrong"[..], b""] {
        let answer = world.activate(job.execution, wrong, OTHER_TOKEN).await;
        assert_refused(answer, Code::PermissionDenied, "failed to activate");
    }
}

async fn a03_who_was_invited_and_comes_second_is_told_so<W: Wire>(world: &World<W>) {
    let job = world.job("a").await;
    let invitation = world.backend.activation_token(job.execution);
    let second = world.activate(job.execution, &invitation, OTHER_TOKEN);
    assert_refused(second.await, Code::AlreadyExists, "by another task");
    // The first one is not disturbed.
    world.finish(&job, "{}").await.expect("its own token");
}

async fn a04_activating_twice_in_the_same_way_is_fine<W: Wire>(world: &World<W>) {
    let execution = world.executing(&desc("a")).await.execution(1);
    let invitation = world.backend.activation_token(execution);
    for _ in 0..2 {
        let activated = world.activate(execution, &invitation, TOKEN).await;
        activated.expect("the right tokens");
    }
}

async fn t17_activating_what_does_not_exist_is_internal<W: Wire>(world: &World<W>) {
    let attempt = world.executing(&desc("a")).await;
    for execution in [
        attempt.execution(2),
        attempt.execution(u32::MAX),
        attempt.quest.attempt(2).execution(1),
    ] {
        let answer = world.activate(execution, b"token", TOKEN).await;
        assert_refused(answer, Code::Internal, &execution.to_string());
    }
}

async fn t18_activating_what_has_stopped_is_denied<W: Wire>(world: &World<W>) {
    let job = world.job("a").await;
    let invitation = world.backend.activation_token(job.execution);
    world.finish(&job, "{}").await.expect("a good result");
    let stopping = world.activate(job.execution, &invitation, &job.token);
    assert_refused(stopping.await, Code::PermissionDenied, "failed to activate");
    world.end(job.execution, TaskResult::data("{}")).await;
    let finished = world.activate(job.execution, &invitation, &job.token);
    assert_refused(finished.await, Code::PermissionDenied, "failed to activate");
}

async fn t19_an_activated_execution_is_running<W: Wire>(world: &World<W>) {
    let job = world.job("a").await;
    let graph = world.walk(walk(list(&[job.attempt()]), 0, everything()));
    let graph = graph.await;
    let execution = &shown(&graph, job.attempt()).executions[&1];
    let data = execution.data.as_ref().expect("data");
    let running = ExecutionType::Running(dm::execution::data::Running {});
    assert_eq!(data.execution_type, Some(running));
}

async fn t20_a_second_task_with_a_token_of_its_own_is_denied<W: Wire>(world: &World<W>) {
    let job = world.job("a").await;
    // It does not know the activation token either; who does is A03.
    let second = world.activate(job.execution, &[9; 32], OTHER_TOKEN).await;
    assert_refused(second, Code::PermissionDenied, "failed to activate");
    world.finish(&job, "{}").await.expect("its own token");
}

async fn t21_the_same_execution_token_again_is_fine<W: Wire>(world: &World<W>) {
    let job = world.job("a").await;
    // A client that repeats its call need not have kept the activation token.
    let again = world.activate(job.execution, b"", &job.token).await;
    again.expect("it runs with this token");
    world.finish(&job, "{}").await.expect("the same token");
}

async fn of_several_tasks_at_once_one_is_activated<W: Wire>(world: &World<W>) {
    let execution = world.executing(&desc("a")).await.execution(1);
    let invitation = world.backend.activation_token(execution);
    let tokens = [[1; 32], [2; 32], [3; 32], [4; 32]];
    let claim = |number: usize| world.activate(execution, &invitation, &tokens[number]);
    let answers = tokio::join!(claim(0), claim(1), claim(2), claim(3));
    let mut winners = 0;
    for answer in <[_; 4]>::from(answers) {
        match answer {
            Ok(()) => winners += 1,
            refused => assert_refused(refused, Code::AlreadyExists, "by another task"),
        }
    }
    assert_eq!(winners, 1);
}

async fn a_task_that_is_faster_than_the_answer_of_its_backend_tries_again<W: Wire>(
    world: &World<W>,
) {
    let ensured = world.writer.ensure_graph_data(request(&[slow("a")])).await;
    assert!(ensured.expect("good").accepted);
    world.backend.slow_task_runs().await;
    let execution = id_of(&slow("a")).attempt(1).execution(1);
    let invitation = world.backend.activation_token(execution);
    let early = world.activate(execution, &invitation, TOKEN).await;
    assert_refused(early, Code::Unavailable, "try again");
    let stranger = world.activate(execution, b"wrong", TOKEN).await;
    assert_refused(stranger, Code::PermissionDenied, "failed to activate");
    world.backend.answer();
    world.drain().await;
    let activated = world.activate(execution, &invitation, TOKEN).await;
    activated.expect("the same call");
}

async fn an_activation_that_can_never_be_right_names_its_field<W: Wire>(world: &World<W>) {
    let execution = world.executing(&desc("a")).await.execution(1);
    let invitation = world.backend.activation_token(execution);
    let short = world.activate(execution, &invitation, &[7; 31]).await;
    let message = "execution_token: has 31 bytes";
    assert_refused(short, Code::InvalidArgument, message);
    let empty = dm::ActivateExecutionReq::default();
    let empty = world.anonymous.activate_execution(empty).await;
    assert_refused(empty, Code::InvalidArgument, "auth: is missing");
}
