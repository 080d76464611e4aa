//! Calls that fail, and what a task makes of it.

use std::time::Duration;

use distributor_backend_jobsim::Code;
use distributor_core::dm::abnormal_finish::Status;

use crate::support::{Bench, Fault, Method};

const LEAF: &str = r#"{"name":"x"}"#;
const DONE: &str = r#"{"success":true,"value":"1"}"#;

#[tokio::test]
async fn passing_failures_are_tried_again() {
    for code in [Code::Internal, Code::Unknown, Code::Unavailable] {
        for method in [Method::Activate, Method::Finish] {
            let bench = Bench::new();
            bench.world.fault(method, Fault::Refuse(code));
            let id = bench.submit(LEAF, 1);
            let (object, slept) = tokio::join!(bench.object(id), bench.world.clock.pass_a_sleep());
            assert_eq!(object, DONE);
            assert_eq!(slept, Duration::from_millis(200));
            assert_eq!(bench.world.calls(method).len(), 2);
        }
    }
}

#[tokio::test]
async fn tries_are_200_ms_apart_then_twice_as_long_up_to_10_s_and_10_at_most() {
    let bench = Bench::new();
    for _ in 0..11 {
        bench
            .world
            .fault(Method::Activate, Fault::Refuse(Code::Unavailable));
    }
    let id = bench.submit(LEAF, 1);
    let sleeps = async {
        let mut sleeps = Vec::new();
        for _ in 0..10 {
            sleeps.push(bench.world.clock.pass_a_sleep().await.as_millis());
        }
        sleeps
    };
    let ((status, reason), sleeps) = tokio::join!(bench.abnormal(id), sleeps);
    assert_eq!(
        sleeps,
        [
            200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000, 10_000
        ]
    );
    assert_eq!(status, Status::Failed);
    assert_eq!(reason, "ActivateExecution: as ordered (Unavailable)");
    assert_eq!(bench.world.calls(Method::Activate).len(), 11);
}

#[tokio::test]
async fn other_failures_fail_the_task_at_once() {
    for code in [Code::FailedPrecondition, Code::PermissionDenied] {
        let bench = Bench::new();
        bench.world.fault(Method::Finish, Fault::Refuse(code));
        let (status, reason) = bench.abnormal(bench.submit(LEAF, 1)).await;
        assert_eq!(status, Status::Failed);
        assert_eq!(reason, format!("FinishAttempt: as ordered ({code:?})"));
        assert_eq!(bench.world.calls(Method::Finish).len(), 1);
    }
}

#[tokio::test]
async fn a_lost_answer_is_no_failure() {
    let root = r#"{"name":"root","stages":[{"deps":{"deps":[{"phrase":{"name":"x"}}]}}]}"#;
    for method in [Method::Activate, Method::Ensure, Method::Finish] {
        for fault in [Fault::LoseAnswer(Code::Unavailable), Fault::HangAfter] {
            let bench = Bench::new();
            bench.world.fault(method, fault);
            let id = bench.submit(root, 1);
            let passing = async {
                let patience = bench.world.clock.pass_a_sleep().await;
                if fault == Fault::HangAfter {
                    assert_eq!(patience, Duration::from_secs(60));
                    bench.world.clock.pass_a_sleep().await;
                }
            };
            let (object, ()) = tokio::join!(bench.object(id), passing);
            assert_eq!(
                object, r#"{"success":true,"value":"2"}"#,
                "{method:?} {fault:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_task_that_panics_has_failed() {
    let bench = Bench::new();
    bench.world.fault(Method::Finish, Fault::Panic);
    let (status, reason) = bench.abnormal(bench.submit(LEAF, 1)).await;
    assert_eq!(status, Status::Failed);
    assert_eq!(
        reason,
        "the simulated job panicked: this is a bug in jobsim"
    );
    assert_eq!(bench.object(bench.submit(LEAF, 2)).await, DONE);
}
