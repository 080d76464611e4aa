//! The stream of changes, which only gRPC has.

use distributor_client::Code;
use distributor_core::TaskResult;
use distributor_core::dm::{attempt, execution};
use distributor_proto::control::{WatchRequest, WatchResponse};

use crate::support::{desc, id_of, run};
use crate::wire::{Grpc, Prpc, assert_refused};

#[tokio::test]
async fn every_change_of_a_watched_attempt_is_told_over_grpc() {
    run::<Grpc>(async |world| {
        let id = id_of(&desc("a")).attempt(1);
        let request = WatchRequest {
            attempts: vec![id.into()],
        };
        let stream = world.reader.0.watch(request).await;
        let mut stream = stream.expect("a reader may");
        let first = stream.message().await.expect("a message");
        assert_eq!(first, Some(WatchResponse::default()));

        world.executing(&desc("other")).await;
        world.finished(&desc("a"), "{}").await;
        use execution::State;
        let mut told: Vec<(attempt::State, u32, Option<State>)> = Vec::new();
        while told
            .last()
            .is_none_or(|(state, ..)| *state != attempt::State::Finished)
        {
            let message = stream.message().await.expect("a message");
            let message = message.expect("it goes on");
            assert!(!message.missed);
            for change in message.changes {
                assert_eq!(change.id, Some(id.into()));
                let of_execution = change.execution_state.map(|_| change.execution_state());
                told.push((change.state(), change.execution, of_execution));
            }
        }
        told.dedup();
        let executing = |state| (attempt::State::Executing, 1, Some(state));
        let end = [
            executing(State::Scheduling),
            executing(State::Running),
            executing(State::Stopping),
            (attempt::State::Finished, 1, Some(State::Finished)),
        ];
        assert!(told.ends_with(&end), "{told:?}");
    })
    .await;
}

#[tokio::test]
async fn strangers_do_not_watch_over_grpc() {
    run::<Grpc>(async |world| {
        for caller in [&world.anonymous, &world.member_of("others")] {
            let refused = caller.0.watch(WatchRequest::default()).await;
            let error = refused.expect_err("a refusal");
            assert_eq!(error.code(), Code::PermissionDenied);
        }
    })
    .await;
}

#[tokio::test]
async fn a_stream_cannot_be_had_over_prpc() {
    run::<Prpc>(async |world| {
        let path = "distributor.control.Control/Watch";
        let request = WatchRequest::default();
        let answer = world.reader.call::<_, WatchResponse>(path, &request).await;
        assert_refused(answer, Code::Unimplemented, "");
        // And the one who tried is not worse off.
        let job = world.job("a").await;
        world.finish(&job, "{}").await.expect("good");
        world.end(job.execution, TaskResult::data("{}")).await;
    })
    .await;
}
