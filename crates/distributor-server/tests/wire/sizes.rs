//! How many bytes of results an answer has.

use distributor_client::Code;
use distributor_core::dm::attempt::partial;
use distributor_core::{TaskResult, dm};

use crate::support::{
    INSTANT_RESULT, World, all_of, desc, everything, id_of, instant, list, nums, request, result,
    results, shown, walk,
};
use crate::wire::{Wire, assert_refused};

over_both! {
    a22_a_result_beyond_the_size_limit_is_blank_and_says_so;
    a30_five_of_twenty_fit_into_a_hundred_and_a_sixth_does_not;
    a30_more_than_the_limit_never_fits;
    a30_five_hundred_and_twelve_results_fit_exactly;
    results_and_descriptions_have_a_largest_size;
}

fn limited(request: dm::WalkGraphReq, max_data_size: u32) -> dm::WalkGraphReq {
    let mut request = request;
    request.limit.get_or_insert_default().max_data_size = max_data_size;
    request
}

/// A JSON object of so many bytes.
fn object(size: usize) -> String {
    let around = r#"{"":""}"#.len();
    format!(r#"{{"":"{}"}}"#, "x".repeat(size - around))
}

/// How many of the attempts have their result; the others say why not, and all their size.
fn full(graph: &dm::GraphData, size: u32) -> usize {
    let quests = graph.quests.values();
    let attempts = quests.flat_map(|quest| quest.attempts.values());
    let mut full = 0;
    for attempt in attempts {
        let (object, shown_size) = result(attempt);
        assert_eq!(shown_size, size);
        let result = attempt.partial.map(|partial| partial.result());
        let blank = Some(partial::Result::DataSizeLimit);
        assert_eq!(result, blank.filter(|_| object.is_empty()));
        full += usize::from(!object.is_empty());
    }
    full
}

async fn a22_a_result_beyond_the_size_limit_is_blank_and_says_so<W: Wire>(world: &World<W>) {
    let attempt = world.executing(&desc("x")).await;
    let (object, left) = (r#"{"data":["very","yes"]}"#, r#"{"long":"as well"}"#);
    world.finish_with(attempt, object, left).await;
    let request = walk(list(&[attempt]), 0, everything());
    let graph = world.walk(limited(request, 10)).await;
    assert_eq!(full(&graph, 23), 0);
    let execution = &shown(&graph, attempt).executions[&1];
    let text = format!("{execution:?}");
    assert!(text.contains("size: 18") && !text.contains("as well"));
    assert!(!graph.had_more, "asking again would not help");
}

async fn a30_five_of_twenty_fit_into_a_hundred_and_a_sixth_does_not<W: Wire>(world: &World<W>) {
    let numbers = [1, 2, 3, 4, 5, 6];
    let attempts = world.executing_each(&desc("x"), &numbers).await;
    for attempt in &attempts {
        world.finish_with(*attempt, &object(20), "{}").await;
    }
    let request = walk(list(&attempts), 0, results());
    for (limit, fit) in [(100, 5), (119, 5), (120, 6), (0, 6), (u32::MAX, 6)] {
        let graph = world.walk(limited(request.clone(), limit)).await;
        assert_eq!(full(&graph, 20), fit, "within {limit}");
    }
}

async fn a30_more_than_the_limit_never_fits<W: Wire>(world: &World<W>) {
    let attempt = world.finished(&desc("x"), &object(101)).await;
    let request = walk(list(&[attempt]), 0, results());
    for (limit, fit) in [(100, 0), (101, 1), (u32::MAX - 1, 1)] {
        let graph = world.walk(limited(request.clone(), limit)).await;
        assert_eq!(full(&graph, 101), fit, "within {limit}");
    }
}

async fn a30_five_hundred_and_twelve_results_fit_exactly<W: Wire>(world: &World<W>) {
    const COUNT: u32 = 512;
    let mut ensure = request(&[instant("x")]);
    ensure.quest_attempt = vec![nums(&(1..=COUNT).collect::<Vec<_>>())];
    let ensured = world.writer.ensure_graph_data(ensure).await;
    assert!(ensured.expect("good").accepted);
    world.drain().await;
    let size = u32::try_from(INSTANT_RESULT.len()).expect("short");
    let request = walk(all_of(id_of(&instant("x"))), 0, results());
    for (limit, fit) in [(COUNT * size, COUNT), (COUNT * size - 1, COUNT - 1)] {
        let graph = world.walk(limited(request.clone(), limit)).await;
        let fit = usize::try_from(fit).expect("not many");
        assert_eq!(full(&graph, size), fit, "within {limit}");
    }
}

async fn results_and_descriptions_have_a_largest_size<W: Wire>(world: &World<W>) {
    const LARGEST: usize = 262_144;
    let job = world.job("x").await;
    for size in [LARGEST + 1, 2 * LARGEST] {
        let answer = world.finish(&job, &object(size)).await;
        assert_refused(answer, Code::InvalidArgument, "data: ");
    }
    world.finish(&job, &object(LARGEST)).await.expect("it fits");
    world.end(job.execution, TaskResult::data("{}")).await;
    let request_of = |id| limited(walk(list(&[id]), 0, results()), 0);
    let graph = world.walk(request_of(job.attempt())).await;
    assert_eq!(result(shown(&graph, job.attempt())).0, object(LARGEST));

    let mut large = desc("y");
    large.parameters = object(LARGEST - 2);
    let answer = world.writer.ensure_graph_data(request(&[large.clone()]));
    assert!(answer.await.expect("it fits").accepted);
    large.distributor_parameters = "{ }".to_owned();
    let answer = world.writer.ensure_graph_data(request(&[large])).await;
    let message = "too large: 262145 > 262144";
    assert_refused(answer, Code::InvalidArgument, message);
}
