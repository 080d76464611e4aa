//! Jobs that would wait for themselves are told the way, and run on.

use distributor_client::Code;
use distributor_core::{AttemptId, TaskResult};

use crate::support::{Job, World, desc, id_of, request};
use crate::wire::{Wire, assert_refused};

over_both! {
    a_job_that_would_wait_for_itself_is_told_so;
    a_job_that_would_wait_for_itself_through_others_is_told_the_way;
}

async fn halt<W: Wire>(world: &World<W>, job: &Job, need: &str) -> AttemptId {
    let halted = world.depend(job, request(&[desc(need)])).await;
    assert!(halted.expect("good").should_halt);
    world.drain().await;
    id_of(&desc(need)).attempt(1)
}

async fn a_job_that_would_wait_for_itself_is_told_so<W: Wire>(world: &World<W>) {
    let job = world.job("job").await;
    let itself = world.depend(&job, request(&[desc("job")])).await;
    let way = format!("{0} -> {0}", job.attempt());
    assert_refused(itself, Code::FailedPrecondition, &way);
    world.finish(&job, "{}").await.expect("it was not halted");
}

async fn a_job_that_would_wait_for_itself_through_others_is_told_the_way<W: Wire>(
    world: &World<W>,
) {
    let a = world.job("a").await;
    let b = halt(world, &a, "b").await;
    world.end(a.execution, TaskResult::data("{}")).await;
    let b = world.running(b).await;
    let c = halt(world, &b, "c").await;
    let c = world.running(c).await;
    // With something good beside it, which is not created either.
    let around = world.depend(&c, request(&[desc("new"), desc("a")])).await;
    let [a, b] = [a.attempt(), b.attempt()];
    let way = format!("{c} -> {a} -> {b} -> {c}", c = c.attempt());
    assert_refused(around, Code::FailedPrecondition, &way);
    let quests = distributor_proto::control::FindQuestsRequest {
        prefix: id_of(&desc("new")).to_string(),
        limit: 0,
    };
    let found = world.reader.find_quests(quests).await.expect("good");
    assert_eq!(found.quests, []);
    world.finish(&c, "{}").await.expect("it was not halted");
}
