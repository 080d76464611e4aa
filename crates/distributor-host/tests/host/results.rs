//! What later executions and dependents are given of earlier results (DC-25, DC-59).

use std::sync::Arc;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::quest::desc::meta::Retry;
use distributor_core::{TaskResult, TaskState};
use distributor_host::Settings;
use distributor_store::{MemoryStore, SqliteStore, Store};

use crate::support::{Method, Quest, Reply, World, abnormal_end, job, run, secs, started};

#[test]
fn dc_25_the_last_successful_result_is_passed_on() {
    run(async {
        let directory = tempfile::tempdir().expect("a directory");
        let stores: [Arc<dyn Store>; 2] = [
            Arc::new(MemoryStore::new()),
            Arc::new(SqliteStore::open(directory.path()).expect("a store")),
        ];
        for store in stores {
            let world = World::on(store, Settings::default(), 1);
            let backend = world.jobs("b");
            world.finished(&backend, &job("over"), "{}").await;
            let retry = Retry {
                failed: 1,
                ..Default::default()
            };
            let first = world.new_job(&backend, &job(1).retry(retry)).await;
            let id = first.execution.attempt;
            let asked = world.depend(&first, &[job("open")]).await;
            assert!(asked.expect("a right request").halted);
            world.end(&first, r#" {"b": 1,"a":2} "#).await;
            let open = world.job(&backend, job("open").attempt()).await;
            world.finish(&open, "{}").await;
            // The second one fails: its result replaces nothing.
            let second = world.job(&backend, id).await;
            world.end(&second, "FAILED no").await;
            let third = world.job(&backend, id).await;
            world.finish(&third, "{}").await;
            let runs = backend.calls_of(Method::Run);
            let previous: Vec<_> = runs
                .iter()
                .filter(|run| run.execution.is_some_and(|it| it.attempt == id))
                .map(|run| run.previous_result.as_ref())
                .map(|result| result.map(|data| data.object.as_str()))
                .collect();
            let first = Some(r#"{"a":2,"b":1}"#);
            assert_eq!(previous, [None, first, first]);
        }
    });
}

#[test]
fn dc_59_every_path_normalizes() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        for (index, junk) in ["1", "[]", "null", "{", "{} {}"].iter().enumerate() {
            let state = TaskState::Finished(TaskResult::data(*junk));
            if index % 2 == 0 {
                backend
                    .run
                    .next(Reply::Now(Ok(started("t", secs(0), state))));
            } else {
                backend
                    .run
                    .next(Reply::Now(Ok(started("t", secs(5), TaskState::Running))));
                backend.status.next(Reply::Now(Ok(state)));
            }
            let id = world.ensure_one(&Quest::simple("b", index)).await;
            world.settle().await;
            world.advance(secs(5)).await;
            assert_eq!(
                abnormal_end(&world.get(id)).0,
                Status::ResultMalformed,
                "{junk:?}"
            );
        }
    });
}

#[test]
fn each_class_of_failure_has_its_own_budget() {
    for status in [
        Status::Failed,
        Status::Crashed,
        Status::Expired,
        Status::TimedOut,
    ] {
        run(async {
            let world = World::new();
            let backend = world.backend("b");
            let end = TaskState::Finished(TaskResult::abnormal(status, "again"));
            backend.starts(secs(0), end);
            let retry = Retry {
                failed: 1,
                crashed: 2,
                expired: 3,
                timed_out: 4,
            };
            let id = world.ensure_one(&Quest::simple("b", 1).retry(retry)).await;
            let record = world.until_final(id).await;
            let executions = record.current_execution;
            let budget = match status {
                Status::Failed => 1,
                Status::Crashed => 2,
                Status::Expired => 3,
                _ => 4,
            };
            assert_eq!(executions, budget + 1, "{status:?}");
            assert_eq!(abnormal_end(&record), (status, "again".to_owned()));
            let stored = world.inner.executions(id, 100).expect("executions");
            let numbers: Vec<u32> = stored.iter().rev().map(|it| it.number).collect();
            assert_eq!(numbers, (1..=executions).collect::<Vec<_>>());
            assert!(
                backend
                    .activation_tokens()
                    .values()
                    .all(|tokens| *tokens == 1)
            );
        });
    }
}

#[test]
fn what_cannot_be_retried_is_not() {
    for status in [
        Status::Cancelled,
        Status::Rejected,
        Status::Missing,
        Status::ResultMalformed,
    ] {
        run(async {
            let world = World::new();
            let backend = world.backend("b");
            let end = TaskState::Finished(TaskResult::abnormal(status, "the end"));
            backend.starts(secs(0), end);
            let retry = Retry {
                failed: 9,
                crashed: 9,
                expired: 9,
                timed_out: 9,
            };
            let id = world.ensure_one(&Quest::simple("b", 1).retry(retry)).await;
            let record = world.until_final(id).await;
            assert_eq!(record.current_execution, 1);
            assert_eq!(abnormal_end(&record), (status, "the end".to_owned()));
        });
    }
}

#[test]
fn backends_are_told_what_they_may_forget() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        world.until_final(id).await;
        // It happens on a thread of its own, after the commit.
        while backend.released().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            backend.released()[0].0,
            format!("task of {}", id.execution(1))
        );
    });
}
