//! Notifications that are faster than the record of the start (DC-47).

use distributor_core::dm::attempt::State;
use distributor_core::{AttemptId, Notification, TaskResult, TaskState, Token};
use distributor_host::Received;

use super::object;
use crate::support::{Gate, Method, Quest, Reply, World, run, secs, started, transient};

/// An attempt whose `run` answers once the gate is opened.
async fn starting(world: &World, gate: &Gate) -> AttemptId {
    let backend = world.backend("b");
    let answer = started("settled", secs(1000), TaskState::Pending);
    let behind = Reply::Behind(gate.clone(), Ok(answer));
    backend.run.next(behind);
    let done = TaskState::Finished(TaskResult::data(r#"{"by":"poll"}"#));
    backend.status.always(done);
    let id = world.ensure_one(&Quest::simple("b", 1)).await;
    backend.called(Method::Run, 1).await;
    id
}

#[test]
fn dc_47_it_becomes_one_status_query_with_the_committed_token() {
    run(async {
        let world = World::new();
        let gate = Gate::closed();
        let id = starting(&world, &gate).await;
        let mut commits = None;
        for _ in 0..3 {
            let received = world.receive(id.execution(1)).await.expect("stored");
            assert_eq!(received, Received::Unsettled);
            let first = *commits.get_or_insert(world.store.commits());
            assert_eq!(world.store.commits(), first, "the first is enough");
        }
        let backend = world.backend("b");
        assert_eq!(backend.count(Method::GetStatus), 0);
        gate.open();
        world.until_final(id).await;
        world.settle().await;
        let queries = backend.calls_of(Method::GetStatus);
        assert_eq!(queries.len(), 1);
        assert_eq!(queries[0].token, Some(Token("settled".to_owned())));
        assert_eq!(object(&world, id), r#"{"by":"poll"}"#);
        assert_eq!(backend.count(Method::Notification), 0);
        assert_eq!(world.pending(), (0, 0));
    });
}

#[test]
fn dc_47_the_query_survives_a_crash_and_tries_of_run() {
    run(async {
        let mut world = World::new();
        let never = Gate::closed();
        let id = starting(&world, &never).await;
        let received = world.receive(id.execution(1)).await.expect("stored");
        assert_eq!(received, Received::Unsettled);
        let backend = world.backend("b");
        backend.run.next(Reply::Now(Err(transient("busy"))));
        let answer = started("second", secs(1000), TaskState::Pending);
        backend.run.next(Reply::Now(Ok(answer)));
        world.crash().await;
        backend.called(Method::Run, 2).await;
        world.settle().await;
        assert_eq!(backend.count(Method::GetStatus), 0);
        world.advance(secs(1)).await;
        world.until_final(id).await;
        let queries = backend.calls_of(Method::GetStatus);
        assert_eq!(queries.len(), 1);
        assert_eq!(queries[0].token, Some(Token("second".to_owned())));
    });
}

#[test]
fn dc_47_another_configuration_is_refused_here_too() {
    run(async {
        let world = World::new();
        let gate = Gate::closed();
        let id = starting(&world, &gate).await;
        let before = world.get(id);
        let notification = Notification::new(id.execution(1), Vec::new());
        let received = world.engine.receive(notification, "other").await;
        let received = received.expect("nothing to store");
        assert_eq!(received, Received::OtherConfiguration);
        let unknown = world.receive(id.execution(2)).await;
        assert_eq!(unknown.expect("nothing to store"), Received::Unknown);
        assert_eq!(world.get(id), before);
    });
}

#[test]
fn dc_47_notifications_do_not_put_off_the_end_of_what_is_not_wanted() {
    run(async {
        let world = World::new();
        let never = Gate::closed();
        let id = starting(&world, &never).await;
        let reason = "not wanted".to_owned();
        world.engine.cancel(id, reason).await.expect("taken");
        // Twice the patience with a `run` that does not answer: the first may have renewed it.
        for _ in 0..25 {
            let _received = world.receive(id.execution(1)).await.expect("stored");
            world.clock.advance(secs(10));
            world.engine.flush().await;
            tokio::task::yield_now().await;
        }
        world.until_final(id).await;
        let late = world.receive(id.execution(1)).await;
        assert_eq!(late.expect("nothing to store"), Received::Over);
        assert_eq!(world.get(id).state, State::AbnormalFinished);
    });
}
