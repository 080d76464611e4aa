//! The service is killed at every point of a task's life, and goes on from its log.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use distributor_core::{Distributor, ErrorKind, TaskState};

use crate::behaviour::J02;
use crate::graph::Outcome;
use crate::support::{Bench, Fault, Method};

const ROOT: &str = r#"{"name":"root","stages":[
    {"deps":{"deps":[{"phrase":{"name":"a","returnStage":{"retval":"10"}}}]}},
    {"deps":{"deps":[{"phrase":{"name":"b","returnStage":{"retval":"20"}}}]}}]}"#;
const DONE: &str = r#"{"success":true,"value":"31"}"#;

fn log(directory: &Path) -> PathBuf {
    let mut files = fs::read_dir(directory).expect("the folder");
    files.next().expect("a file").expect("an entry").path()
}

/// Runs the tree of three jobs, killing the service at call number `at` of the method, before or
/// after it is carried out.
async fn kill_at(method: Method, at: usize, fault: Fault) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::on_disk(folder.path());
    let id = bench.submit(ROOT, 1);
    bench.drive_until_called(method, at - 1).await;
    bench.world.fault(method, fault);
    bench.drive_until_called(method, at).await;
    bench.restart().await;
    assert_eq!(bench.object(id).await, DONE, "{method:?} {at} {fault:?}");
    let graph = bench.world.graph();
    assert_eq!(graph.attempts.len(), 3);
    for attempt in graph.attempts.values() {
        assert!(matches!(attempt.outcome, Some(Outcome::Data(_))));
    }
}

#[tokio::test]
async fn a_kill_at_any_call_loses_nothing_and_fails_nothing() {
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        for at in 1..=5 {
            kill_at(Method::Activate, at, fault).await;
        }
        for at in 1..=4 {
            kill_at(Method::Ensure, at, fault).await;
        }
        for at in 1..=3 {
            kill_at(Method::Finish, at, fault).await;
        }
    }
}

#[tokio::test]
async fn an_end_that_nobody_was_told_is_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::on_disk(folder.path());
    let id = bench.submit(r#"{"name":"x"}"#, 1);
    bench.try_run(bench.next_start()).await.expect("it starts");
    bench.notification().await;
    // Ended, told, not heard.
    bench.restart().await;
    assert!(bench.world.graph().attempts[&id].outcome.is_some());
    assert_eq!(bench.world.calls(Method::Activate).len(), 1);
}

#[tokio::test]
async fn dc_26_a_run_whose_answer_was_lost_in_a_crash_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::on_disk(folder.path());
    let id = bench.submit(r#"{"name":"x","stages":[{"stall":{"delay":"60s"}}]}"#, 1);
    let start = bench.next_start();
    let started = bench.try_run(start.clone()).await.expect("it starts");
    bench.restart().await;
    let again = bench.try_run(start).await.expect("it is known");
    assert_eq!(again, started);
    let (object, _) = tokio::join!(bench.object(id), bench.world.clock.pass_a_sleep());
    assert_eq!(object, r#"{"success":true,"value":"1"}"#);
}

#[tokio::test]
async fn a_cancelled_task_stays_cancelled() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::on_disk(folder.path());
    let id = bench.submit(r#"{"name":"x","stages":[{"stall":{"delay":"60s"}}]}"#, 1);
    bench.try_run(bench.next_start()).await.expect("it starts");
    let token = bench.token(id.execution(1));
    let desc = distributor_core::dm::quest::Desc::default();
    bench.backend.cancel(&desc, &token).await.expect("it runs");
    bench.restart().await;
    let graph = bench.world.graph();
    assert!(matches!(
        graph.attempts[&id].outcome,
        Some(Outcome::Abnormal(_))
    ));
}

#[tokio::test]
async fn what_was_released_is_gone_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::on_disk(folder.path());
    let id = bench.submit(r#"{"name":"x"}"#, 1);
    bench.object(id).await;
    bench.restart().await;
    assert!(bench.status(id.execution(1)).await.is_err());
    let text = fs::read_to_string(log(folder.path())).expect("the log");
    assert_eq!(text, "{\"header\":{\"format\":1}}\n");
}

#[tokio::test]
async fn the_whole_of_j02_survives_kills_on_the_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::on_disk(folder.path());
    let root = bench.submit(J02, 1);
    for calls in [1, 8, 20, 40, 60] {
        bench.drive_until_called(Method::Activate, calls).await;
        bench.restart().await;
    }
    assert_eq!(
        bench.object(root).await,
        r#"{"success":true,"value":"115"}"#
    );
    assert_eq!(bench.world.graph().attempts.len(), 50);
}

#[tokio::test]
async fn the_log_is_for_its_owner_only_and_a_torn_line_harms_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::on_disk(folder.path());
    let id = bench.submit(r#"{"name":"x","stages":[{"stall":{"delay":"60s"}}]}"#, 1);
    bench.try_run(bench.next_start()).await.expect("it starts");
    let path = log(folder.path());
    let mode = fs::metadata(&path).expect("the log").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    bench.kill();
    let mut text = fs::read(&path).expect("the log");
    text.extend_from_slice(b"{\"ended\":{\"id\":\"");
    fs::write(&path, text).expect("a torn log");
    bench.restart().await;
    assert_eq!(
        bench.status(id.execution(1)).await.expect("known"),
        TaskState::Running
    );
}

#[tokio::test]
async fn a_log_of_another_form_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::on_disk(folder.path());
    bench.submit(r#"{"name":"x"}"#, 1);
    let start = bench.next_start();
    bench.try_run(start.clone()).await.expect("it starts");
    bench.kill();
    let path = log(folder.path());
    fs::write(&path, "{\"header\":{\"format\":2}}\n").expect("another log");
    bench.revive();
    let error = bench.try_run(start).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("form 2 is not the 1"), "{error}");
    let text = fs::read_to_string(&path).expect("the log");
    assert_eq!(text, "{\"header\":{\"format\":2}}\n");
}

#[tokio::test]
async fn a_sweep_forgets_ended_tasks_that_the_host_does_not_know() {
    let folder = tempfile::tempdir().expect("a folder");
    let bench = Bench::on_disk(folder.path());
    let mut ids = Vec::new();
    for name in ["gone", "known"] {
        ids.push(
            bench
                .submit(&format!(r#"{{"name":"{name}"}}"#), 1)
                .execution(1),
        );
        bench.try_run(bench.next_start()).await.expect("it starts");
        bench.notification().await;
    }
    let known = |asked: &[distributor_core::ExecutionId]| {
        Ok(asked.iter().map(|id| *id == ids[1]).collect())
    };
    bench.backend.sweep(&known).expect("it sweeps");
    assert!(bench.status(ids[0]).await.is_err());
    assert!(bench.status(ids[1]).await.is_ok());
}
