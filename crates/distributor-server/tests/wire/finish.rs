//! FinishAttempt.

use distributor_client::Code;
use distributor_core::dm::attempt::data::{AttemptType, Executing};
use distributor_core::dm::execution::data::{ExecutionType, Stopping};
use distributor_core::{TaskResult, dm};

use crate::support::{
    Job, World, desc, everything, list, request, result, results, shown, state, walk,
};
use crate::wire::{Wire, assert_refused};

over_both! {
    a14_finishing_with_a_bad_token_is_denied;
    a14_finishing_without_an_object_is_refused;
    a15_the_attempt_executes_until_the_task_is_over;
    t14_finishing_what_does_not_exist_is_internal;
    t15_only_the_running_execution_finishes_its_attempt;
    t16_and_t22_a_token_is_good_for_one_end;
}

const DENIED: &str = "requires execution Auth";

async fn a14_finishing_with_a_bad_token_is_denied<W: Wire>(world: &World<W>) {
    let job = world.job("a").await;
    for token in [vec![], vec![8; 32], vec![7; 31], vec![7; 33]] {
        let stranger = Job {
            token,
            ..job.clone()
        };
        let answer = world.finish(&stranger, "{}").await;
        assert_refused(answer, Code::PermissionDenied, DENIED);
    }
    world.finish(&job, "{}").await.expect("the right token");
}

async fn a14_finishing_without_an_object_is_refused<W: Wire>(world: &World<W>) {
    let job = world.job("a").await;
    for (object, message) in [
        ("i am not valid json", "invalid character"),
        ("{\"a\":\"\u{0}\"}", "invalid character"),
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
    let answer = world.anonymous.finish_attempt(without).await;
    assert_refused(answer, Code::InvalidArgument, "data: is missing");
    world.finish(&job, "{}").await.expect("nothing has changed");
}

async fn a15_the_attempt_executes_until_the_task_is_over<W: Wire>(world: &World<W>) {
    let job = world.job("a").await;
    let object = r#"{"something": "valid"}"#;
    world.finish(&job, object).await.expect("a good result");
    let request = walk(list(&[job.attempt()]), 0, everything());
    let graph = world.walk(request.clone()).await;
    let attempt = shown(&graph, job.attempt());
    let executing = AttemptType::Executing(Executing {
        cur_execution_id: 1,
    });
    assert_eq!(state(attempt), &executing);
    let execution = attempt.executions[&1].data.as_ref().expect("data");
    let stopping = ExecutionType::Stopping(Stopping {});
    assert_eq!(execution.execution_type, Some(stopping));

    world.end(job.execution, TaskResult::data("{}")).await;
    let graph = world.walk(request).await;
    let finished = result(shown(&graph, job.attempt()));
    assert_eq!(finished, (r#"{"something":"valid"}"#, 21));
    // The size is in the record of the attempt, not only beside its object.
    let mut small = walk(list(&[job.attempt()]), 0, results());
    small.limit.get_or_insert_default().max_data_size = 1;
    let graph = world.walk(small).await;
    assert_eq!(result(shown(&graph, job.attempt())), ("", 21));
}

async fn t14_finishing_what_does_not_exist_is_internal<W: Wire>(world: &World<W>) {
    let job = world.job("a").await;
    let attempt = job.attempt();
    for execution in [attempt.execution(2), attempt.quest.attempt(9).execution(1)] {
        let stranger = Job {
            execution,
            ..job.clone()
        };
        let answer = world.finish(&stranger, "{}").await;
        assert_refused(answer, Code::Internal, &execution.to_string());
    }
}

async fn t15_only_the_running_execution_finishes_its_attempt<W: Wire>(world: &World<W>) {
    // Not RUNNING yet: the activation token is no execution token.
    let scheduling = world.executing(&desc("scheduling")).await.execution(1);
    let invited = Job {
        execution: scheduling,
        token: world.backend.activation_token(scheduling),
    };
    let answer = world.finish(&invited, "{}").await;
    assert_refused(answer, Code::PermissionDenied, DENIED);

    // RUNNING no more, and the attempt WAITING.
    let first = world.job("job").await;
    let halted = world.depend(&first, request(&[desc("need")])).await;
    assert!(halted.expect("good").should_halt);
    let answer = world.finish(&first, "{}").await;
    assert_refused(answer, Code::PermissionDenied, DENIED);
    world.end(first.execution, TaskResult::data("{}")).await;
    let answer = world.finish(&first, "{}").await;
    assert_refused(answer, Code::PermissionDenied, DENIED);

    // Not the current one.
    world.finished(&desc("need"), "{}").await;
    let second = world.running(first.attempt()).await;
    assert_eq!(second.execution.number, 2);
    let answer = world.finish(&first, "{}").await;
    assert_refused(answer, Code::PermissionDenied, DENIED);

    // The attempt FINISHED.
    world.finish(&second, "{}").await.expect("the current one");
    world.end(second.execution, TaskResult::data("{}")).await;
    let answer = world.finish(&second, "{}").await;
    assert_refused(answer, Code::PermissionDenied, DENIED);
}

async fn t16_and_t22_a_token_is_good_for_one_end<W: Wire>(world: &World<W>) {
    let job = world.job("a").await;
    let stranger = Job {
        token: vec![9; 32],
        ..job.clone()
    };
    let answer = world.finish(&stranger, "{}").await;
    assert_refused(answer, Code::PermissionDenied, DENIED);
    world.finish(&job, "{}").await.expect("all is right");
    let again = world.finish(&job, "{}").await;
    assert_refused(again, Code::PermissionDenied, DENIED);
}
