//! WalkGraph by executions: who they are, and which results they see.

use distributor_client::Code;
use distributor_core::dm;
use distributor_core::dm::attempt::data::{AttemptType, Executing};
use distributor_core::dm::attempt::partial;
use distributor_core::dm::execution::data::ExecutionType;

use crate::support::{
    Job, World, all_of, desc, everything, id_of, list, names, nothing, raw, request, result,
    results, shown, state, walk,
};
use crate::wire::{Wire, assert_refused};

over_both! {
    a24_an_execution_sees_only_the_results_that_its_attempt_depends_on;
    a25_an_execution_sees_its_own_attempt_and_what_it_depends_on;
    a_walk_of_an_execution_needs_the_token_of_a_running_one;
}

async fn walk_by<W: Wire>(world: &World<W>, job: &Job, request: dm::WalkGraphReq) -> dm::GraphData {
    let request = dm::WalkGraphReq {
        auth: Some(job.auth()),
        ..request
    };
    let walked = world.anonymous.walk_graph(request).await;
    walked.expect("a running execution may walk")
}

/// What the attempt's first execution left: object and size.
#[track_caller]
fn left(attempt: &dm::Attempt) -> (&str, u32) {
    let data = attempt.executions[&1].data.as_ref().expect("data");
    match &data.execution_type {
        Some(ExecutionType::Finished(finished)) => {
            let data = finished.data.as_ref().expect("a result");
            (&data.object, data.size)
        }
        other => panic!("not finished: {other:?}"),
    }
}

async fn a24_an_execution_sees_only_the_results_that_its_attempt_depends_on<W: Wire>(
    world: &World<W>,
) {
    let x = world.executing_each(&desc("x"), &[1, 2]).await;
    for attempt in &x {
        let (object, left) = (r#"{"done":true}"#, r#"{"left":"over"}"#);
        world.finish_with(*attempt, object, left).await;
    }
    let own = world.executing_each(&desc("w"), &[2]).await[0];
    let job = world.running(own).await;
    let depend = dm::EnsureGraphDataReq {
        raw_attempts: Some(raw(&x[..1])),
        ..Default::default()
    };
    let response = world.depend(&job, depend).await.expect("good");
    assert!(!response.should_halt);

    let request = walk(all_of(id_of(&desc("x"))), 0, everything());
    let graph = walk_by(world, &job, request).await;
    let (x1, x2) = (shown(&graph, x[0]), shown(&graph, x[1]));
    assert_eq!(result(x1), (r#"{"done":true}"#, 13));
    assert_eq!(left(x1), (r#"{"left":"over"}"#, 15));
    assert_eq!(x1.partial, None);
    assert_eq!(result(x2), ("", 13));
    assert_eq!(left(x2), ("", 15));
    let expected = dm::attempt::Partial {
        result: partial::Result::NotAuthorized.into(),
        ..Default::default()
    };
    assert_eq!(x2.partial, Some(expected));
    assert!(!graph.had_more, "asking again would not help");
}

async fn a25_an_execution_sees_its_own_attempt_and_what_it_depends_on<W: Wire>(world: &World<W>) {
    let first = world.job("w").await;
    let halted = world.depend(&first, request(&[desc("x")])).await;
    assert!(halted.expect("good").should_halt);
    let x = world.finished(&desc("x"), r#"{"done":true}"#).await;
    let over = distributor_core::TaskResult::data("{}");
    world.end(first.execution, over).await;
    let own = first.attempt();
    let second = world.running(own).await;

    let graph = walk_by(world, &second, walk(list(&[own]), 1, results())).await;
    assert_eq!(names(&graph).len(), 2);
    let executing = AttemptType::Executing(Executing {
        cur_execution_id: 2,
    });
    assert_eq!(state(shown(&graph, own)), &executing);
    assert_eq!(result(shown(&graph, x)), (r#"{"done":true}"#, 13));
    assert_eq!(shown(&graph, x).partial, None);
}

async fn a_walk_of_an_execution_needs_the_token_of_a_running_one<W: Wire>(world: &World<W>) {
    let job = world.job("w").await;
    let own = job.attempt();
    let ended = world.job("ended").await;
    world.finish(&ended, "{}").await.expect("good");
    let scheduled = world.executing(&desc("scheduled")).await.execution(1);
    let invitation = world.backend.activation_token(scheduled);
    for (execution, token) in [
        (job.execution, vec![8; 32]),
        (job.execution, vec![]),
        (own.execution(2), job.token.clone()),
        (own.quest.attempt(2).execution(1), job.token.clone()),
        (ended.execution, ended.token),
        (scheduled, invitation),
    ] {
        let stranger = Job { execution, token };
        let request = dm::WalkGraphReq {
            auth: Some(stranger.auth()),
            ..walk(list(&[own]), 0, nothing())
        };
        // Not even for somebody who may read without it.
        for caller in [&world.anonymous, &world.reader] {
            let answer = caller.walk_graph(request.clone()).await;
            assert_refused(answer, Code::Unauthenticated, "");
        }
    }
    walk_by(world, &job, walk(list(&[own]), 0, nothing())).await;
}
