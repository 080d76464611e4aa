//! A flood fills neither disk nor memory, and nothing that it tells is lost.

use distributor_core::dm::attempt::State;
use distributor_core::{Notification, TaskResult, TaskState};
use distributor_host::driver::NotificationLimits;
use distributor_host::{Received, Settings};
use distributor_store::records::JournalKind;

use super::running;
use crate::support::{CommitFault, Gate, Method, Reply, World, run, secs, transient};

fn limited(per_execution: usize, in_all: usize, bytes: usize) -> World {
    World::with(Settings {
        notifications: NotificationLimits {
            per_execution,
            in_all,
            bytes,
        },
        ..Default::default()
    })
}

/// No notification is handled until the gate is opened.
fn blocked(world: &World) -> Gate {
    let gate = Gate::closed();
    let behind = gate.clone();
    world
        .backend("b")
        .notification
        .rule(move |_| Reply::Behind(behind.clone(), Ok(None)));
    gate
}

fn status_rows(world: &World) -> usize {
    let rows = world.inner.journal(0, 1000).expect("the journal");
    let rows = rows.iter();
    rows.filter(|row| row.kind == JournalKind::GetStatus)
        .count()
}

#[test]
fn beyond_the_limit_of_an_execution_the_status_is_asked() {
    run(async {
        let world = limited(3, 100, 1000);
        let id = running(&world, 1).await;
        let other = running(&world, 2).await;
        let gate = blocked(&world);
        let slow = Gate::closed();
        let behind = slow.clone();
        let backend = world.backend("b");
        backend
            .status
            .rule(move |_| Reply::Behind(behind.clone(), Ok(TaskState::Running)));
        for _ in 0..3 {
            let received = world.receive(id.execution(1)).await.expect("stored");
            assert_eq!(received, Received::Recorded);
        }
        let mut commits = 0;
        for turn in 0..10 {
            let received = world.receive(id.execution(1)).await.expect("stored");
            assert_eq!(received, Received::Condensed);
            assert_eq!(world.pending().0, 3);
            assert_eq!(status_rows(&world), 1);
            match turn {
                0 | 1 => commits = world.store.commits(),
                _ => assert_eq!(world.store.commits(), commits, "two say it all"),
            }
        }
        let received = world.receive(other.execution(1)).await.expect("stored");
        assert_eq!(received, Received::Recorded);
        gate.open();
        slow.open();
        world.settle().await;
        assert_eq!(world.pending(), (0, 0));
        assert_eq!(backend.count(Method::Notification), 4);
        assert_eq!(backend.count(Method::GetStatus), 2);
        let received = world.receive(id.execution(1)).await.expect("stored");
        assert_eq!(received, Received::Recorded, "there is room again");
    });
}

#[test]
fn rows_and_bytes_are_limited_in_all() {
    run(async {
        // Five bytes of data are seven as a row keeps them.
        for (in_all, bytes) in [(3, 1000), (100, 21)] {
            let world = limited(2, in_all, bytes);
            let ids = [
                running(&world, 1).await,
                running(&world, 2).await,
                running(&world, 3).await,
            ];
            let gate = blocked(&world);
            let mut answers = Vec::new();
            for id in [ids[0], ids[1], ids[2], ids[0], ids[2]] {
                let notification = Notification::new(id.execution(1), b"12345".as_slice());
                let received = world.engine.receive(notification, "b").await;
                answers.push(received.expect("stored"));
            }
            let [recorded, condensed] = [Received::Recorded, Received::Condensed];
            let expected = [recorded, recorded, recorded, condensed, condensed];
            assert_eq!(answers, expected);
            assert_eq!(world.pending(), (3, 21));
            gate.open();
            world.settle().await;
            assert_eq!(world.pending(), (0, 0));
        }
    });
}

#[test]
fn the_count_is_right_after_a_restart_and_after_failures() {
    for fault in [None, Some(CommitFault::Lost), Some(CommitFault::Doubtful)] {
        run(async {
            let mut world = limited(3, 100, 1000);
            let id = running(&world, 1).await;
            let gate = blocked(&world);
            let first = world.receive(id.execution(1)).await.expect("stored");
            assert_eq!(first, Received::Recorded);
            match fault {
                None => world.restart().await,
                Some(fault) => {
                    world.store.fail_next_commit(fault);
                    let failed = world.receive(id.execution(1)).await;
                    assert!(failed.is_err(), "{failed:?}");
                    world.clock.advance(secs(1));
                    world.engine.flush().await;
                }
            }
            let stored = world.pending().0;
            let doubtful = usize::from(fault == Some(CommitFault::Doubtful));
            assert_eq!(stored, 1 + doubtful);
            for rows in stored..3 {
                assert_eq!(world.pending().0, rows);
                let received = world.receive(id.execution(1)).await.expect("stored");
                assert_eq!(received, Received::Recorded, "{fault:?}");
            }
            let received = world.receive(id.execution(1)).await.expect("stored");
            assert_eq!(received, Received::Condensed, "{fault:?}");
            gate.open();
            world.settle().await;
            assert_eq!(world.pending(), (0, 0));
            for _ in 0..3 {
                let gate = blocked(&world);
                let received = world.receive(id.execution(1)).await.expect("stored");
                assert_eq!(received, Received::Recorded, "{fault:?}");
                gate.open();
            }
        });
    }
}

#[test]
fn rows_of_what_is_over_do_not_count_any_more() {
    run(async {
        let world = limited(2, 2, 1000);
        let id = running(&world, 1).await;
        let other = running(&world, 2).await;
        let gate = blocked(&world);
        for _ in 0..2 {
            world.receive(id.execution(1)).await.expect("stored");
        }
        let full = world.receive(other.execution(1)).await.expect("stored");
        assert_eq!(full, Received::Condensed);
        let backend = world.backend("b");
        backend
            .status
            .always(TaskState::Finished(TaskResult::data("{}")));
        let cancelled = world.engine.cancel(id, "enough".to_owned()).await;
        cancelled.expect("taken");
        world.clock.advance(secs(5));
        world.until_final(id).await;
        gate.open();
        world.settle().await;
        assert_eq!(world.pending(), (0, 0));
    });
}

#[test]
fn rows_that_ask_for_nothing_any_more_do_not_count() {
    run(async {
        let world = limited(2, 2, 1000);
        let id = running(&world, 1).await;
        let other = running(&world, 2).await;
        let backend = world.backend("b");
        let busy = transient("busy").retry_after(secs(90));
        backend.notification.next(Reply::Now(Err(busy)));
        for _ in 0..2 {
            world.receive(id.execution(1)).await.expect("stored");
        }
        world.settle().await;
        backend
            .status
            .next(Reply::Now(Ok(TaskState::Finished(TaskResult::data("{}")))));
        let cancelled = world.engine.cancel(id, "enough".to_owned()).await;
        cancelled.expect("taken");
        world.advance(secs(5)).await;
        world.until_final(id).await;
        let full = world.receive(other.execution(1)).await.expect("stored");
        assert_eq!(full, Received::Condensed, "until they are looked at");
        world.advance(secs(90)).await;
        assert_eq!(world.pending(), (0, 0));
        let _gate = blocked(&world);
        for _ in 0..2 {
            let received = world.receive(other.execution(1)).await.expect("stored");
            assert_eq!(received, Received::Recorded);
        }
    });
}

#[test]
fn a_hint_that_is_tried_again_counts_and_keeps_to_the_limit() {
    run(async {
        let world = limited(1, 100, 1000);
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        backend
            .notification
            .rule(|_| Reply::Now(Err(transient("busy"))));
        for calls in 1..=2 {
            let hint = Notification::new(id.execution(1), Vec::new());
            world.host.notify(hint);
            backend.called(Method::Notification, calls).await;
            world.settle().await;
            assert_eq!(world.pending().0, 1);
        }
        assert_eq!(backend.count(Method::GetStatus), 1, "instead of the second");
        let received = world.receive(id.execution(1)).await.expect("stored");
        assert_eq!(received, Received::Condensed);
    });
}

#[test]
fn news_during_a_status_query_asks_again() {
    run(async {
        let mut world = limited(0, 0, 0);
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        let gate = Gate::closed();
        let stale = Reply::Behind(gate.clone(), Ok(TaskState::Running));
        backend.status.next(stale);
        world.receive(id.execution(1)).await.expect("stored");
        backend.called(Method::GetStatus, 1).await;
        // The task ends after it has answered, and before the answer is here.
        backend
            .status
            .always(TaskState::Finished(TaskResult::data("{}")));
        let received = world.receive(id.execution(1)).await.expect("stored");
        assert_eq!(received, Received::Condensed);
        gate.open();
        let record = world.until_final(id).await;
        assert_eq!(record.state, State::Finished);
        assert_eq!(backend.count(Method::GetStatus), 2);
        world.restart().await;
    });
}
