//! Where tasks stand: one, and many at once.

use std::sync::Arc;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{Distributor, ErrorKind, TaskResult, TaskState, dm};
use serde_json::json;

use crate::server::{Reply, Seen, Server};
use crate::support::{Bench, TASK, quest, task, token};

#[tokio::test]
async fn dc_39_no_result_until_the_end_then_the_same_for_ever() {
    let mut end = task("COMPLETED");
    end["exit_code"] = json!("3");
    end["bot_dimensions"] = json!([{"key": "os", "value": ["Linux", "Ubuntu-24.04"]}]);
    let states = [task("PENDING"), task("RUNNING"), end.clone(), end];
    let server = Server::scripted(states.map(|state| Reply::json(200, &state))).await;
    let bench = Bench::new(&server);
    assert_eq!(
        bench.status(TASK).await.expect("an answer"),
        TaskState::Pending
    );
    assert_eq!(
        bench.status(TASK).await.expect("an answer"),
        TaskState::Running
    );
    let state = bench.status(TASK).await.expect("an answer");
    let TaskState::Finished(TaskResult::Data(data)) = &state else {
        panic!("{state:?}");
    };
    let object: serde_json::Value = serde_json::from_str(&data.object).expect("JSON");
    let expected = json!({"exit_code": "3", "snapshot_dimensions": {"os": "Ubuntu-24.04"}});
    assert_eq!(object, expected);
    bench.advance(86_400);
    assert_eq!(bench.status(TASK).await.expect("an answer"), state);
}

#[tokio::test]
async fn the_original_had_no_answer_for_these_states() {
    for (state, status) in [
        ("KILLED", Status::Cancelled),
        ("NO_RESOURCE", Status::Expired),
        ("CLIENT_ERROR", Status::Rejected),
        ("QUARANTINED", Status::ResultMalformed),
        ("", Status::ResultMalformed),
    ] {
        let server = Server::scripted([Reply::json(200, &task(state))]).await;
        let answer = Bench::new(&server).status(TASK).await.expect("an answer");
        let TaskState::Finished(TaskResult::Abnormal(finish)) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(finish.status(), status, "{state}");
    }
}

#[tokio::test]
async fn the_original_crashed_on_parameters_that_it_could_not_read_any_more() {
    let server = Server::scripted([Reply::json(200, &task("COMPLETED"))]).await;
    let quest = dm::quest::Desc {
        distributor_parameters: "{}".to_owned(),
        ..quest()
    };
    let bench = Bench::new(&server);
    let state = bench
        .backend
        .get_status(&quest, &token(TASK))
        .await
        .expect("an answer");
    assert!(
        matches!(state, TaskState::Finished(TaskResult::Data(_))),
        "{state:?}"
    );
}

#[tokio::test]
async fn dc_40_a_token_that_is_no_id_is_of_no_task_and_is_not_sent() {
    let server = Server::scripted([]).await;
    let bench = Bench::new(&server);
    for bogus in ["", "..", "a/b", "a?b#c", "ü", "a\nb", "%2e"] {
        let error = bench.status(bogus).await.expect_err("no task");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(!error.is_transient());
        assert_eq!(error.to_string(), "swarming: notFound");
    }
    assert!(server.calls().is_empty());
}

/// Asks for these tasks at once.
async fn ask(server: &Server, ids: &[&str]) -> Vec<Result<TaskState, distributor_core::Error>> {
    let quest = Arc::new(quest());
    let tasks: Vec<_> = ids
        .iter()
        .map(|id| (Arc::clone(&quest), token(id)))
        .collect();
    Bench::new(server).backend.get_statuses(&tasks).await
}

fn asked_for(seen: &Seen) -> Vec<&str> {
    let ids = seen.query.iter().filter(|(key, _)| key == "task_id");
    ids.map(|(_, id)| id.as_str()).collect()
}

/// `aN` runs, `bN` is over, `cN` waits, all others are unknown.
fn farm(seen: &Seen) -> Reply {
    let state = |id: &str| match id.as_bytes().first() {
        Some(b'a') => "RUNNING",
        Some(b'b') => "COMPLETED",
        // Also for what it does not know.
        _ => "PENDING",
    };
    if seen.path.ends_with("tasks/get_states") {
        let states: Vec<_> = asked_for(seen).into_iter().map(state).collect();
        return Reply::json(200, &json!({"states": states}));
    }
    match seen.task() {
        id if id.starts_with(['a', 'b', 'c']) => Reply::json(
            200,
            &json!({"task_id": id, "state": state(id), "exit_code": 0}),
        ),
        _ => Reply::text(404, "not found"),
    }
}

#[tokio::test]
async fn one_call_tells_which_of_many_tasks_run() {
    let server = Server::new(farm).await;
    let ids: Vec<String> = (0..250).map(|number| format!("a{number:03}0")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let states = ask(&server, &ids).await;
    assert_eq!(states.len(), 250);
    assert!(
        states
            .iter()
            .all(|state| matches!(state, Ok(TaskState::Running)))
    );
    let batches: Vec<usize> = server
        .seen()
        .iter()
        .map(|seen| asked_for(seen).len())
        .collect();
    assert_eq!(batches, [100, 100, 50]);
    assert!(ask(&server, &[]).await.is_empty());
}

#[tokio::test]
async fn each_of_many_tasks_has_its_own_answer_in_order() {
    let server = Server::new(farm).await;
    let states = ask(&server, &["d0", "a0", "b0", "not an id", "c0", "b1"]).await;
    let shown: Vec<&str> = states
        .iter()
        .map(|state| match state {
            Ok(TaskState::Pending) => "pending",
            Ok(TaskState::Running) => "running",
            Ok(TaskState::Finished(_)) => "finished",
            Err(error) if error.kind() == ErrorKind::NotFound && !error.is_transient() => "none",
            Err(error) => panic!("{error:?}"),
        })
        .collect();
    assert_eq!(
        shown,
        ["none", "running", "finished", "none", "pending", "finished"]
    );
    // The one that runs was not asked for again.
    assert!(!server.calls().contains(&"GET task/a0/result".to_owned()));
}

#[tokio::test]
async fn one_bad_id_does_not_spoil_the_answers_for_the_others() {
    let server = Server::new(|seen| match seen.path.ends_with("get_states") {
        true => Reply::text(400, "Invalid task ID"),
        false => farm(seen),
    })
    .await;
    let states = ask(&server, &["a0", "d0", "b0"]).await;
    assert!(matches!(states[0], Ok(TaskState::Running)));
    assert!(states[1].is_err());
    assert!(matches!(states[2], Ok(TaskState::Finished(_))));
}

#[tokio::test]
async fn many_tasks_at_a_server_that_cannot_answer_cost_one_call() {
    for reply in [
        Reply::new(503, &[("Retry-After", "9")], b""),
        Reply::close(),
        Reply::json(200, &json!({"states": ["RUNNING"]})),
    ] {
        let server = Server::scripted([reply]).await;
        let states = ask(&server, &["a0", "a1"]).await;
        assert_eq!(server.calls().len(), 1);
        for state in states {
            assert!(state.expect_err("no answer").is_transient());
        }
    }
}
