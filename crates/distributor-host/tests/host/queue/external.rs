//! Tasks from a queue outside the host (DC-17, DC-51, DC-52, DC-71).

use distributor_core::TaskResult;
use distributor_host::DeliverError;

use super::{bodies, counts, deliveries, hint, later, running, task};
use crate::support::{CommitFault, Gate, Method, Reply, World, permanent, run, secs, transient};

#[test]
fn dc_71_a_task_reaches_the_backend_that_is_configured_now() {
    run(async {
        let world = World::new();
        let name = "a/b c%2F?ü";
        world.backend(name);
        world.source.set(name, "new content", "v2");
        world.source.alias("alias", name);
        for given in [name, "alias"] {
            let delivered = world.engine.deliver(given, task("x")).await;
            delivered.expect("the backend takes it");
        }
        let calls = deliveries(&world, name);
        assert_eq!(calls.len(), 2);
        for call in calls {
            assert_eq!((&*call.config.name, &*call.config.version), (name, "v2"));
            assert_eq!(call.queue_task, Some(task("x")));
        }
    });
}

#[test]
fn dc_51_52_71_notifications_are_durable_once_a_task_is_delivered() {
    run(async {
        let mut world = World::new();
        let (one, two) = (running(&world, 1).await, running(&world, 2).await);
        let backend = world.backend("b");
        let gate = Gate::closed();
        let behind = gate.clone();
        let answer = vec![hint(one, "one"), hint(two, "two")];
        backend.queue.next(Reply::Now(Ok(answer)));
        backend
            .notification
            .rule(move |_| Reply::Behind(behind.clone(), Ok(Some(TaskResult::data("{}")))));
        world.engine.deliver("b", task("x")).await.expect("taken");
        world.crash().await;
        gate.open();
        world.until_final(one).await;
        world.until_final(two).await;
        assert_eq!(backend.count(Method::Queue), 1);
    });
}

#[test]
fn dc_71_a_name_that_is_not_configured_is_a_bad_distributor() {
    run(async {
        let world = World::new();
        world.source.set("unbuildable", "", "v1");
        world.source.unreadable("unreadable");
        for (name, is_transient) in [
            ("absent", false),
            ("unbuildable", false),
            ("unreadable", true),
        ] {
            match world.engine.deliver(name, task("x")).await {
                Err(DeliverError::BadDistributor(error)) => {
                    assert_eq!(error.is_transient(), is_transient, "{name}");
                    assert!(error.to_string().contains(name), "{error}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    });
}

#[test]
fn dc_71_a_backend_that_fails_records_nothing() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        for _ in 0..4 {
            backend.sends(Method::Queue, vec![later("more", 5)]);
        }
        backend.queue.next(Reply::Now(Err(permanent("no"))));
        backend.queue.next(Reply::Now(Err(transient("later"))));
        backend.queue.next(Reply::Panic);
        let gate = Gate::closed();
        backend.queue.next(Reply::Behind(gate.clone(), Ok(vec![])));
        for (text, is_transient) in [("no", false), ("later", true), ("panicked", true)] {
            match world.engine.deliver("b", task("x")).await {
                Err(DeliverError::Backend(error)) => {
                    assert!(error.to_string().contains(text), "{error}");
                    assert_eq!(error.is_transient(), is_transient, "{text}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
        let late = tokio::spawn({
            let engine = world.engine.clone();
            async move { engine.deliver("b", task("x")).await }
        });
        backend.called(Method::Queue, 4).await;
        world.clock.advance(world.settings.call_timeout);
        match late.await.expect("no panic") {
            Err(DeliverError::Backend(error)) => {
                assert_eq!(error.to_string(), "no answer within 60 s");
            }
            other => panic!("{other:?}"),
        }
        gate.open();
        world.advance(secs(60)).await;
        assert_eq!(counts(&world), (0, 0));
        assert_eq!(backend.count(Method::Queue), 4);
    });
}

#[test]
fn dc_71_notifications_that_could_not_be_stored_are_reported() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        backend
            .queue
            .rule(move |_| Reply::Now(Ok(vec![hint(id, "one")])));
        world.store.fail_next_commit(CommitFault::Lost);
        let failed = world.engine.deliver("b", task("x")).await;
        assert!(
            matches!(failed, Err(DeliverError::Journal(_))),
            "{failed:?}"
        );
        world.advance(secs(1)).await;
        assert_eq!(backend.count(Method::Notification), 0);
        world.engine.deliver("b", task("x")).await.expect("taken");
        backend.called(Method::Notification, 1).await;
        world.settle().await;
    });
}

#[test]
fn dc_17_what_a_delivered_task_sends_is_stored_with_its_success() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.sends(Method::Queue, vec![later("more", 5)]);
        world.engine.deliver("b", task("x")).await.expect("taken");
        assert_eq!(counts(&world), (1, 0));
        world.advance(secs(5)).await;
        assert_eq!(bodies(&world, "b"), ["x", "more"]);
    });
}
