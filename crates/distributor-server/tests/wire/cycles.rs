//! Jobs that would wait for themselves are told the way, and run on.

use distributor_client::Code;
use distributor_core::{AttemptId, TaskResult};

use crate::support::{Job, World, desc, id_of, raw, request};
use crate::wire::{Wire, assert_refused};

over_both! {
    a_job_that_would_wait_for_itself_is_told_so;
    a_job_that_would_wait_for_itself_through_others_is_told_the_way;
    of_a_long_way_both_ends_are_told;
    of_two_jobs_that_ask_for_each_other_at_once_one_is_refused;
    attempts_that_would_need_each_other_are_refused;
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

async fn of_a_long_way_both_ends_are_told<W: Wire>(world: &World<W>) {
    const LENGTH: usize = 20;
    let mut job = world.job("0").await;
    let mut way = vec![job.attempt()];
    for number in 1..LENGTH {
        let next = halt(world, &job, &number.to_string()).await;
        way.push(next);
        job = world.running(next).await;
    }
    let last = job.attempt();
    let closing = world.depend(&job, request(&[desc("0")])).await;
    let beginning = format!(
        "would wait for itself: {last} -> {} -> {} -> ",
        way[0], way[1]
    );
    let end = format!(" more) -> {} -> ", way[LENGTH - 8]);
    let failure = closing.expect_err("a refusal");
    assert_eq!(failure.code, Code::FailedPrecondition);
    let message = failure.message.expect("words");
    assert!(message.starts_with(&beginning), "{message}");
    assert!(message.contains(&end), "{message}");
    assert!(message.ends_with(&format!(" -> {last}")), "{message}");
    world.finish(&job, "{}").await.expect("it was not halted");
}

async fn of_two_jobs_that_ask_for_each_other_at_once_one_is_refused<W: Wire>(world: &World<W>) {
    let (a, b) = (world.job("a").await, world.job("b").await);
    let (of_a, of_b) = tokio::join!(
        world.depend(&a, request(&[desc("b")])),
        world.depend(&b, request(&[desc("a")])),
    );
    let (halted, refused, free) = match of_a.is_ok() {
        true => (of_a, of_b, &b),
        false => (of_b, of_a, &a),
    };
    assert!(halted.expect("good").should_halt);
    let message = "would wait for itself: ";
    assert_refused(refused, Code::FailedPrecondition, message);
    world.finish(free, "{}").await.expect("it was not halted");
}

async fn attempts_that_would_need_each_other_are_refused<W: Wire>(world: &World<W>) {
    let [a, b] = ["a", "b"].map(|name| id_of(&desc(name)).attempt(1));
    let mut both = request(&[desc("a"), desc("b")]);
    both.quest_needs = vec![raw(&[b]), raw(&[a])];
    let answer = world.writer.ensure_graph_data(both).await;
    // Needs are stored or come earlier in the request, so they make no circle.
    let message = format!("quest_needs[0]: there is no attempt {b}, neither stored nor earlier");
    assert_refused(answer, Code::InvalidArgument, &message);
    assert!(world.is_empty());
}
