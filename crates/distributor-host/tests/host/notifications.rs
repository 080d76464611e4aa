//! Hints from backends in this process (DC-44 … DC-49, DC-59 … DC-62).

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::attempt::State;
use distributor_core::{AttemptId, Notification, TaskResult, TaskState, Token};
use distributor_host::Settings;
use distributor_store::StateCounts;
use distributor_store::records::Outcome;

use crate::support::{
    Gate, Method, Quest, Reply, World, abnormal_end, permanent, run, secs, started,
};

async fn running(world: &World, name: u32) -> AttemptId {
    world.backend("b").starts(secs(1000), TaskState::Running);
    let id = world.ensure_one(&Quest::simple("b", name)).await;
    world.until_executing(id).await;
    world.settle().await;
    id
}

fn object(world: &World, id: AttemptId) -> String {
    match world.get(id).outcome {
        Some(Outcome::Data(data)) => data.object.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn dc_44_45_60_a_notification_reaches_its_backend_unchanged_and_once() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        let mut notification = Notification::new(id.execution(1), vec![0, 0xff, 0xfe, b'a']);
        notification
            .attributes
            .insert("a".to_owned(), "1".to_owned());
        notification
            .attributes
            .insert("b".to_owned(), "zwei\0".to_owned());
        world.host.notify(notification.clone());
        backend.called(Method::Notification, 1).await;
        world.settle().await;
        let calls = backend.calls_of(Method::Notification);
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].notification, Some(notification));
    });
}

#[test]
fn dc_62_63_of_two_results_for_one_execution_the_first_counts() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        let gate = Gate::closed();
        for text in [r#"{"n":1}"#, r#"{"n":2}"#] {
            let result = Ok(Some(TaskResult::data(text)));
            backend
                .notification
                .next(Reply::Behind(gate.clone(), result));
            let hint = Notification::new(id.execution(1), Vec::new());
            world.host.notify(hint);
        }
        backend.called(Method::Notification, 2).await;
        gate.let_through(1);
        world.until_final(id).await;
        assert_eq!(object(&world, id), r#"{"n":1}"#);
        let before = world.get(id);
        gate.open();
        backend.answered(3).await;
        world.settle().await;
        let after = world.get(id);
        assert_eq!(
            (after.outcome, after.modified),
            (before.outcome, before.modified)
        );
        assert_eq!(after.execution, before.execution);
    });
}

#[test]
fn dc_46_no_result_changes_nothing() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        let before = world.get(id);
        world
            .host
            .notify(Notification::new(id.execution(1), Vec::new()));
        backend.answered(2).await;
        world.settle().await;
        assert_eq!(world.get(id), before);
    });
}

#[test]
fn dc_47_before_run_has_answered_it_becomes_a_status_query() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let gate = Gate::closed();
        let answer = started("settled", secs(1000), TaskState::Pending);
        backend.run.next(Reply::Behind(gate.clone(), Ok(answer)));
        backend
            .status
            .always(TaskState::Finished(TaskResult::data(r#"{"by":"poll"}"#)));
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        backend.called(Method::Run, 1).await;
        for _ in 0..3 {
            world
                .host
                .notify(Notification::new(id.execution(1), Vec::new()));
        }
        world.engine.flush().await;
        assert_eq!(backend.count(Method::GetStatus), 0);
        gate.open();
        world.until_final(id).await;
        world.settle().await;
        let queries = backend.calls_of(Method::GetStatus);
        assert_eq!(queries.len(), 1);
        assert_eq!(queries[0].token, Some(Token("settled".to_owned())));
        assert_eq!(object(&world, id), r#"{"by":"poll"}"#);
        assert_eq!(backend.count(Method::Notification), 0);
    });
}

#[test]
fn dc_47_the_delayed_query_survives_a_crash() {
    run(async {
        let mut world = World::new();
        let backend = world.backend("b");
        let never = Gate::closed();
        let answer = started("settled", secs(1000), TaskState::Pending);
        backend.run.next(Reply::Behind(never, Ok(answer.clone())));
        backend.run.next(Reply::Now(Ok(answer)));
        backend
            .status
            .always(TaskState::Finished(TaskResult::data("{}")));
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        backend.called(Method::Run, 1).await;
        world
            .host
            .notify(Notification::new(id.execution(1), Vec::new()));
        world.engine.flush().await;
        world.crash().await;
        world.until_final(id).await;
        assert_eq!(backend.count(Method::GetStatus), 1);
    });
}

#[test]
fn dc_48_unknown_executions_are_ignored() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        let commits = world.store.commits();
        let unknown = Quest::simple("b", "unknown").attempt();
        for execution in [unknown.execution(1), id.quest.attempt(2).execution(1)] {
            world.host.notify(Notification::new(execution, Vec::new()));
        }
        for number in [0, 2, u32::MAX] {
            world
                .host
                .notify(Notification::new(id.execution(number), Vec::new()));
        }
        world.settle().await;
        assert_eq!(backend.count(Method::Notification), 0);
        assert_eq!(backend.count(Method::GetStatus), 0);
        assert_eq!(world.store.commits(), commits, "nothing was written");
        let counts = world.inner.counts().expect("counts");
        assert_eq!(
            counts,
            StateCounts {
                executing: 1,
                ..Default::default()
            }
        );
    });
}

#[test]
fn dc_48_an_attempt_that_waits_for_room_knows_no_execution() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.set_capacity(0);
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        let before = world.get(id);
        world
            .host
            .notify(Notification::new(id.execution(1), Vec::new()));
        world.settle().await;
        assert_eq!(world.get(id), before);
        assert_eq!(backend.calls().len(), 0);
    });
}

#[test]
fn dc_49_results_for_what_is_over_change_nothing() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        let gate = Gate::closed();
        let late = Ok(Some(TaskResult::data(r#"{"late":1}"#)));
        backend
            .notification
            .next(Reply::Now(Ok(Some(TaskResult::data(r#"{"first":1}"#)))));
        backend.notification.next(Reply::Behind(gate.clone(), late));
        world
            .host
            .notify(Notification::new(id.execution(1), Vec::new()));
        world
            .host
            .notify(Notification::new(id.execution(1), Vec::new()));
        let record = world.until_final(id).await;
        gate.open();
        world
            .host
            .notify(Notification::new(id.execution(1), Vec::new()));
        world.settle().await;
        let after = world.get(id);
        assert_eq!(after.outcome, record.outcome);
        assert_eq!(after.modified, record.modified);
        assert_eq!(object(&world, id), r#"{"first":1}"#);
        assert!(
            backend.count(Method::Notification) <= 2,
            "what is over asks nobody"
        );
    });
}

#[test]
fn dc_49_a_late_result_does_not_end_the_next_execution() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(1000), TaskState::Running);
        let retry = distributor_core::dm::quest::desc::meta::Retry {
            failed: 1,
            ..Default::default()
        };
        let id = world.ensure_one(&Quest::simple("b", 1).retry(retry)).await;
        world.until_executing(id).await;
        let gate = Gate::closed();
        let failed = TaskResult::abnormal(Status::Failed, "first");
        backend
            .notification
            .next(Reply::Behind(gate.clone(), Ok(Some(failed.clone()))));
        backend.notification.next(Reply::Now(Ok(Some(failed))));
        world
            .host
            .notify(Notification::new(id.execution(1), Vec::new()));
        world
            .host
            .notify(Notification::new(id.execution(1), Vec::new()));
        world
            .until(id, |record| record.current_execution == 2)
            .await;
        gate.open();
        backend.answered(4).await;
        world.settle().await;
        assert_eq!(world.get(id).current_execution, 2);
        assert_eq!(world.get(id).state, State::Executing);
    });
}

#[test]
fn dc_61_result_none_and_permanent_error() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        backend.notification.next(Reply::Now(Ok(None)));
        backend
            .notification
            .next(Reply::Now(Err(permanent("unreadable"))));
        backend
            .notification
            .next(Reply::Now(Ok(Some(TaskResult::data(" { } ")))));
        for sent in 1..=3 {
            assert_eq!(world.get(id).state, State::Executing, "before {sent}");
            world
                .host
                .notify(Notification::new(id.execution(1), Vec::new()));
            backend.answered(1 + sent).await;
            world.settle().await;
        }
        assert_eq!(backend.count(Method::Notification), 3);
        assert_eq!(backend.count(Method::GetStatus), 0);
        world.until_final(id).await;
        assert_eq!(object(&world, id), "{}", "DC-59: normalized");
    });
}

#[test]
fn dc_59_junk_from_a_notification_is_malformed() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        backend
            .notification
            .next(Reply::Now(Ok(Some(TaskResult::data("junk")))));
        world
            .host
            .notify(Notification::new(id.execution(1), Vec::new()));
        let record = world.until_final(id).await;
        let (status, reason) = abnormal_end(&record);
        assert_eq!(status, Status::ResultMalformed);
        assert!(reason.contains("junk"), "{reason}");
    });
}

#[test]
fn a_flood_of_notifications_keeps_to_the_limit() {
    run(async {
        let world = World::with(Settings {
            calls_at_once: 8,
            ..Default::default()
        });
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        let gate = Gate::closed();
        let behind = gate.clone();
        backend
            .notification
            .rule(move |_| Reply::Behind(behind.clone(), Ok(None)));
        for _ in 0..1000 {
            world
                .host
                .notify(Notification::new(id.execution(1), Vec::new()));
        }
        backend.called(Method::Notification, 8).await;
        world.engine.flush().await;
        assert_eq!(backend.most_under_way(Method::Notification), 8);
        gate.open();
        // Those without room became one question.
        backend.called(Method::GetStatus, 1).await;
        world.settle().await;
        assert_eq!(backend.most_under_way(Method::Notification), 8);
        assert!(backend.count(Method::GetStatus) <= 2);
        backend.notification.always(Some(TaskResult::data("{}")));
        world
            .host
            .notify(Notification::new(id.execution(1), Vec::new()));
        world.until_final(id).await;
    });
}
