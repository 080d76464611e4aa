//! What is due is handed to its backend, and its answer settles it (DC-23, DC-50 … DC-52).

use std::time::Duration;

use distributor_core::dm::attempt::State;
use distributor_core::{Notification, QuestId, TaskResult};
use distributor_host::Settings;
use distributor_store::QueueState;

use super::{bodies, counts, deliveries, enqueue, hint, later, running, stored, task};
use crate::support::{CommitFault, Gate, Method, Reply, World, permanent, run, secs, transient};

#[test]
fn dc_50_tasks_come_when_they_are_due_and_not_before() {
    run(async {
        let world = World::new();
        world.backend("b");
        enqueue(&world, "b", later("third", 30)).await;
        enqueue(&world, "b", later("second", 20)).await;
        enqueue(&world, "b", later("first", 10)).await;
        enqueue(&world, "b", later("never", u64::MAX)).await;
        let beginning = world.now();
        for _ in 0..40 {
            world.advance(secs(1)).await;
        }
        assert_eq!(bodies(&world, "b"), ["first", "second", "third"]);
        let at: Vec<Duration> = deliveries(&world, "b")
            .iter()
            .map(|call| call.at.since(beginning))
            .collect();
        assert_eq!(at, [secs(10), secs(20), secs(30)]);
        assert_eq!(counts(&world), (1, 0));
    });
}

#[test]
fn no_more_than_the_limit_are_under_way_and_all_are_delivered_once() {
    run(async {
        let world = World::with(Settings {
            queue_calls_at_once: 4,
            ..Default::default()
        });
        let backend = world.backend("b");
        let gate = Gate::closed();
        let behind = gate.clone();
        backend
            .queue
            .rule(move |_| Reply::Behind(behind.clone(), Ok(vec![])));
        for number in 0..50 {
            enqueue(&world, "b", task(number.to_string())).await;
        }
        enqueue(&world, "b", later("50", 1)).await;
        backend.called(Method::Queue, 4).await;
        world.engine.flush().await;
        assert_eq!(backend.count(Method::Queue), 4);
        // Ticks meanwhile hand out nothing twice, and those that wait keep nobody awake.
        world.clock.advance(secs(1));
        let turns = async |turns| {
            for _ in 0..turns {
                world.engine.flush().await;
                tokio::task::yield_now().await;
            }
            world.store.reads("queue_counts") + world.store.reads("next_due")
        };
        let reads = turns(10).await;
        assert_eq!(turns(20).await, reads);
        gate.open();
        world.settle().await;
        let mut got: Vec<u32> = bodies(&world, "b")
            .iter()
            .map(|body| body.parse().expect("a number"))
            .collect();
        got.sort_unstable();
        assert_eq!(got, (0..=50).collect::<Vec<_>>());
        assert_eq!(backend.most_under_way(Method::Queue), 4);
        assert_eq!(counts(&world), (0, 0));
    });
}

#[test]
fn a_task_that_takes_long_does_not_hold_up_later_ones() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let gate = Gate::closed();
        backend.queue.next(Reply::Behind(gate.clone(), Ok(vec![])));
        enqueue(&world, "b", task("slow")).await;
        enqueue(&world, "b", later("quick", 7)).await;
        backend.called(Method::Queue, 1).await;
        world.clock.advance(secs(7));
        backend.called(Method::Queue, 2).await;
        assert_eq!(bodies(&world, "b"), ["slow", "quick"]);
        gate.open();
        world.settle().await;
        assert_eq!(counts(&world), (0, 0));
    });
}

#[test]
fn dc_23_a_transient_error_is_tried_again_with_growing_delays() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.queue.times(3, &|| Err(transient("later")));
        enqueue(&world, "b", task("x")).await;
        let beginning = world.now();
        world.settle().await;
        let record = &stored(&world)[0];
        assert_eq!((record.tries, record.state), (1, QueueState::Pending));
        assert_eq!(record.last_error.as_deref(), Some("later"));
        while counts(&world).0 > 0 {
            world.advance(Duration::from_millis(10)).await;
        }
        let at: Vec<u128> = deliveries(&world, "b")
            .iter()
            .map(|call| call.at.since(beginning).as_millis())
            .collect();
        assert_eq!(at.len(), 4);
        for (tries, pair) in at.windows(2).enumerate() {
            let (delay, shortest) = (pair[1] - pair[0], 200 << tries);
            assert!(delay >= shortest, "{delay} ms after {tries} failures");
            assert!(delay <= shortest * 3 / 2 + 20, "{delay} ms after {tries}");
        }
    });
}

#[test]
fn dc_23_a_backend_may_say_when_to_try_again() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend
            .queue
            .next(Reply::Now(Err(transient("busy").retry_after(secs(90)))));
        enqueue(&world, "b", task("x")).await;
        world.settle().await;
        world.advance(secs(89)).await;
        assert_eq!(deliveries(&world, "b").len(), 1);
        world.advance(secs(1)).await;
        assert_eq!(deliveries(&world, "b").len(), 2);
    });
}

#[test]
fn dc_23_after_the_last_try_a_task_is_a_dead_letter() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.queue.rule(|_| Reply::Now(Err(transient("never"))));
        enqueue(&world, "b", task("x")).await;
        for _ in 0..100 {
            world.advance(secs(60)).await;
        }
        let limit = world.settings.retry.limit;
        assert_eq!(backend.count(Method::Queue), limit as usize);
        let record = &stored(&world)[0];
        assert_eq!((record.tries, record.state), (limit, QueueState::Dead));
        assert_eq!(record.last_error.as_deref(), Some("never"));
    });
}

#[test]
fn dc_24_a_permanent_error_is_not_tried_again() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let long = "ü".repeat(5000);
        backend.queue.next(Reply::Now(Err(permanent(&long))));
        enqueue(&world, "b", task("x")).await;
        world.settle().await;
        world.advance(secs(100_000)).await;
        assert_eq!(backend.count(Method::Queue), 1);
        let record = &stored(&world)[0];
        assert_eq!((record.tries, record.state), (1, QueueState::Dead));
        let error = record.last_error.clone().expect("an error");
        assert_eq!(error, format!("{}…", "ü".repeat(2048)));
    });
}

#[test]
fn a_panic_and_a_timeout_are_tried_again() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let gate = Gate::closed();
        backend.queue.next(Reply::Panic);
        backend.queue.next(Reply::Behind(gate.clone(), Ok(vec![])));
        enqueue(&world, "b", task("x")).await;
        world.settle().await;
        let panicked = stored(&world)[0].last_error.clone();
        assert_eq!(panicked.as_deref(), Some("the backend panicked"));
        world.clock.advance(secs(1));
        backend.called(Method::Queue, 2).await;
        world.advance(world.settings.call_timeout).await;
        let timed_out = stored(&world)[0].last_error.clone();
        assert_eq!(timed_out.as_deref(), Some("no answer within 60 s"));
        world.advance(secs(1)).await;
        assert_eq!(counts(&world), (0, 0));
        assert_eq!(backend.count(Method::Queue), 3);
    });
}

#[test]
fn dc_03_a_removed_configuration_still_serves_its_tasks() {
    run(async {
        let mut world = World::new();
        let backend = world.backend("b");
        enqueue(&world, "b", later("first", 5)).await;
        world.source.set("b", "other content", "v2");
        enqueue(&world, "b", later("second", 6)).await;
        world.source.remove("b");
        world.restart().await;
        world.advance(secs(5)).await;
        world.advance(secs(1)).await;
        let calls = backend.calls_of(Method::Queue);
        let built: Vec<_> = calls
            .iter()
            .map(|call| (call.config.version.as_str(), call.config.content.as_slice()))
            .collect();
        let expected: [(&str, &[u8]); 2] = [("v1", b"content"), ("v2", b"other content")];
        assert_eq!(built, expected);
    });
}

#[test]
fn dc_51_52_notifications_about_any_executions_are_handled_later() {
    run(async {
        let world = World::new();
        let (one, two) = (running(&world, 1).await, running(&world, 2).await);
        let backend = world.backend("b");
        world.backend("queue");
        let unknown = QuestId::from_bytes([7; 32]).attempt(1);
        let mut first = hint(one, "one");
        first.attributes.insert("a".to_owned(), "1".to_owned());
        let answer: Vec<Notification> =
            vec![first.clone(), hint(unknown, "unknown"), hint(two, "two")];
        world.backend("queue").queue.next(Reply::Now(Ok(answer)));
        let done = || Ok(Some(TaskResult::data("{}")));
        backend.notification.times(2, &done);
        enqueue(&world, "queue", task("x")).await;
        world.until_final(one).await;
        world.until_final(two).await;
        world.settle().await;
        let calls = backend.calls_of(Method::Notification);
        let mut got: Vec<_> = calls.into_iter().filter_map(|it| it.notification).collect();
        got.sort_by_key(|it| it.data.clone());
        assert_eq!(got, [first, hint(two, "two")]);
        assert_eq!(counts(&world), (0, 0));
    });
}

#[test]
fn dc_52_a_failure_of_a_notification_does_not_repeat_the_task() {
    run(async {
        let world = World::new();
        let id = running(&world, 1).await;
        let backend = world.backend("b");
        backend.queue.next(Reply::Now(Ok(vec![hint(id, "one")])));
        backend
            .notification
            .next(Reply::Now(Err(transient("later"))));
        backend.notification.next(Reply::Now(Err(permanent("no"))));
        enqueue(&world, "b", task("x")).await;
        world.settle().await;
        world.advance(secs(60)).await;
        assert_eq!(backend.count(Method::Notification), 2);
        assert_eq!(backend.count(Method::Queue), 1);
        assert_eq!(world.get(id).state, State::Executing);
    });
}

#[test]
fn reads_that_fail_delay_a_task_and_lose_nothing() {
    for method in ["due_queue", "queue_records", "queue_counts"] {
        run(async {
            let world = World::new();
            world.backend("b");
            world.settle().await;
            world.store.fail_reads(method, 1);
            enqueue(&world, "b", task("x")).await;
            world.store.failed(1).await;
            world.engine.flush().await;
            world.advance(secs(60)).await;
            world.advance(secs(60)).await;
            assert_eq!(bodies(&world, "b"), ["x"], "{method}");
            assert_eq!(counts(&world), (0, 0), "{method}");
        });
    }
}

#[test]
fn dc_24_an_answer_whose_batch_failed_is_asked_for_again() {
    for (fault, calls) in [(CommitFault::Lost, 2), (CommitFault::Doubtful, 1)] {
        run(async {
            let world = World::new();
            let id = running(&world, 1).await;
            let backend = world.backend("b");
            let gate = Gate::closed();
            let answer = Ok(vec![hint(id, "one")]);
            backend.queue.next(Reply::Behind(gate.clone(), answer));
            backend.queue.next(Reply::Now(Ok(vec![hint(id, "one")])));
            let done = Ok(Some(TaskResult::data("{}")));
            backend.notification.next(Reply::Now(done));
            enqueue(&world, "b", task("x")).await;
            backend.called(Method::Queue, 1).await;
            world.store.fail_next_commit(fault);
            gate.open();
            world.store.failed(1).await;
            world.engine.flush().await;
            world.advance(secs(1)).await;
            world.until_final(id).await;
            world.settle().await;
            assert_eq!(backend.count(Method::Queue), calls, "{fault:?}");
            assert_eq!(counts(&world), (0, 0));
        });
    }
}
