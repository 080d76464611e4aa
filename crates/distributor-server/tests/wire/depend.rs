//! EnsureGraphData of executions.

use distributor_client::Code;
use distributor_core::dm;
use distributor_core::dm::attempt::data::{AttemptType, Executing};
use distributor_core::dm::execution::data::{ExecutionType, Stopping};

use crate::support::{
    Job, World, desc, everything, id_of, list, raw, request, result, shown, shown_in, state, walk,
    with_results,
};
use crate::wire::{Wire, assert_refused};

over_both! {
    a12_depending_on_what_is_not_finished_halts;
    a13_depending_on_what_is_finished_gives_its_result;
    a_job_that_is_not_what_it_says_is_unauthenticated_and_creates_nothing;
}

async fn a12_depending_on_what_is_not_finished_halts<W: Wire>(world: &World<W>) {
    let job = world.job("job").await;
    let need = id_of(&desc("need")).attempt(1);
    let response = world.depend(&job, request(&[desc("need")])).await;
    let response = response.expect("good");
    assert!(response.accepted && response.should_halt);
    assert_eq!(response.result, None);
    assert_eq!(response.quest_ids, vec![need.quest.into()]);

    let graph = world.walk(walk(list(&[job.attempt()]), 1, everything()));
    let graph = graph.await;
    let attempt = shown(&graph, job.attempt());
    let executing = AttemptType::Executing(Executing {
        cur_execution_id: 1,
    });
    assert_eq!(state(attempt), &executing);
    assert_eq!(attempt.fwd_deps, Some(raw(&[need])));
    let execution = attempt.executions[&1].data.as_ref().expect("data");
    let stopping = ExecutionType::Stopping(Stopping {});
    assert_eq!(execution.execution_type, Some(stopping));
    assert!(!shown(&graph, need).dne);

    // The token is revoked.
    let again = world.depend(&job, request(&[desc("need")])).await;
    assert_refused(again, Code::Unauthenticated, "execution Auth");
    let finish = world.finish(&job, "{}").await;
    assert_refused(finish, Code::PermissionDenied, "requires execution Auth");
}

async fn a13_depending_on_what_is_finished_gives_its_result<W: Wire>(world: &World<W>) {
    let need = world.finished(&desc("need"), r#"{"done": true}"#).await;
    let job = world.job("job").await;
    let depend = with_results(request(&[desc("need")]));
    let response = world.depend(&job, depend).await.expect("good");
    assert!(response.accepted && !response.should_halt);
    let graph = response.result.as_ref().expect("a result");
    assert!(graph.quests[&need.quest.to_string()].data.is_some());
    let attempt = shown_in(&response, need);
    assert_eq!(result(attempt), (r#"{"done":true}"#, 13));
    assert_eq!(attempt.data.as_ref().map(|it| it.num_executions), Some(1));
    assert_eq!(attempt.partial, None);

    // Without being asked for, the object stays away, and the job runs on.
    let response = world.depend(&job, request(&[desc("need")])).await;
    let response = response.expect("good");
    assert_eq!(result(shown_in(&response, need)), ("", 13));
    let graph = world.walk(walk(list(&[job.attempt()]), 0, everything()));
    let edges = shown(&graph.await, job.attempt()).fwd_deps.clone();
    assert_eq!(edges, Some(raw(&[need])));
    world.finish(&job, "{}").await.expect("the same token");
}

async fn a_job_that_is_not_what_it_says_is_unauthenticated_and_creates_nothing<W: Wire>(
    world: &World<W>,
) {
    let job = world.job("job").await;
    let attempt = job.attempt();
    let nowhere = id_of(&desc("nowhere")).attempt(1).execution(1);
    let scheduled = world.executing(&desc("other")).await.execution(1);
    let invitation = world.backend.activation_token(scheduled);
    for (execution, token) in [
        (job.execution, vec![]),
        (job.execution, vec![8; 32]),
        (attempt.execution(2), job.token.clone()),
        (attempt.quest.attempt(2).execution(1), job.token.clone()),
        (nowhere, job.token.clone()),
        (scheduled, invitation),
    ] {
        let stranger = Job { execution, token };
        let answer = world.depend(&stranger, request(&[desc("x")])).await;
        assert_refused(answer, Code::Unauthenticated, "execution Auth");
        // Nor does it help to be somebody who may write.
        let depend = dm::EnsureGraphDataReq {
            for_execution: Some(stranger.auth()),
            ..request(&[desc("x")])
        };
        let answer = world.writer.ensure_graph_data(depend).await;
        assert_refused(answer, Code::Unauthenticated, "execution Auth");
    }
    let none = walk(list(&[id_of(&desc("x")).attempt(1)]), 0, everything());
    assert!(shown(&world.walk(none).await, id_of(&desc("x")).attempt(1)).dne);
    let without_id = dm::EnsureGraphDataReq {
        for_execution: Some(dm::execution::Auth::default()),
        ..request(&[desc("x")])
    };
    let answer = world.anonymous.ensure_graph_data(without_id).await;
    let message = "for_execution.id: id is missing";
    assert_refused(answer, Code::InvalidArgument, message);
}
