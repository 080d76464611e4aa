//! `distributor.control.Control`, but for its stream.

use std::time::Duration;

use distributor_client::Code;
use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::attempt::State;
use distributor_core::dm::attempt::data::AttemptType;
use distributor_core::{AttemptId, dm};
use distributor_proto::control::list_response::Counts;
use distributor_proto::control::read_log_request::Stream;
use distributor_proto::control::{
    CancelRequest, CollectRequest, ExplainRequest, FindQuestsRequest, ListRequest, ReadLogRequest,
};

use crate::support::{OUTPUT, World, desc, everything, id_of, instant, list, shown, state, walk};
use crate::wire::{Wire, assert_refused};

over_both! {
    a_cancelled_job_is_told_to_stop_and_its_attempt_ends_cancelled;
    what_cannot_be_cancelled_is_named;
    an_attempt_is_explained;
    attempts_are_listed_newest_first_page_by_page;
    quests_are_found_by_the_beginning_of_their_ids;
    the_output_of_a_task_is_read_piece_by_piece;
    what_is_over_is_collected;
}

fn nowhere() -> AttemptId {
    id_of(&desc("nowhere")).attempt(1)
}

async fn a_cancelled_job_is_told_to_stop_and_its_attempt_ends_cancelled<W: Wire>(world: &World<W>) {
    let job = world.job("a").await;
    let request = CancelRequest {
        attempts: vec![job.attempt().into(), nowhere().into()],
        executions: vec![job.execution.into()],
        reason: String::new(),
    };
    let answer = world.writer.cancel(request).await.expect("good");
    assert_eq!(answer.not_found, vec![nowhere().into()]);
    world.drain().await;
    // The host asks the backend whether it is over yet.
    world.clock.advance(Duration::from_secs(5));
    world.until_over(job.attempt()).await;

    let graph = world.walk(walk(list(&[job.attempt()]), 0, everything()));
    let expected = dm::AbnormalFinish {
        status: Status::Cancelled.into(),
        reason: "cancelled by somebody".to_owned(),
    };
    let graph = graph.await;
    let ended = state(shown(&graph, job.attempt()));
    assert_eq!(ended, &AttemptType::AbnormalFinish(expected));
    let late = world.finish(&job, "{}").await;
    assert_refused(late, Code::PermissionDenied, "requires execution Auth");
}

async fn what_cannot_be_cancelled_is_named<W: Wire>(world: &World<W>) {
    let job = world.job("a").await;
    let other = CancelRequest {
        executions: vec![job.attempt().execution(2).into()],
        ..Default::default()
    };
    let answer = world.writer.cancel(other).await;
    let message = job.attempt().to_string();
    assert_refused(answer, Code::FailedPrecondition, &message);
    let answer = world.writer.cancel(CancelRequest::default()).await;
    assert_refused(answer, Code::InvalidArgument, "attempts");
    world.finish(&job, "{}").await.expect("it runs on");
}

async fn an_attempt_is_explained<W: Wire>(world: &World<W>) {
    let job = world.job("a").await;
    let explain = |attempt: AttemptId| {
        world.reader.explain(ExplainRequest {
            attempt: Some(attempt.into()),
        })
    };
    let answer = explain(job.attempt()).await.expect("good");
    assert_eq!(answer.state, Some(State::Executing.into()));
    assert!(!answer.sentence.is_empty() && !answer.facts.is_empty());
    let answer = explain(nowhere()).await.expect("good");
    assert_eq!(answer.state, None);
    assert!(answer.sentence.contains("does not exist"), "{answer:?}");
    let answer = world.reader.explain(ExplainRequest::default()).await;
    assert_refused(answer, Code::InvalidArgument, "attempt: ");
}

async fn attempts_are_listed_newest_first_page_by_page<W: Wire>(world: &World<W>) {
    let mut expected = Vec::new();
    for name in ["a", "b", "c"] {
        expected.insert(0, world.executing(&desc(name)).await);
        world.clock.advance(Duration::from_secs(1));
    }
    expected.insert(0, world.finished(&desc("d"), "{}").await);
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListRequest {
            all: true,
            page_size: 3,
            page_token,
        };
        let page = world.reader.list(request).await.expect("good");
        let counts = Counts {
            executing: 3,
            finished: 1,
            ..Counts::default()
        };
        assert_eq!(page.counts, Some(counts));
        let ids = page
            .attempts
            .into_iter()
            .map(|item| item.id.expect("an id"));
        found.extend(ids.map(|id| AttemptId::try_from(&id).expect("an id of ours")));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found, expected);
    let bad = ListRequest {
        page_token: "no token".to_owned(),
        ..Default::default()
    };
    let answer = world.reader.list(bad).await;
    assert_refused(answer, Code::InvalidArgument, "page_token: ");
}

async fn quests_are_found_by_the_beginning_of_their_ids<W: Wire>(world: &World<W>) {
    let quest = world.executing(&desc("a")).await.quest;
    world.executing(&desc("b")).await;
    let find = |prefix: &str| {
        world.reader.find_quests(FindQuestsRequest {
            prefix: prefix.to_owned(),
            limit: 0,
        })
    };
    let found = find(&quest.to_string()[..10]).await.expect("good");
    assert_eq!(found.quests, vec![quest.into()]);
    assert_refused(find("").await, Code::InvalidArgument, "prefix: ");
}

async fn the_output_of_a_task_is_read_piece_by_piece<W: Wire>(world: &World<W>) {
    let execution = world.executing(&desc("a")).await.execution(1);
    let read = |offset, limit| {
        world.reader.read_log(ReadLogRequest {
            execution: Some(execution.into()),
            stream: Stream::Stdout.into(),
            offset,
            limit,
        })
    };
    let first = read(0, 5).await.expect("good");
    assert_eq!(
        (first.data.as_slice(), first.complete),
        (&OUTPUT[..5], false)
    );
    let rest = read(5, 0).await.expect("good");
    assert_eq!((rest.data.as_slice(), rest.complete), (&OUTPUT[5..], true));
    let beyond = read(u64::MAX, 0).await.expect("good");
    assert_eq!((beyond.data.as_slice(), beyond.complete), (&b""[..], true));
    let unknown = ReadLogRequest {
        execution: Some(nowhere().execution(1).into()),
        ..Default::default()
    };
    let answer = world.reader.read_log(unknown).await;
    assert_refused(answer, Code::NotFound, &nowhere().execution(1).to_string());
}

async fn what_is_over_is_collected<W: Wire>(world: &World<W>) {
    let old = world.executing(&instant("old")).await;
    let running = world.executing(&desc("running")).await;
    world.clock.advance(Duration::from_secs(61));
    let collect = |dry_run| {
        world.writer.collect(CollectRequest {
            older_than: Some(prost_types::Duration {
                seconds: 60,
                nanos: 0,
            }),
            dry_run,
        })
    };
    let ids = [old, running];
    for (dry_run, is_gone) in [(true, false), (false, true)] {
        let answer = collect(dry_run).await.expect("good");
        assert_eq!((answer.attempts, answer.quests), (1, 1));
        assert_eq!(answer.problems, Vec::<String>::new());
        let graph = world.walk(walk(list(&ids), 0, everything())).await;
        let gone = ids.map(|id| shown(&graph, id).dne);
        assert_eq!(gone, [is_gone, false]);
    }
    let answer = world.writer.collect(CollectRequest::default()).await;
    assert_refused(answer, Code::InvalidArgument, "older_than: ");
}
