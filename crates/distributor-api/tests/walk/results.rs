//! Results, their size limit, and executions.

use std::sync::Arc;

use distributor_core::dm::execution::State;
use distributor_proto::dm;
use distributor_proto::dm::attempt::partial;
use distributor_proto::dm::walk_graph_req as wire;
use distributor_proto::dm::walk_graph_req::include::Options;
use distributor_store::records::{AttemptRecord, ExecutionRecord, Outcome};

use crate::support::{
    World, abnormal, attempt, data, everything, execution, finished, id, limited, list, result,
    results, shown, walk,
};

/// A FINISHED attempt whose only execution left something behind.
fn done(name: &str, object: &str, left: &str) -> AttemptRecord {
    AttemptRecord {
        current_execution: 1,
        execution: Some(ExecutionRecord {
            outcome: Some(data(left)),
            ..execution(1, State::Finished)
        }),
        ..finished(id(name, 1), object)
    }
}

fn left(execution: &dm::Execution) -> (&str, u32) {
    use dm::execution::data::ExecutionType;
    let data = execution.data.as_ref().expect("data");
    match &data.execution_type {
        Some(ExecutionType::Finished(finished)) => {
            let data = finished.data.as_ref().expect("a result");
            (&data.object, data.size)
        }
        other => panic!("not finished: {other:?}"),
    }
}

#[tokio::test]
async fn a21_a_finished_attempt_shows_its_result_and_what_its_execution_left() {
    let world = World::new();
    let object = r#"{"data":["very","yes"]}"#;
    world.put([done("x", object, r#"{"distributorState":true}"#)]);
    let answer = world.walk(walk(list(&[id("x", 1)]), 0, everything())).await;
    let attempt = shown(&answer, id("x", 1));
    assert_eq!(result(attempt), (object, 23));
    let execution = &attempt.executions[&1];
    assert_eq!(left(execution), (r#"{"distributorState":true}"#, 25));
    assert_eq!((&attempt.partial, execution.partial), (&None, false));
}

#[tokio::test]
async fn results_that_are_not_asked_for_show_their_size_alone() {
    let world = World::new();
    world.put([done("x", "{\"a\":1}", "{\"b\":22}")]);
    let include = wire::Include {
        attempt: Some(Options {
            data: true,
            ..Default::default()
        }),
        num_executions: 1,
        ..Default::default()
    };
    let answer = world.walk(walk(list(&[id("x", 1)]), 0, include)).await;
    let attempt = shown(&answer, id("x", 1));
    assert_eq!(result(attempt), ("", 7));
    assert_eq!(left(&attempt.executions[&1]), ("", 8));
    assert_eq!(attempt.partial, None);
    // A result cannot be shown without the data that holds it.
    let answer = world.walk(walk(list(&[id("x", 1)]), 0, results())).await;
    assert_eq!(result(shown(&answer, id("x", 1))), ("{\"a\":1}", 7));
}

#[tokio::test]
async fn a22_a_result_beyond_the_size_limit_is_blank_and_says_so() {
    let world = World::new();
    world.put([done(
        "x",
        r#"{"data":["very","yes"]}"#,
        r#"{"long":"as well"}"#,
    )]);
    let request = walk(list(&[id("x", 1)]), 0, everything());
    let request = limited(request, |limit| limit.max_data_size = 10);
    let answer = world.walk(request).await;
    let attempt = shown(&answer, id("x", 1));
    assert_eq!(result(attempt), ("", 23));
    assert_eq!(left(&attempt.executions[&1]), ("", 18));
    let partial = attempt.partial.expect("partial");
    assert_eq!(partial.result(), partial::Result::DataSizeLimit);
    assert!(!partial.data && !partial.executions);
    assert!(!answer.had_more, "asking again would not help");
}

#[tokio::test]
async fn a22_what_does_not_fit_leaves_room_for_smaller_results_further_on() {
    let world = World::new();
    let sizes = [("a", 40), ("b", 70), ("c", 50), ("d", 10), ("e", 1)];
    let object = |size: usize| "x".repeat(size);
    world.put(sizes.map(|(name, size)| finished(id(name, 1), &object(size))));
    let edges = sizes
        .windows(2)
        .map(|pair| (id(pair[0].0, 1), id(pair[1].0, 1)));
    world.depend(edges);
    let request = walk(list(&[id("a", 1)]), -1, results());
    let request = limited(request, |limit| limit.max_data_size = 100);
    let answer = world.walk(request).await;
    let fits = sizes.map(|(name, size)| {
        let attempt = shown(&answer, id(name, 1));
        assert_eq!(result(attempt).1 as usize, size);
        !result(attempt).0.is_empty()
    });
    assert_eq!(fits, [true, false, true, true, false]);
}

#[tokio::test]
async fn the_newest_executions_are_shown_and_abnormal_ones_only_on_request() {
    let world = World::new();
    let crashed = |number| ExecutionRecord {
        outcome: Some(abnormal("crashed")),
        ..execution(number, State::AbnormalFinished)
    };
    let stopped = |number| ExecutionRecord {
        outcome: Some(data("{}")),
        ..execution(number, State::Finished)
    };
    world.put([AttemptRecord {
        state: dm::attempt::State::Executing,
        current_execution: 6,
        execution: Some(execution(6, State::Running)),
        ..attempt(id("x", 1))
    }]);
    let past = vec![stopped(1), crashed(2), stopped(3), crashed(4), crashed(5)];
    world.put_past(id("x", 1), past);
    let numbers = |num_executions, abnormal| {
        let include = wire::Include {
            execution: Some(Options {
                abnormal,
                ..Default::default()
            }),
            num_executions,
            ..Default::default()
        };
        let request = walk(list(&[id("x", 1)]), 0, include);
        let world = &world;
        async move {
            let answer = world.walk(request).await;
            let attempt = shown(&answer, id("x", 1));
            assert_eq!(attempt.partial, None);
            attempt.executions.keys().copied().collect::<Vec<_>>()
        }
    };
    assert_eq!(numbers(0, true).await, [0; 0]);
    assert_eq!(numbers(1, false).await, [6]);
    assert_eq!(numbers(2, false).await, [3, 6]);
    assert_eq!(numbers(9, false).await, [1, 3, 6]);
    assert_eq!(numbers(3, true).await, [4, 5, 6]);
    assert_eq!(numbers(u32::MAX, true).await, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn executions_beyond_the_bound_are_said_to_be_missing() {
    let world = World::new();
    let past = |number| execution(number, State::Stopping);
    let with_executions = |count: u32| AttemptRecord {
        state: dm::attempt::State::Executing,
        current_execution: count,
        execution: Some(past(count)),
        ..attempt(id("x", count))
    };
    world.put([with_executions(128), with_executions(129)]);
    for count in [128, 129] {
        world.put_past(id("x", count), (1..count).map(past).collect());
    }
    for (count, asked, is_partial) in [(128, 500, false), (129, 128, false), (129, 129, true)] {
        let include = wire::Include {
            num_executions: asked,
            ..Default::default()
        };
        let answer = world.walk(walk(list(&[id("x", count)]), 0, include)).await;
        let attempt = shown(&answer, id("x", count));
        assert_eq!(attempt.executions.len(), 128);
        assert_eq!(attempt.partial.is_some_and(|it| it.executions), is_partial);
        assert!(!answer.had_more);
    }
}

#[tokio::test]
async fn long_reasons_of_many_executions_do_not_make_a_long_answer() {
    let world = World::new();
    let crashed = |number| ExecutionRecord {
        outcome: Some(abnormal(&"because ".repeat(2048))),
        ..execution(number, State::AbnormalFinished)
    };
    world.put([AttemptRecord {
        current_execution: 100,
        ..attempt(id("x", 1))
    }]);
    world.put_past(id("x", 1), (1..=100).map(crashed).collect());
    let mut include = everything();
    include.execution.get_or_insert_default().abnormal = true;
    let answer = world.walk(walk(list(&[id("x", 1)]), 0, include)).await;
    let attempt = shown(&answer, id("x", 1));
    assert!(attempt.executions.contains_key(&100) && attempt.executions.len() < 20);
    assert!(attempt.partial.is_some_and(|partial| partial.executions));
    assert!(!answer.had_more);
}

#[tokio::test]
async fn a_result_that_is_not_final_is_not_shown() {
    let world = World::new();
    world.put([AttemptRecord {
        state: dm::attempt::State::Executing,
        current_execution: 1,
        execution: Some(ExecutionRecord {
            outcome: Some(Outcome::Data(Arc::default())),
            ..execution(1, State::Stopping)
        }),
        outcome: Some(data("{\"not\":\"yet\"}")),
        ..attempt(id("x", 1))
    }]);
    let answer = world.walk(walk(list(&[id("x", 1)]), 0, everything())).await;
    let text = format!("{answer:?}");
    assert!(text.contains("Executing") && text.contains("Stopping"));
    assert!(!text.contains("yet"));
}
