//! What comes of the call: a result, nothing, another try, or a log line.

use distributor_core::dm::attempt::State;
use distributor_core::{Notification, TaskResult, TaskState};
use distributor_host::Received;
use distributor_host::Settings;
use distributor_host::driver::RetryPolicy;

use super::{ends, object, running};
use crate::support::{Method, Reply, World, permanent, run, secs, transient};

#[test]
fn dc_46_no_result_changes_nothing_but_the_journal() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let before = world.get(id);
        world.receive(id.execution(1)).await.expect("stored");
        world.settle().await;
        assert_eq!(world.get(id), before);
        assert_eq!(world.backend("b").count(Method::Notification), 1);
        assert_eq!(world.pending(), (0, 0));
    });
}

#[test]
fn dc_61_a_transient_error_is_tried_again_later() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        backend
            .notification
            .times(2, &|| Err(transient("busy")))
            .next(ends(r#"{"try":3}"#));
        world.receive(id.execution(1)).await.expect("stored");
        for calls in 1..=3 {
            world.settle().await;
            assert_eq!(backend.count(Method::Notification), calls);
            let left = usize::from(calls < 3);
            assert_eq!(world.pending().0, left);
            world.clock.advance(secs(1));
        }
        world.until_final(id).await;
        assert_eq!(object(&world, id), r#"{"try":3}"#);
    });
}

#[test]
fn dc_61_a_permanent_error_drops_it() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        let unreadable = Reply::Now(Err(permanent("unreadable")));
        backend.notification.next(unreadable);
        world.receive(id.execution(1)).await.expect("stored");
        world.settle().await;
        world.advance(secs(100)).await;
        assert_eq!(backend.count(Method::Notification), 1);
        assert_eq!(world.pending(), (0, 0));
        assert_eq!(world.get(id).state, State::Executing);
    });
}

#[test]
fn dc_61_after_the_last_try_the_poll_finds_the_result() {
    run(async {
        let retry = RetryPolicy {
            limit: 3,
            ..Default::default()
        };
        let world = World::with(Settings {
            retry,
            ..Default::default()
        });
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        backend
            .notification
            .rule(|_| Reply::Now(Err(transient("busy"))));
        backend
            .status
            .always(TaskState::Finished(TaskResult::data(r#"{"by":"poll"}"#)));
        world.receive(id.execution(1)).await.expect("stored");
        for _ in 0..10 {
            world.advance(secs(1)).await;
        }
        assert_eq!(backend.count(Method::Notification), 3);
        assert_eq!(world.pending(), (0, 0));
        assert_eq!(world.get(id).state, State::Executing);
        world.advance(secs(1000)).await;
        world.until_final(id).await;
        assert_eq!(object(&world, id), r#"{"by":"poll"}"#);
    });
}

#[test]
fn dc_61_a_backend_that_panics_is_called_again() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        backend.notification.next(Reply::Panic).next(ends("{}"));
        world.receive(id.execution(1)).await.expect("stored");
        world.settle().await;
        world.advance(secs(1)).await;
        world.until_final(id).await;
        assert_eq!(world.pending(), (0, 0));
    });
}

#[test]
fn what_no_backend_can_read_is_dropped_and_polling_goes_on() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.source.unlink("b");
        let received = world.receive(id.execution(1)).await.expect("stored");
        assert_eq!(received, Received::Recorded);
        world.settle().await;
        assert_eq!(world.pending(), (0, 0));
        assert_eq!(world.get(id).state, State::Executing);
        world.source.link("b", backend.clone());
        backend
            .status
            .always(TaskState::Finished(TaskResult::data("{}")));
        world.advance(secs(1000)).await;
        world.until_final(id).await;
        assert_eq!(backend.count(Method::Notification), 0);
    });
}

#[test]
fn a_large_notification_arrives_whole() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let data: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let notification = Notification::new(id.execution(1), data);
        let received = world.engine.receive(notification.clone(), "b").await;
        assert_eq!(received.expect("stored"), Received::Recorded);
        world.settle().await;
        let calls = world.backend("b").calls_of(Method::Notification);
        assert_eq!(calls[0].notification, Some(notification));
    });
}
