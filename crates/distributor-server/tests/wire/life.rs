//! The life of jobs that depend on others: they halt, are woken, and find what they left behind.

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::attempt::data::{AttemptType, Executing, Waiting};
use distributor_core::dm::quest::desc::Meta;
use distributor_core::dm::quest::desc::meta::Retry;
use distributor_core::{AttemptId, TaskResult, dm};

use crate::support::{
    World, desc, id_of, list, request, result, results, shown, shown_in, state, walk, with_results,
};
use crate::wire::Wire;

over_both! {
    a_halted_job_waits_and_runs_again_when_everything_is_there;
    t55_the_next_execution_finds_what_the_last_one_left;
    a_failed_dependency_wakes_who_waits_and_is_shown;
    t34_after_a_crash_the_same_request_halts_again;
    a_dependency_that_ends_before_the_job_does_is_not_lost;
}

async fn state_of<W: Wire>(world: &World<W>, attempt: AttemptId) -> AttemptType {
    let graph = world.walk(walk(list(&[attempt]), 0, results())).await;
    state(shown(&graph, attempt)).clone()
}

fn executing(number: u32) -> AttemptType {
    AttemptType::Executing(Executing {
        cur_execution_id: number,
    })
}

async fn a_halted_job_waits_and_runs_again_when_everything_is_there<W: Wire>(world: &World<W>) {
    let needs = [desc("x"), desc("y")];
    let job = world.job("job").await;
    let halted = world.depend(&job, request(&needs)).await;
    assert!(halted.expect("good").should_halt);
    world.end(job.execution, TaskResult::data("{}")).await;
    let waiting = |num_waiting| AttemptType::Waiting(Waiting { num_waiting });
    assert_eq!(state_of(world, job.attempt()).await, waiting(2));

    world.finished(&needs[0], r#"{"n":1}"#).await;
    assert_eq!(state_of(world, job.attempt()).await, waiting(1));
    world.finished(&needs[1], r#"{"n":2}"#).await;
    assert_eq!(state_of(world, job.attempt()).await, executing(2));

    let job = world.running(job.attempt()).await;
    let again = world.depend(&job, with_results(request(&needs))).await;
    let again = again.expect("good");
    assert!(again.accepted && !again.should_halt);
    let objects = needs.each_ref().map(|need| {
        let attempt = shown_in(&again, id_of(need).attempt(1));
        result(attempt).0
    });
    assert_eq!(objects, [r#"{"n":1}"#, r#"{"n":2}"#]);
    world.finish(&job, r#"{"sum":3}"#).await.expect("good");
    world.end(job.execution, TaskResult::data("{}")).await;
    let graph = world.walk(walk(list(&[job.attempt()]), 0, results())).await;
    assert_eq!(result(shown(&graph, job.attempt())), (r#"{"sum":3}"#, 9));
}

async fn t55_the_next_execution_finds_what_the_last_one_left<W: Wire>(world: &World<W>) {
    let job = world.job("job").await;
    assert_eq!(world.backend.previous(job.execution), None);
    let halted = world.depend(&job, request(&[desc("need")])).await;
    assert!(halted.expect("good").should_halt);
    world.finished(&desc("need"), "{}").await;
    let left = TaskResult::data(r#"{ "originalState" : true }"#);
    world.end(job.execution, left).await;
    let next = job.attempt().execution(2);
    let previous = world.backend.previous(next);
    assert_eq!(previous.as_deref(), Some(r#"{"originalState":true}"#));
}

async fn a_failed_dependency_wakes_who_waits_and_is_shown<W: Wire>(world: &World<W>) {
    let need = id_of(&desc("need")).attempt(1);
    let job = world.job("job").await;
    let halted = world.depend(&job, request(&[desc("need")])).await;
    assert!(halted.expect("good").should_halt);
    world.end(job.execution, TaskResult::data("{}")).await;
    let crashed = TaskResult::abnormal(Status::Crashed, "boom");
    world.end(need.execution(1), crashed).await;

    assert_eq!(state_of(world, job.attempt()).await, executing(2));
    let job = world.running(job.attempt()).await;
    let depend = with_results(request(&[desc("need")]));
    let response = world.depend(&job, depend).await.expect("good");
    assert!(!response.should_halt);
    let expected = dm::AbnormalFinish {
        status: Status::Crashed.into(),
        reason: "boom".to_owned(),
    };
    let shown = state(shown_in(&response, need));
    assert_eq!(shown, &AttemptType::AbnormalFinish(expected));
}

async fn t34_after_a_crash_the_same_request_halts_again<W: Wire>(world: &World<W>) {
    let mut patient = desc("patient");
    patient.meta = Some(Meta {
        retry: Some(Retry {
            crashed: 1,
            ..Retry::default()
        }),
        ..Meta::default()
    });
    let attempt = world.executing(&patient).await;
    let job = world.running(attempt).await;
    let halted = world.depend(&job, request(&[desc("need")])).await;
    assert!(halted.expect("good").should_halt);
    let crashed = TaskResult::abnormal(Status::Crashed, "on its way out");
    world.end(job.execution, crashed).await;
    assert_eq!(state_of(world, attempt).await, executing(2));

    // What the crashed execution asked for does not count for this one.
    let job = world.running(attempt).await;
    let again = world.depend(&job, request(&[desc("need")])).await;
    assert!(again.expect("good").should_halt);
    world.end(job.execution, TaskResult::data("{}")).await;
    let waiting = AttemptType::Waiting(Waiting { num_waiting: 1 });
    assert_eq!(state_of(world, attempt).await, waiting);
    world.finished(&desc("need"), "{}").await;
    assert_eq!(state_of(world, attempt).await, executing(3));
}

async fn a_dependency_that_ends_before_the_job_does_is_not_lost<W: Wire>(world: &World<W>) {
    let job = world.job("job").await;
    let halted = world.depend(&job, request(&[desc("need")])).await;
    assert!(halted.expect("good").should_halt);
    world.finished(&desc("need"), "{}").await;
    assert_eq!(state_of(world, job.attempt()).await, executing(1));
    world.end(job.execution, TaskResult::data("{}")).await;
    assert_eq!(state_of(world, job.attempt()).await, executing(2));
}
