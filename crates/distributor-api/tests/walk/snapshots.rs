//! Where to look at a task: told by the configuration that it was started with.

use distributor_core::dm::execution::State;
use distributor_proto::dm;
use distributor_store::records::{AttemptRecord, ExecutionRecord};

use crate::support::{World, attempt, everything, execution, id, list, shown, snapshot, walk};

fn started_with(name: &str, version: &str) -> AttemptRecord {
    AttemptRecord {
        state: dm::attempt::State::Executing,
        current_execution: 1,
        execution: Some(ExecutionRecord {
            config: snapshot(name, version),
            ..execution(1, State::Scheduling)
        }),
        ..attempt(id(name, 1))
    }
}

async fn info(world: &World, name: &str) -> dm::execution::data::DistributorInfo {
    let request = walk(list(&[id(name, 1)]), 0, everything());
    let answer = world.walk(request).await;
    assert!(!answer.had_errors);
    let execution = &shown(&answer, id(name, 1)).executions[&1];
    let data = execution.data.as_ref().expect("data");
    data.distributor_info.clone().expect("distributor info")
}

#[tokio::test]
async fn a20_an_execution_shows_its_distributor_and_where_to_look_at_it() {
    let world = World::new();
    world.put([started_with("backend", "v1")]);
    let answer = world
        .walk(walk(list(&[id("backend", 1)]), 0, everything()))
        .await;
    let execution = &shown(&answer, id("backend", 1)).executions[&1];
    let data = execution.data.as_ref().expect("data");
    use dm::execution::data::{ExecutionType, Scheduling};
    let expected = ExecutionType::Scheduling(Scheduling {});
    assert_eq!(data.execution_type, Some(expected));
    let info = info(&world, "backend").await;
    assert_eq!(
        (info.config_name.as_str(), info.config_version.as_str()),
        ("backend", "v1")
    );
    assert_eq!(info.token, "task-1");
    assert_eq!(info.url, "https://backend/v1/task-1");
}

#[tokio::test]
async fn dc_03_a_reload_changes_nothing_of_what_runs() {
    let world = World::new();
    world.put([started_with("backend", "v1")]);
    world.backends.reload("v2");
    let info = info(&world, "backend").await;
    assert_eq!(info.config_version, "v1");
    assert_eq!(info.url, "https://backend/v1/task-1");
}

#[tokio::test]
async fn dc_42_each_execution_has_the_url_of_its_own_configuration() {
    let world = World::new();
    let mut record = started_with("backend", "v2");
    record.current_execution = 2;
    if let Some(execution) = &mut record.execution {
        execution.number = 2;
    }
    world.put([record]);
    world.put_past(id("backend", 1), vec![execution(1, State::Stopping)]);
    let request = walk(list(&[id("backend", 1)]), 0, everything());
    let answer = world.walk(request).await;
    let url = |number: u32| {
        let execution = shown(&answer, id("backend", 1)).executions.get(&number);
        let data = execution.and_then(|it| it.data.as_ref());
        let info = data.and_then(|it| it.distributor_info.as_ref());
        info.map(|info| info.url.clone())
    };
    assert_eq!(url(1).as_deref(), Some("https://backend/v1/task-1"));
    assert_eq!(url(2).as_deref(), Some("https://backend/v2/task-1"));
}

#[tokio::test]
async fn dc_42_a_backend_that_is_not_in_this_build_has_no_url_and_is_no_error() {
    let world = World::new();
    world.put([started_with("gone", "v1")]);
    let info = info(&world, "gone").await;
    assert_eq!((info.config_name.as_str(), info.url.as_str()), ("gone", ""));
}
