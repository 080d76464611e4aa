//! What a task does, row by row of its table.

use std::time::Duration;

use distributor_core::dm::abnormal_finish::Status;

use crate::graph::{Outcome, activation_token};
use crate::support::{Bench, Method, quest};

/// Six times "compile", each with six times "thingy", over "nerp" and "isolate_source".
pub(crate) const J02: &str = r#"{"name":"hello","stages":[{"deps":{"deps":[{"shards":"6","mixSeed":true,"phrase":
    {"name":"compile","returnStage":{"retval":"1"},"stages":[{"deps":{"deps":[{"shards":"6","phrase":
    {"name":"thingy","returnStage":{"retval":"1"},"stages":[{"deps":{"deps":[{"phrase":
    {"name":"nerp","returnStage":{"retval":"1"},"stages":[{"deps":{"deps":[{"phrase":
    {"name":"isolate_source","seed":"1","returnStage":{"retval":"1"}}}]}}]}}]}}]}}]}}]}}]}}]}"#;

fn success(value: i64) -> String {
    format!(r#"{{"success":true,"value":"{value}"}}"#)
}

/// A phrase that depends on one with these stages, once.
fn over(dependency: &str, stages: &str) -> String {
    format!(
        r#"{{"name":"root","returnStage":{{"retval":"100"}},"stages":[{{"deps":{{"deps":[{{{dependency}
        "phrase":{{"name":"leaf","returnStage":{{"retval":"7"}},"stages":[{stages}]}}}}]}}}}]}}"#
    )
}

#[tokio::test]
async fn j01_a_job_without_stages_gives_its_value() {
    let bench = Bench::new();
    let id = bench.submit(r#"{"name":"x","return_stage":{"retval":178}}"#, 1);
    assert_eq!(bench.object(id).await, r#"{"success":true,"value":"178"}"#);
    assert_eq!(bench.world.graph().attempts[&id].executions(), 1);
}

#[tokio::test]
async fn j02_fifty_quests_share_what_they_have_in_common() {
    let bench = Bench::new();
    let root = bench.submit(J02, 1);
    assert_eq!(bench.object(root).await, success(115));
    let graph = bench.world.graph();
    assert_eq!(graph.quests.len(), 50);
    assert_eq!(graph.attempts.len(), 50);
    let mut values: Vec<(String, usize)> = Vec::new();
    for (id, attempt) in &graph.attempts {
        let parameters = &graph.quests[&id.quest].parameters;
        let Some(Outcome::Data(data)) = &attempt.outcome else {
            panic!("{parameters}: {attempt:?}");
        };
        let is_leaf = parameters.starts_with(r#"{"name":"isolate_source""#);
        assert!((1..=2).contains(&attempt.executions()), "{parameters}");
        assert!(!is_leaf || attempt.executions() == 1, "{parameters}");
        match values.iter_mut().find(|(object, _)| *object == data.object) {
            Some((_, count)) => *count += 1,
            None => values.push((data.object.clone(), 1)),
        }
    }
    let count = |value| {
        let object = success(value);
        let found = values.iter().find(|(known, _)| *known == object);
        found.map_or(0, |(_, count)| *count)
    };
    assert_eq!([1, 2, 3, 19, 115].map(count), [1, 6, 36, 6, 1]);
}

#[tokio::test]
async fn the_value_is_1_if_the_phrase_does_not_say() {
    let bench = Bench::new();
    let id = bench.submit(r#"{"name":"x"}"#, 1);
    assert_eq!(bench.object(id).await, success(1));
    let id = bench.submit(r#"{"name":"x","returnStage":{}}"#, 1);
    assert_eq!(bench.object(id).await, r#"{"success":true}"#);
}

#[tokio::test]
async fn a_result_has_the_expiration_of_its_phrase_or_none() {
    let bench = Bench::new();
    let expiration = async |phrase: &str| match bench.finish(bench.submit(phrase, 1)).await {
        Outcome::Data(data) => data.expiration.map(|at| at.seconds),
        Outcome::Abnormal(finish) => panic!("{finish:?}"),
    };
    assert_eq!(expiration(r#"{"name":"x"}"#).await, None);
    assert_eq!(expiration(r#"{"name":"x","returnStage":{}}"#).await, None);
    let dated = r#"{"name":"x","returnStage":{"expiration":"2030-01-01T00:00:00Z"}}"#;
    assert_eq!(expiration(dated).await, Some(1_893_456_000));
}

#[tokio::test]
async fn a_stall_takes_its_time() {
    let bench = Bench::new();
    let id = bench.submit(r#"{"name":"x","stages":[{"stall":{"delay":"1.500s"}}]}"#, 1);
    let (object, slept) = tokio::join!(bench.object(id), bench.world.clock.pass_a_sleep());
    assert_eq!(object, success(1));
    assert_eq!(slept, Duration::from_millis(1_500));
}

#[tokio::test]
async fn a_failure_is_a_result_and_ends_the_job() {
    let bench = Bench::new();
    let stages = r#"{"failure":{"chance":1}},{"stall":{"delay":"60s"}}"#;
    let id = bench.submit(&format!(r#"{{"name":"x","stages":[{stages}]}}"#), 1);
    assert_eq!(bench.object(id).await, "{}");
    let id = bench.submit(r#"{"name":"x","stages":[{"failure":{"chance":0}}]}"#, 1);
    assert_eq!(bench.object(id).await, success(1));
}

#[tokio::test]
async fn a_job_waits_for_its_dependencies_and_adds_their_values() {
    let bench = Bench::new();
    let id = bench.submit(&over(r#""shards":"3","#, ""), 1);
    assert_eq!(bench.object(id).await, success(121));
    assert_eq!(bench.world.graph().attempts[&id].executions(), 2);
    // Asked once, halted, asked once more.
    assert_eq!(bench.world.calls(Method::Ensure).len(), 2);
}

#[tokio::test]
async fn dependencies_that_are_finished_already_cost_no_second_execution() {
    let bench = Bench::new();
    let first = bench.submit(&over(r#""shards":"3","#, ""), 1);
    bench.finish(first).await;
    let second = bench.submit(&over(r#""shards":"3","#, ""), 2);
    assert_eq!(bench.object(second).await, success(121));
    assert_eq!(bench.world.graph().attempts[&second].executions(), 1);
}

#[tokio::test]
async fn dependencies_have_the_configuration_that_the_quest_names() {
    let bench = Bench::new();
    bench.finish(bench.submit(&over("", ""), 1)).await;
    for desc in bench.world.graph().quests.values() {
        assert_eq!(desc.distributor_config_name, "as-written");
        assert_eq!(desc.meta, None);
    }
}

#[tokio::test]
async fn stages_with_dependencies_follow_each_other() {
    let stage = |name: &str, value: i64| {
        format!(
            r#"{{"deps":{{"deps":[{{"phrase":{{"name":"{name}","returnStage":{{"retval":"{value}"}}}}}}]}}}}"#
        )
    };
    let stages = [stage("a", 10), stage("b", 20), r#"{"deps":{}}"#.to_owned()];
    let bench = Bench::new();
    let phrase = format!(r#"{{"name":"x","stages":[{}]}}"#, stages.join(","));
    let id = bench.submit(&phrase, 1);
    assert_eq!(bench.object(id).await, success(31));
    assert_eq!(bench.world.graph().attempts[&id].executions(), 3);
    // a halts, a and b halt, b: a stage that is completed is not asked for again.
    assert_eq!(bench.world.calls(Method::Ensure).len(), 4);
}

#[tokio::test]
async fn every_attempt_of_a_sparse_range_counts() {
    let bench = Bench::new();
    let range = r#""attempts":{"items":[{"single":2},{"range":{"low":4,"high":5}}]},"#;
    let id = bench.submit(&over(range, ""), 1);
    assert_eq!(bench.object(id).await, success(121));
    let graph = bench.world.graph();
    let leaves = graph.attempts.keys().filter(|leaf| leaf.quest != id.quest);
    assert_eq!(
        leaves.map(|leaf| leaf.number).collect::<Vec<_>>(),
        [2, 4, 5]
    );
}

#[tokio::test]
async fn a_dependency_that_fails_fails_the_job() {
    let bench = Bench::new();
    let id = bench.submit(&over("", r#"{"failure":{"chance":1}}"#), 1);
    assert_eq!(bench.object(id).await, "{}");
    let bench = Bench::new();
    let range = r#""attempts":{"items":[{"range":{"low":1,"high":3}}]},"#;
    let id = bench.submit(&over(range, r#"{"failure":{"chance":1}}"#), 1);
    assert_eq!(bench.object(id).await, "{}");
}

#[tokio::test]
async fn a_dependency_is_retried_until_its_retries_are_used_up() {
    let bench = Bench::new();
    let id = bench.submit(&over(r#""retries":2,"#, r#"{"failure":{"chance":1}}"#), 1);
    assert_eq!(bench.object(id).await, "{}");
    let graph = bench.world.graph();
    let leaves = graph.attempts.keys().filter(|leaf| leaf.quest != id.quest);
    assert_eq!(
        leaves.map(|leaf| leaf.number).collect::<Vec<_>>(),
        [1, 2, 3]
    );
}

#[tokio::test]
async fn a_retry_that_succeeds_is_enough() {
    let bench = Bench::new();
    let id = bench.submit(&over(r#""retries":5,"#, ""), 1);
    bench.drive_until_called(Method::Ensure, 1).await;
    // The first attempt ends badly, the second is as the phrase says.
    let leaf = {
        let mut graph = bench.world.graph();
        let leaf = graph.starts.remove(0).id;
        let crash = distributor_core::TaskResult::abnormal(Status::Crashed, "as ordered");
        graph.task_ended(leaf, crash);
        leaf
    };
    assert_eq!(bench.object(id).await, success(107));
    let graph = bench.world.graph();
    let leaves = graph
        .attempts
        .keys()
        .filter(|it| it.quest == leaf.attempt.quest);
    assert_eq!(leaves.count(), 2);
}

#[tokio::test]
async fn t55_the_next_execution_gets_the_state_of_the_last() {
    let bench = Bench::new();
    let id = bench.submit(&over("", ""), 1);
    bench.drive_until_called(Method::Ensure, 1).await;
    let halted = bench.notification().await;
    assert_eq!(
        halted.data,
        br#"{"Status":"finished","StateOrReason":"{\"Stage\":0,\"Sum\":0}"}"#
    );
    assert_eq!(halted.id.attempt, id);
}

#[tokio::test]
async fn a_damaged_state_fails_the_task() {
    let bench = Bench::new();
    bench.submit(r#"{"name":"x"}"#, 1);
    let mut start = bench.next_start();
    start.previous = Some(distributor_core::dm::JsonResult {
        object: r#"{"Stage":1,"Sum":0}"#.to_owned(),
        ..Default::default()
    });
    let id = start.id.attempt;
    bench.world.graph().starts.push(start);
    let (status, reason) = bench.abnormal(id).await;
    assert_eq!(status, Status::Failed);
    assert_eq!(
        reason,
        "the state of the former execution: stage 1 of a phrase that has 0"
    );
}

#[tokio::test]
async fn who_finds_the_execution_activated_by_somebody_else_stops_quietly() {
    let bench = Bench::new();
    let id = bench.submit(r#"{"name":"x"}"#, 1).execution(1);
    let request = distributor_core::dm::ActivateExecutionReq {
        auth: Some(distributor_core::dm::execution::Auth {
            id: Some(id.into()),
            token: activation_token(id),
        }),
        execution_token: vec![7; 32],
    };
    bench
        .world
        .graph()
        .activate(&request)
        .expect("it is the first");
    let other = bench.submit(r#"{"name":"y"}"#, 1);
    bench.finish(other).await;
    // The stranger's execution goes on: nobody was told that it is over.
    assert_eq!(bench.world.calls(Method::Activate).len(), 2);
    assert!(bench.world.graph().attempts[&id.attempt].outcome.is_none());
    let state = distributor_core::TaskResult::data(r#"{"Stage":0,"Sum":0}"#);
    assert_eq!(
        bench.status(id).await.expect("it is known"),
        distributor_core::TaskState::Finished(state)
    );
}

#[tokio::test]
async fn a_sum_that_overflows_fails_the_task() {
    let bench = Bench::new();
    let huge = r#"{"name":"x","returnStage":{"retval":"1"},"stages":[{"deps":{"deps":[{"phrase":
        {"name":"y","returnStage":{"retval":"9223372036854775807"}}}]}}]}"#;
    let (status, reason) = bench.abnormal(bench.submit(huge, 1)).await;
    assert_eq!(status, Status::Failed);
    assert!(
        reason.starts_with("the sum of the values overflows"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_result_that_is_none_fails_the_task() {
    let bench = Bench::new();
    let id = bench.submit(&over("", ""), 1);
    bench.drive_until_called(Method::Ensure, 1).await;
    let leaf = bench.next_start();
    let mut odd = quest(r#"{"name":"odd"}"#);
    odd.distributor_config_name = "elsewhere".to_owned();
    {
        let mut graph = bench.world.graph();
        let attempt = graph.attempts.get_mut(&leaf.id.attempt).expect("the leaf");
        attempt.outcome = Some(Outcome::Data(distributor_core::dm::JsonResult {
            object: r#"{"happy":true}"#.to_owned(),
            ..Default::default()
        }));
    }
    // Whatever ends wakes the root.
    bench.world.graph().ensure_attempt(&odd, 1);
    let (status, reason) = bench.abnormal(id).await;
    assert_eq!(status, Status::Failed);
    assert!(
        reason.contains("unrecognized field name 'happy'"),
        "{reason}"
    );
}
