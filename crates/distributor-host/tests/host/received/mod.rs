//! Notifications from outside: what is recorded, what is ignored, and what the backend is shown
//! (DC-05, DC-07, DC-44 … DC-49, DC-60, DC-61).

mod crashes;
mod handling;
mod limits;
mod turns;
mod unsettled;

use distributor_core::{AttemptId, Notification, TaskResult, TaskState, Token};
use distributor_host::Received;
use distributor_store::records::Outcome;

use crate::support::{Gate, Method, Quest, Reply, World, run, secs};

/// An attempt whose task runs, and is not asked about for long.
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

fn ends(text: &str) -> Reply<Option<TaskResult>> {
    Reply::Now(Ok(Some(TaskResult::data(text))))
}

#[test]
fn dc_44_45_60_what_was_received_reaches_its_backend_unchanged_and_once() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let mut notification = Notification::new(id.execution(1), vec![0, 0xff, 0xfe, b'a']);
        for (key, value) in [("a", "1"), ("b", "zwei\0"), ("", "")] {
            notification
                .attributes
                .insert(key.to_owned(), value.to_owned());
        }
        let received = world.engine.receive(notification.clone(), "b").await;
        assert_eq!(received.expect("stored"), Received::Recorded);
        world.settle().await;
        let calls = world.backend("b").calls_of(Method::Notification);
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].notification, Some(notification));
    });
}

#[test]
fn dc_44_the_sender_is_answered_after_the_commit_and_before_the_call() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        let gate = Gate::closed();
        let behind = Reply::Behind(gate.clone(), Ok(None));
        backend.notification.next(behind);
        let hold = world.store.hold_next_commit();
        let engine = world.engine.clone();
        let receiving = tokio::spawn(async move {
            let notification = Notification::new(id.execution(1), Vec::new());
            engine.receive(notification, "b").await
        });
        world.store.held().await;
        assert!(!receiving.is_finished(), "nothing is durable yet");
        assert_eq!(backend.count(Method::Notification), 0);
        drop(hold);
        let received = receiving.await.expect("no panic").expect("stored");
        assert_eq!(received, Received::Recorded);
        assert_eq!(world.pending().0, 1);
        gate.open();
        world.settle().await;
        assert_eq!(world.pending(), (0, 0));
    });
}

#[test]
fn dc_05_a_notification_ends_an_execution_before_its_poll() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        world.backend("b").notification.next(ends(r#"{"n":1}"#));
        let received = world.receive(id.execution(1)).await.expect("stored");
        assert_eq!(received, Received::Recorded);
        world.until_final(id).await;
        assert_eq!(object(&world, id), r#"{"n":1}"#);
        assert_eq!(world.backend("b").count(Method::GetStatus), 0);
        assert_eq!(world.pending(), (0, 0));
    });
}

#[test]
fn dc_03_07_the_backend_is_built_from_the_stored_configuration_and_shown_the_stored_token() {
    run(async {
        let mut world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        world.source.set("b", "other content", "v2");
        world.receive(id.execution(1)).await.expect("stored");
        world.settle().await;
        world.source.remove("b");
        world.restart().await;
        world.receive(id.execution(1)).await.expect("stored");
        world.settle().await;
        let calls = backend.calls_of(Method::Notification);
        assert_eq!(calls.len(), 2);
        let token = Token(format!("task of {}", id.execution(1)));
        for call in calls {
            assert_eq!(call.config.version, "v1");
            assert_eq!(call.config.content, b"content");
            assert_eq!(call.token.as_ref(), Some(&token));
        }
    });
}

#[test]
fn dc_07_a_token_of_another_configuration_opens_nothing() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        world.backend("other");
        let commits = world.store.commits();
        for name in ["other", "", "B", "b "] {
            let notification = Notification::new(id.execution(1), Vec::new());
            let received = world.engine.receive(notification, name).await;
            let received = received.expect("nothing to store");
            assert_eq!(received, Received::OtherConfiguration, "{name:?}");
        }
        world.settle().await;
        assert_eq!(world.store.commits(), commits, "nothing was written");
        for name in ["b", "other"] {
            assert_eq!(world.backend(name).count(Method::Notification), 0);
            assert_eq!(world.backend(name).count(Method::GetStatus), 0);
        }
    });
}

#[test]
fn dc_07_an_alias_is_resolved_before_a_token_is_made() {
    run(async {
        let world = World::new();
        world.backend("b").starts(secs(1000), TaskState::Running);
        world.source.alias("alias", "b");
        let id = world.ensure_one(&Quest::simple("alias", 1)).await;
        world.until_executing(id).await;
        let notification = || Notification::new(id.execution(1), Vec::new());
        let by_alias = world.engine.receive(notification(), "alias").await;
        assert_eq!(
            by_alias.expect("nothing to store"),
            Received::OtherConfiguration
        );
        let resolved = world.engine.receive(notification(), "b").await;
        assert_eq!(resolved.expect("stored"), Received::Recorded);
    });
}

#[test]
fn dc_48_unknown_executions_are_ignored_when_received() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let commits = world.store.commits();
        let unknown = Quest::simple("b", "unknown").attempt();
        let mut executions = vec![unknown.execution(1), id.quest.attempt(2).execution(1)];
        executions.extend([0, 2, u32::MAX].map(|number| id.execution(number)));
        for execution in executions {
            let received = world.receive(execution).await.expect("nothing to store");
            assert_eq!(received, Received::Unknown, "{execution}");
        }
        world.settle().await;
        assert_eq!(world.store.commits(), commits, "nothing was written");
        assert_eq!(world.backend("b").count(Method::Notification), 0);
        assert_eq!(world.backend("b").count(Method::GetStatus), 0);
    });
}

#[test]
fn dc_48_without_a_run_there_is_nothing_to_hear_of() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.set_capacity(0);
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        let before = world.get(id);
        let received = world.receive(id.execution(1)).await;
        assert_eq!(received.expect("nothing to store"), Received::Unknown);
        assert_eq!(world.get(id), before);
        assert_eq!(backend.calls().len(), 0);
    });
}

#[test]
fn dc_49_what_is_over_is_not_asked_about() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let first = running(&world, 1).await;
        backend.notification.next(ends("{}"));
        for turn in 0..3 {
            let received = world.receive(first.execution(1)).await;
            let expected = match turn {
                0 => Received::Recorded,
                _ => Received::Over,
            };
            assert_eq!(received.expect("stored"), expected);
            world.until_final(first).await;
        }
        let ended = world.get(first);
        let commits = world.store.commits();
        world.receive(first.execution(1)).await.expect("ignored");
        world.settle().await;
        assert_eq!(backend.count(Method::Notification), 1);
        assert_eq!(world.get(first), ended);
        assert_eq!(world.store.commits(), commits, "nothing was written");
    });
}

#[test]
fn dc_49_a_former_execution_is_over() {
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
        let failed = TaskResult::abnormal(
            distributor_core::dm::abnormal_finish::Status::Failed,
            "first",
        );
        backend.notification.next(Reply::Now(Ok(Some(failed))));
        world.receive(id.execution(1)).await.expect("stored");
        world
            .until(id, |record| {
                record.current_execution == 2 && record.prepared.is_none()
            })
            .await;
        let late = world.receive(id.execution(1)).await;
        assert_eq!(late.expect("nothing to store"), Received::Over);
        let current = world.receive(id.execution(2)).await;
        assert_eq!(current.expect("stored"), Received::Recorded);
    });
}
