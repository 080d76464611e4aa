//! Ending tasks.

use std::fs;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{ErrorKind, TaskState, Token};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn dc_38_cancelling_again_and_after_the_end_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new(&folder.path().join("state"), &config());
    let token = service.start(1, json!({ "argv": ["sleep", "1000"] })).await;
    service.cancel(&token).await;
    service.cancel(&token).await;
    let result = service.finished(&token).await;
    assert_eq!(
        abnormal(result),
        (
            Status::Cancelled,
            "cancelled; ended by signal 15 (SIGTERM)".to_owned()
        )
    );
    service.cancel(&token).await;
    let ended = service.start(2, json!({ "argv": ["true"] })).await;
    data(service.finished(&ended).await);
    service.cancel(&ended).await;
    data(service.finished(&ended).await);
    let unknown = Token(token.0.replace("|1|1", "|999|1"));
    service.cancel(&unknown).await;
}

#[tokio::test]
async fn a_task_that_ignores_term_is_killed_after_the_grace() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new(&folder.path().join("state"), &config());
    let pipe = fifo(&folder.path().join("pipe"));
    let line = format!("trap '' TERM; echo ready > {pipe}; while :; do sleep 1000; done");
    let token = service.start(1, shell(line)).await;
    assert_eq!(fs::read_to_string(pipe).unwrap(), "ready\n");
    service.cancel(&token).await;
    let result = service.finished(&token).await;
    assert_eq!(
        abnormal(result),
        (
            Status::Cancelled,
            "cancelled; ended by signal 9 (SIGKILL)".to_owned()
        )
    );
}

#[tokio::test]
async fn a_task_may_use_its_grace_to_clean_up() {
    let folder = tempfile::tempdir().unwrap();
    let long_grace = ConfigMessage {
        grace: Some(prost_types::Duration {
            seconds: 1000,
            nanos: 0,
        }),
        ..config()
    };
    let mut service = Service::new(&folder.path().join("state"), &long_grace);
    let pipe = fifo(&folder.path().join("pipe"));
    let line = format!("trap 'echo clean; exit 3' TERM; echo ready > {pipe}; read go < {pipe}");
    let token = service.start(1, shell(line)).await;
    assert_eq!(fs::read_to_string(&pipe).unwrap(), "ready\n");
    service.cancel(&token).await;
    let result = service.finished(&token).await;
    assert_eq!(
        abnormal(result),
        (Status::Cancelled, "cancelled; exit code 3".to_owned())
    );
}

#[tokio::test]
async fn children_that_outlive_a_cancelled_leader_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new(&folder.path().join("state"), &config());
    let pipe = fifo(&folder.path().join("pipe"));
    // The child keeps the pipe open for writing for as long as it lives.
    let line =
        format!("(trap '' TERM; exec > {pipe}; echo child; while :; do sleep 1000; done) & wait");
    let token = service.start(1, shell(line)).await;
    let mut reader = std::io::BufReader::new(fs::File::open(&pipe).unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
    assert_eq!(line, "child\n");
    service.cancel(&token).await;
    abnormal(service.finished(&token).await);
    let rest = tokio::task::spawn_blocking(move || std::io::read_to_string(reader));
    assert_eq!(in_time(rest).await.unwrap().unwrap(), "");
}

#[tokio::test]
async fn a_task_that_waits_for_a_slot_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let one_slot = ConfigMessage {
        slots: 1,
        ..config()
    };
    let mut service = Service::new(&folder.path().join("state"), &one_slot);
    let first = service.start(1, json!({ "argv": ["sleep", "1000"] })).await;
    let second = Token(first.0.replace("|1|1", "|2|1"));
    let run = service.run(2, json!({ "argv": ["true"] }));
    let cancel = async {
        assert_eq!(service.status(&second).await, TaskState::Pending);
        service.cancel(&second).await;
    };
    let (run, ()) = tokio::join!(run, cancel);
    assert_eq!(run.unwrap_err().kind(), ErrorKind::Cancelled);
    service.cancel(&first).await;
    abnormal(service.finished(&first).await);
}
