//! Cancelling, asking, and what is told to the host.

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{
    Abandoned, Distributor, ErrorKind, ExecutionId, Notification, TaskResult, TaskState, Token, dm,
};

use crate::support::{Bench, Method, World, request};

const STALL: &str = r#"{"name":"x","stages":[{"stall":{"delay":"3600s"}}]}"#;

fn nothing() -> dm::quest::Desc {
    dm::quest::Desc::default()
}

fn cancelled() -> TaskResult {
    TaskResult::abnormal(Status::Cancelled, "cancelled before its end")
}

#[tokio::test]
async fn dc_37_a_stall_can_be_cancelled() {
    let bench = Bench::new();
    let id = bench.submit(STALL, 1);
    bench.drive_until_called(Method::Activate, 1).await;
    let token = bench.token(id.execution(1));
    bench
        .backend
        .cancel(&nothing(), &token)
        .await
        .expect("it runs");
    let (status, reason) = bench.abnormal(id).await;
    assert_eq!(
        (status, reason.as_str()),
        (Status::Cancelled, "cancelled before its end")
    );
    assert!(bench.world.calls(Method::Finish).is_empty());
}

#[tokio::test]
async fn dc_38_cancelling_again_or_after_the_end_succeeds_and_changes_nothing() {
    let bench = Bench::new();
    let id = bench.submit(STALL, 1).execution(1);
    bench.try_run(bench.next_start()).await.expect("it starts");
    let token = bench.token(id);
    for _ in 0..2 {
        bench
            .backend
            .cancel(&nothing(), &token)
            .await
            .expect("it is known");
        let state = bench.status(id).await.expect("it is known");
        assert_eq!(state, TaskState::Finished(cancelled()));
    }
    let done = bench.submit(r#"{"name":"y"}"#, 1).execution(1);
    bench.try_run(bench.next_start()).await.expect("it starts");
    let told = bench.notification().await;
    assert_eq!(told.id, id);
    bench.notification().await;
    bench
        .backend
        .cancel(&nothing(), &bench.token(done))
        .await
        .expect("it is over");
    let state = bench.status(done).await.expect("it is known");
    let data = TaskResult::data(r#"{"Stage":0,"Sum":0}"#);
    assert_eq!(state, TaskState::Finished(data));
}

#[tokio::test]
async fn dc_39_a_task_runs_until_it_is_over_and_then_stays_over() {
    let bench = Bench::new();
    let id = bench.submit(STALL, 1).execution(1);
    let started = bench.try_run(bench.next_start()).await.expect("it starts");
    assert_eq!(started.state, TaskState::Running);
    assert_eq!(bench.status(id).await.expect("known"), TaskState::Running);
    bench.world.clock.pass_a_sleep().await;
    bench.notification().await;
    let data = TaskResult::data(r#"{"Stage":1,"Sum":0}"#);
    for _ in 0..2 {
        let state = bench.status(id).await.expect("known");
        assert_eq!(state, TaskState::Finished(data.clone()));
    }
}

#[tokio::test]
async fn dc_40_an_unknown_token_is_a_permanent_error() {
    let bench = Bench::new();
    let id = bench.submit(STALL, 1).execution(1);
    for token in [
        "",
        "nonsense",
        "main|x|1|1",
        &format!("other|{id}"),
        &format!("main|{id}"),
    ] {
        let token = Token((*token).to_owned());
        let error = bench
            .backend
            .get_status(&nothing(), &token)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{token}");
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn what_was_released_is_forgotten_and_no_longer_runs() {
    let bench = Bench::new();
    let id = bench.submit(STALL, 1).execution(1);
    bench.try_run(bench.next_start()).await.expect("it starts");
    bench.backend.release(&bench.token(id));
    assert!(bench.status(id).await.is_err());
    bench
        .backend
        .cancel(&nothing(), &bench.token(id))
        .await
        .expect("it is over");
}

#[tokio::test]
async fn pools_never_see_each_others_tasks() {
    let world = World::new(None);
    let (left, right) = (
        Bench::with("left", false, world.clone()),
        Bench::with("right", false, world),
    );
    let id = left.submit(STALL, 1).execution(1);
    left.try_run(left.next_start()).await.expect("it starts");
    assert!(left.status(id).await.is_ok());
    assert!(right.status(id).await.is_err());
    let foreign = left.token(id);
    assert!(
        right
            .backend
            .get_status(&nothing(), &foreign)
            .await
            .is_err()
    );
    assert!(right.backend.cancel(&nothing(), &foreign).await.is_err());
    right.backend.release(&foreign);
    assert_eq!(left.status(id).await.expect("known"), TaskState::Running);
}

#[tokio::test]
async fn dc_34_with_do_pollback_the_host_asks() {
    let bench = Bench::with("main", true, World::new(None));
    let id = bench.submit(r#"{"name":"x"}"#, 1);
    let started = bench.try_run(bench.next_start()).await.expect("it starts");
    assert!(!started.poll_timeout.is_zero());
    bench
        .world
        .wait(|| bench.world.calls(Method::Finish).len() == 1)
        .await;
    let told = notification(
        id.execution(1),
        br#"{"Status":"finished","StateOrReason":"{}"}"#,
    );
    let handled = bench
        .backend
        .handle_notification(&nothing(), &Token::default(), &told)
        .await;
    assert_eq!(handled.expect("ignored"), None);
    // Nobody tells; the end is there as soon as the task has gone its last step.
    let mut state = bench.ask(id.execution(1)).await.expect("known");
    while state == TaskState::Running {
        tokio::task::yield_now().await;
        state = bench.ask(id.execution(1)).await.expect("known");
    }
    assert!(bench.world.graph().attempts[&id].outcome.is_some());
}

#[tokio::test]
async fn dc_36_without_do_pollback_the_host_is_told() {
    let bench = Bench::new();
    let id = bench.submit(r#"{"name":"x"}"#, 1).execution(1);
    let started = bench.try_run(bench.next_start()).await.expect("it starts");
    assert!(started.poll_timeout.is_zero());
    let told = bench.notification().await;
    assert_eq!(told.id, id);
    let handled = bench
        .backend
        .handle_notification(&nothing(), &Token::default(), &told)
        .await;
    let data = TaskResult::data(r#"{"Stage":0,"Sum":0}"#);
    assert_eq!(handled.expect("well-formed"), Some(data));
}

#[tokio::test]
async fn dc_61_a_malformed_notification_is_a_permanent_error() {
    let bench = Bench::new();
    let id = bench.submit(STALL, 1).execution(1);
    for body in [
        b"".as_slice(),
        b"\xff",
        b"{}",
        br#"{"Status":"gone","StateOrReason":""}"#,
        br#"{"Status":"finished","StateOrReason":"{}","More":1}"#,
    ] {
        let told = notification(id, body);
        let error = bench
            .backend
            .handle_notification(&nothing(), &Token::default(), &told)
            .await
            .unwrap_err();
        assert!(!error.is_transient(), "{error}");
    }
}

#[tokio::test]
async fn an_abandoned_execution_is_not_started_but_found_if_it_was() {
    let bench = Bench::new();
    bench.submit(STALL, 1);
    let start = bench.next_start();
    let abandoned = || {
        let (signal, abandoned) = Abandoned::channel();
        signal.abandon();
        let mut request = request(&start);
        request.abandoned = abandoned;
        request
    };
    let error = bench.backend.run(abandoned()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(bench.status(start.id).await.is_err());
    let started = bench.try_run(start.clone()).await.expect("it starts");
    let again = bench
        .backend
        .run(abandoned())
        .await
        .expect("it was started");
    assert_eq!(again.token, started.token);
}

fn notification(id: ExecutionId, body: &[u8]) -> Notification {
    Notification::new(id, body)
}
