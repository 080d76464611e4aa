//! What is sent during a call is stored with its success, or not at all (DC-17).

use distributor_core::{Notification, TaskResult, TaskState, Timestamp};

use super::{bodies, counts, deliveries, enqueue, later, running, stored, task};
use crate::support::{
    CommitFault, Gate, Method, Quest, Reply, World, permanent, run, secs, started, transient,
};

#[test]
fn dc_17_a_task_sent_from_run_comes_back_to_its_own_configuration_unchanged() {
    run(async {
        let world = World::new();
        let name = "a/b c%2F?ü";
        let backend = world.backend(name);
        world.source.alias("alias", name);
        let sent = later(vec![0, 0xff, b'b'], 5);
        backend.sends(Method::Run, vec![sent.clone()]);
        let id = world.ensure_one(&Quest::simple("alias", 1)).await;
        world.until_final(id).await;
        world.advance(secs(4)).await;
        assert_eq!(counts(&world), (1, 0));
        assert_eq!(deliveries(&world, name).len(), 0, "it is not due yet");
        world.advance(secs(1)).await;
        let calls = deliveries(&world, name);
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].config, backend.calls_of(Method::Run)[0].config);
        assert_eq!(calls[0].config.name, name);
        let got = calls[0].queue_task.clone().expect("a task");
        assert_eq!((got.headers, got.body), (sent.headers, sent.body));
        assert_eq!(counts(&world), (0, 0));
        world.advance(secs(100_000)).await;
        assert_eq!(deliveries(&world, name).len(), 1, "and only once");
    });
}

#[test]
fn dc_17_what_a_failing_run_has_sent_vanishes() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.sends(Method::Run, vec![task("one"), later("two", 9)]);
        backend.run.next(Reply::Now(Err(permanent("no"))));
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        world.until_final(id).await;
        assert!(backend.sent().iter().all(Result::is_ok), "it was accepted");
        world.advance(secs(100_000)).await;
        assert_eq!(counts(&world), (0, 0));
        assert_eq!(deliveries(&world, "b").len(), 0);
    });
}

#[test]
fn dc_17_of_several_tries_of_run_only_the_one_that_succeeds_sends() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        for body in ["failed", "panicked", "succeeded"] {
            backend.sends(Method::Run, vec![task(body)]);
        }
        backend.run.next(Reply::Now(Err(transient("later"))));
        backend.run.next(Reply::Panic);
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        world.settle().await;
        for _ in 0..2 {
            world.advance(secs(60)).await;
        }
        world.until_final(id).await;
        world.settle().await;
        assert_eq!(bodies(&world, "b"), ["succeeded"]);
    });
}

#[test]
fn dc_17_a_task_commits_or_vanishes_with_the_batch_of_its_call() {
    for (fault, expected) in [
        (CommitFault::Lost, vec![]),
        (CommitFault::Doubtful, vec!["sent"]),
    ] {
        run(async {
            let world = World::new();
            let backend = world.backend("b");
            let gate = Gate::closed();
            let done = started("t", secs(0), TaskState::Finished(TaskResult::data("{}")));
            backend.run.next(Reply::Behind(gate.clone(), Ok(done)));
            backend.sends(Method::Run, vec![task("sent")]);
            let id = world.ensure_one(&Quest::simple("b", 1)).await;
            backend.called(Method::Run, 1).await;
            world.engine.flush().await;
            assert_eq!(stored(&world), [], "not before the call has answered");
            world.store.fail_next_commit(fault);
            gate.open();
            world.store.failed(1).await;
            // The host begins anew; a lost `run` is called again, and sends nothing this time.
            world.engine.flush().await;
            world.advance(secs(2)).await;
            world.until_final(id).await;
            world.settle().await;
            assert_eq!(bodies(&world, "b"), expected, "{fault:?}");
            assert_eq!(counts(&world), (0, 0));
        });
    }
}

#[test]
fn dc_17_every_method_may_send() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.sends(Method::Run, vec![later("run", 1)]);
        backend.sends(Method::Notification, vec![later("notification", 2)]);
        backend.sends(Method::GetStatus, vec![later("status", 3)]);
        backend.sends(Method::Cancel, vec![later("cancel", 4)]);
        backend.sends(Method::Queue, vec![later("queue", 100)]);
        let id = running(&world, 1).await;
        let notification = Notification::new(id.execution(1), "");
        world.host.notify(notification);
        backend.called(Method::Notification, 1).await;
        world.clock.advance(secs(1000));
        backend.called(Method::GetStatus, 1).await;
        world.settle().await;
        let cancelled = world.engine.cancel(id, "enough".to_owned()).await;
        cancelled.expect("it exists");
        backend.called(Method::Cancel, 1).await;
        world.settle().await;
        world.advance(secs(4)).await;
        world.advance(secs(100)).await;
        let expected = ["run", "notification", "status", "cancel", "queue"];
        let mut got = bodies(&world, "b");
        got.sort_by_key(|body| expected.iter().position(|it| it == body));
        assert_eq!(got, expected);
    });
}

#[test]
fn dc_17_a_call_that_takes_too_long_sends_nothing() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        backend.sends(Method::Notification, vec![task("too late")]);
        let gate = Gate::closed();
        backend
            .notification
            .next(Reply::Behind(gate.clone(), Ok(None)));
        world.host.notify(Notification::new(id.execution(1), ""));
        backend.called(Method::Notification, 1).await;
        world.clock.advance(world.settings.call_timeout);
        let end_of_time = Timestamp::from_micros(i64::MAX);
        let delayed = || {
            world
                .inner
                .due_journal(end_of_time, 1)
                .expect("the journal")
        };
        while delayed().is_empty() {
            world.engine.flush().await;
            tokio::task::yield_now().await;
        }
        world.advance(secs(60)).await;
        gate.open();
        world.settle().await;
        assert_eq!(backend.count(Method::Notification), 2, "it is tried again");
        assert_eq!(counts(&world), (0, 0));
        assert_eq!(deliveries(&world, "b").len(), 0);
    });
}

#[test]
fn dc_17_outside_of_a_call_a_task_is_durable_once_it_is_accepted() {
    run(async {
        let mut world = World::new();
        world.backend("b");
        enqueue(&world, "b", later("mine", 5)).await;
        assert_eq!(counts(&world), (1, 0));
        let record = stored(&world).remove(0);
        assert_eq!(
            (record.due, record.created),
            (world.now().after(secs(5)), world.now())
        );
        world.crash().await;
        world.advance(secs(5)).await;
        assert_eq!(bodies(&world, "b"), ["mine"]);
    });
}

#[test]
fn a_task_that_cannot_be_stored_is_refused_for_now() {
    run(async {
        let world = World::new();
        world.backend("b");
        let config = world.source_snapshot("b");
        world.store.fail_next_commit(CommitFault::Lost);
        let refused = world.host.enqueue_task(&config, task("one")).await;
        let error = refused.expect_err("nothing was stored");
        assert!(error.is_transient(), "{error:?}");
        assert!(error.to_string().contains("could not be stored"), "{error}");
        let turned_away = world.host.enqueue_task(&config, task("two")).await;
        assert!(turned_away.expect_err("not yet").is_transient());
        world.advance(secs(1)).await;
        enqueue(&world, "b", task("three")).await;
        world.settle().await;
        assert_eq!(bodies(&world, "b"), ["three"]);
        world.engine.stop().await;
        let stopped = world.host.enqueue_task(&config, task("four")).await;
        assert!(stopped.is_err());
    });
}
