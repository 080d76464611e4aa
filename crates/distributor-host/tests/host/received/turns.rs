//! Notifications about one execution are handled one after the other (DC-62).

use distributor_core::{AttemptId, Notification, TaskResult, TaskState};
use distributor_host::driver::NotificationLimits;
use distributor_host::{Received, Settings};

use super::{ends, object, running};
use crate::support::{Gate, Method, Reply, World, run, secs, transient};

async fn receive(world: &World, id: AttemptId, data: &str) {
    let notification = Notification::new(id.execution(1), data.as_bytes().to_vec());
    let received = world.engine.receive(notification, "b").await;
    assert_eq!(received.expect("stored"), Received::Recorded);
}

/// What the backend was shown so far.
fn shown(world: &World) -> Vec<String> {
    let calls = world.backend("b").calls_of(Method::Notification);
    let data = calls.into_iter().filter_map(|call| call.notification);
    data.map(|it| String::from_utf8(it.data).expect("text"))
        .collect()
}

#[test]
fn dc_62_a_burst_is_one_call_at_a_time_in_order() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        let gate = Gate::closed();
        let behind = gate.clone();
        backend
            .notification
            .rule(move |_| Reply::Behind(behind.clone(), Ok(None)));
        for data in ["1", "2", "3", "4", "5"] {
            receive(&world, id, data).await;
        }
        for calls in 1..=5 {
            backend.called(Method::Notification, calls).await;
            world.engine.flush().await;
            assert_eq!(backend.count(Method::Notification), calls);
            assert_eq!(world.pending().0, 6 - calls);
            gate.let_through(1);
        }
        world.settle().await;
        assert_eq!(shown(&world), ["1", "2", "3", "4", "5"]);
        assert_eq!(backend.most_under_way(Method::Notification), 1);
        assert_eq!(world.pending(), (0, 0));
    });
}

#[test]
fn dc_62_the_first_result_counts_and_the_rest_is_not_asked() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        let gate = Gate::closed();
        let first = Ok(Some(TaskResult::data(r#"{"n":1}"#)));
        backend
            .notification
            .next(Reply::Behind(gate.clone(), first));
        backend.notification.next(ends(r#"{"n":2}"#));
        for data in ["1", "2", "3"] {
            receive(&world, id, data).await;
        }
        backend.called(Method::Notification, 1).await;
        world.engine.flush().await;
        let commits = world.store.commits();
        gate.open();
        world.until_final(id).await;
        world.settle().await;
        assert_eq!(world.pending(), (0, 0));
        assert_eq!(
            world.store.commits(),
            commits + 1,
            "gone with the end itself"
        );
        assert_eq!(object(&world, id), r#"{"n":1}"#);
        assert_eq!(shown(&world), ["1"]);
    });
}

#[test]
fn dc_62_one_that_is_to_be_tried_again_keeps_its_turn() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        backend.notification.times(2, &|| Err(transient("busy")));
        for data in ["1", "2"] {
            receive(&world, id, data).await;
        }
        world.settle().await;
        assert_eq!(shown(&world), ["1"]);
        for _ in 0..3 {
            world.advance(secs(1)).await;
        }
        assert_eq!(shown(&world), ["1", "1", "1", "2"]);
        assert_eq!(world.pending(), (0, 0));
    });
}

#[test]
fn what_ends_by_a_poll_leaves_no_rows_behind() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        backend.notification.times(9, &|| Err(transient("busy")));
        backend
            .status
            .always(TaskState::Finished(TaskResult::data("{}")));
        for data in ["1", "2", "3"] {
            receive(&world, id, data).await;
        }
        world.settle().await;
        let cancelled = world.engine.cancel(id, "enough".to_owned()).await;
        cancelled.expect("taken");
        world.advance(secs(5)).await;
        world.until_final(id).await;
        let calls = backend.count(Method::Notification);
        world.advance(secs(60)).await;
        assert_eq!(world.pending(), (0, 0));
        assert_eq!(backend.count(Method::Notification), calls);
    });
}

#[test]
fn what_waits_behind_a_row_that_asks_for_nothing_any_more_goes_with_it() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        let busy = transient("busy").retry_after(secs(90));
        backend.notification.next(Reply::Now(Err(busy)));
        for data in ["1", "2", "3"] {
            receive(&world, id, data).await;
        }
        world.settle().await;
        let done = TaskState::Finished(TaskResult::data("{}"));
        backend.status.always(done);
        let cancelled = world.engine.cancel(id, "enough".to_owned()).await;
        cancelled.expect("taken");
        world.advance(secs(5)).await;
        world.until_final(id).await;
        assert_eq!(shown(&world), ["1"], "no call is under way");
        world.advance(secs(90)).await;
        assert_eq!(world.pending(), (0, 0));
        assert_eq!(shown(&world), ["1"]);
    });
}

/// Two rows that are to be tried again within a second.
async fn two_delayed(world: &World, id: AttemptId) {
    let backend = world.backend("b");
    backend.notification.times(2, &|| Err(transient("busy")));
    for calls in 1..=2 {
        let hint = Notification::new(id.execution(1), Vec::new());
        world.host.notify(hint);
        backend.called(Method::Notification, calls).await;
        world.settle().await;
    }
    assert_eq!(world.pending().0, 2);
}

#[test]
fn a_row_that_is_due_and_must_wait_keeps_nobody_awake() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        two_delayed(&world, id).await;
        let gate = Gate::closed();
        let behind = Reply::Behind(gate.clone(), Ok(None));
        backend.notification.next(behind);
        world.clock.advance(secs(1));
        backend.called(Method::Notification, 3).await;
        let turns = async |turns| {
            for _ in 0..turns {
                world.engine.flush().await;
                tokio::task::yield_now().await;
            }
            world.store.reads("due_journal")
        };
        let reads = turns(10).await;
        assert_eq!(turns(20).await, reads, "nothing is to be found");
        gate.open();
        world.settle().await;
        assert_eq!(backend.count(Method::Notification), 4);
        assert_eq!(world.pending(), (0, 0));
    });
}

#[test]
fn many_due_rows_that_must_wait_hide_no_other() {
    // More than the host reads at once.
    const MANY: usize = 600;
    run(async {
        let world = World::with(Settings {
            notifications: NotificationLimits {
                per_execution: MANY,
                ..Default::default()
            },
            ..Default::default()
        });
        let (id, other) = (running(&world, 1).await, running(&world, 2).await);
        let backend = world.backend("b");
        backend
            .notification
            .times(MANY + 1, &|| Err(transient("busy").retry_after(secs(5))));
        for _ in 0..MANY {
            let hint = Notification::new(id.execution(1), Vec::new());
            world.host.notify(hint);
        }
        backend.called(Method::Notification, MANY).await;
        world.settle().await;
        world.clock.advance(secs(1));
        receive(&world, other, "other").await;
        world.settle().await;
        assert_eq!(world.pending().0, MANY + 1);
        let gate = Gate::closed();
        let behind = Reply::Behind(gate.clone(), Ok(None));
        backend.notification.next(behind);
        world.clock.advance(secs(4));
        backend.called(Method::Notification, MANY + 2).await;
        backend.notification.next(ends("{}"));
        world.clock.advance(secs(1));
        world.until_final(other).await;
        gate.open();
        world.settle().await;
        assert_eq!(world.pending(), (0, 0));
    });
}

#[test]
fn a_due_row_that_goes_with_its_execution_is_not_remembered() {
    run(async {
        let world = World::new();
        let (id, other) = (running(&world, 1).await, running(&world, 2).await);
        let backend = world.backend("b");
        two_delayed(&world, id).await;
        backend.notification.next(ends("{}"));
        world.advance(secs(1)).await;
        world.until_final(id).await;
        assert_eq!(
            (backend.count(Method::Notification), world.pending().0),
            (3, 0)
        );
        // Who remembers no such row has one question for the next moment.
        let reads = world.store.reads("next_due");
        world.advance(secs(1000)).await;
        assert_eq!(backend.calls_of(Method::GetStatus).len(), 1, "{other}");
        assert!(world.store.reads("next_due") > reads);
    });
}

#[test]
fn other_executions_do_not_wait() {
    run(async {
        let world = World::new();
        let (slow, fast) = (running(&world, 1).await, running(&world, 2).await);
        let backend = world.backend("b");
        let gate = Gate::closed();
        backend
            .notification
            .next(Reply::Behind(gate.clone(), Ok(None)))
            .next(ends("{}"));
        receive(&world, slow, "1").await;
        backend.called(Method::Notification, 1).await;
        receive(&world, slow, "2").await;
        receive(&world, fast, "3").await;
        world.until_final(fast).await;
        assert_eq!(shown(&world), ["1", "3"]);
        gate.open();
        world.settle().await;
        assert_eq!(shown(&world), ["1", "3", "2"]);
    });
}

#[test]
fn a_new_process_goes_on_in_order() {
    run(async {
        let mut world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        let never = Gate::closed();
        backend.notification.next(Reply::Behind(never, Ok(None)));
        for data in ["1", "2", "3"] {
            receive(&world, id, data).await;
        }
        backend.called(Method::Notification, 1).await;
        world.crash().await;
        world.settle().await;
        assert_eq!(shown(&world), ["1", "1", "2", "3"]);
        assert_eq!(world.pending(), (0, 0));
    });
}

#[test]
fn more_than_may_be_under_way_are_all_handled() {
    run(async {
        let world = World::with(Settings {
            calls_at_once: 2,
            cached: 3,
            ..Default::default()
        });
        let backend = world.backend("b");
        let mut ids = Vec::new();
        for name in 0..20 {
            ids.push(running(&world, name).await);
        }
        let gate = Gate::closed();
        let behind = gate.clone();
        backend
            .notification
            .rule(move |_| Reply::Behind(behind.clone(), Ok(None)));
        for turn in ["1", "2", "3"] {
            for id in &ids {
                receive(&world, *id, turn).await;
            }
        }
        backend.called(Method::Notification, 2).await;
        gate.open();
        world.settle().await;
        assert_eq!(backend.count(Method::Notification), 60);
        assert_eq!(backend.most_under_way(Method::Notification), 2);
        assert_eq!(world.pending(), (0, 0));
    });
}
