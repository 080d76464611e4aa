//! Who may do what, with tokens as `distributor token` makes them.

use distributor_client::Code;
use distributor_core::dm;
use distributor_proto::acls::Acls;
use distributor_proto::control;

use crate::support::{World, desc, id_of, list, nothing, request, walk};
use crate::wire::{Answer, Wire, assert_refused};

over_both! {
    readers_read_writers_do_both_and_others_nothing;
    a_token_that_is_not_good_is_unauthenticated;
    groups_that_cannot_be_read_are_a_reason_to_try_again;
    other_groups_count_as_soon_as_they_are_there;
}

fn code<T>(answer: Answer<T>) -> Option<Code> {
    answer.err().map(|failure| failure.code)
}

/// Calls every method, none of which changes anything of interest, and returns what became of each.
async fn call_all<W: Wire>(caller: &W) -> Vec<(&'static str, Option<Code>)> {
    let attempt = id_of(&desc("nothing")).attempt(1);
    let ensure = caller.ensure_graph_data(request(&[desc("a")])).await;
    let walked = caller.walk_graph(walk(list(&[attempt]), 0, nothing()));
    let cancel = control::CancelRequest {
        attempts: vec![attempt.into()],
        ..Default::default()
    };
    let collect = control::CollectRequest {
        older_than: Some(Default::default()),
        dry_run: true,
    };
    let explain = control::ExplainRequest {
        attempt: Some(attempt.into()),
    };
    let find = control::FindQuestsRequest {
        prefix: "A".to_owned(),
        limit: 0,
    };
    let log = control::ReadLogRequest {
        execution: Some(attempt.execution(1).into()),
        ..Default::default()
    };
    let replay = control::ReplayQueueRequest {
        all_dead: true,
        ..Default::default()
    };
    let discard = control::DiscardQueueRequest { ids: vec![1] };
    vec![
        ("ensure", code(ensure)),
        ("walk", code(walked.await)),
        ("cancel", code(caller.cancel(cancel).await)),
        ("collect", code(caller.collect(collect).await)),
        ("list", code(caller.list(Default::default()).await)),
        ("explain", code(caller.explain(explain).await)),
        ("find", code(caller.find_quests(find).await)),
        ("log", code(caller.read_log(log).await)),
        ("queue", code(caller.list_queue(Default::default()).await)),
        ("replay", code(caller.replay_queue(replay).await)),
        ("discard", code(caller.discard_queue(discard).await)),
        (
            "count",
            code(caller.count_notifications(Default::default()).await),
        ),
    ]
}

async fn readers_read_writers_do_both_and_others_nothing<W: Wire>(world: &World<W>) {
    let refused = Some(Code::PermissionDenied);
    for caller in [&world.anonymous, &world.member_of("others")] {
        for (method, code) in call_all(caller).await {
            assert_eq!(code, refused, "{method}");
        }
    }
    assert!(world.is_empty());
    for (method, code) in call_all(&world.reader).await {
        let writes = matches!(
            method,
            "ensure" | "cancel" | "collect" | "replay" | "discard"
        );
        assert_eq!(code == refused, writes, "{method}: {code:?}");
    }
    assert!(world.is_empty());
    for (method, code) in call_all(&world.writer).await {
        // The one thing that is asked for by name and does not exist.
        let expected = (method == "log").then_some(Code::NotFound);
        assert_eq!(code, expected, "{method}");
    }
}

async fn a_token_that_is_not_good_is_unauthenticated<W: Wire>(world: &World<W>) {
    let groups = ["writers".to_owned()];
    let made = world.tokens.create("revoked", &groups, world.now());
    let made = made.expect("a token");
    let text = std::str::from_utf8(made.token.expose()).expect("text");
    let caller = W::new(world.address, Some(text));
    caller.list(Default::default()).await.expect("it is good");
    // From now on, also for those who have shown it already.
    assert!(world.tokens.revoke(&made.id).expect("it is there"));
    let wrong = W::new(world.address, Some("dt_no_token"));
    for caller in [&caller, &wrong] {
        for (method, code) in call_all(caller).await {
            assert_eq!(code, Some(Code::Unauthenticated), "{method}");
        }
    }
    assert!(world.is_empty());
}

async fn groups_that_cannot_be_read_are_a_reason_to_try_again<W: Wire>(world: &World<W>) {
    let job = world.job("job").await;
    let unreadable = Err("acls.cfg cannot be read".to_owned());
    world.access.replace(unreadable);
    for (method, code) in call_all(&world.writer).await {
        assert_eq!(code, Some(Code::Unavailable), "{method}");
    }
    let anonymous = world.anonymous.list(Default::default()).await;
    assert_refused(anonymous, Code::PermissionDenied, "not authorized");
    // Jobs are in no group.
    let walk = dm::WalkGraphReq {
        auth: Some(job.auth()),
        ..walk(list(&[job.attempt()]), 0, nothing())
    };
    let walked = world.anonymous.walk_graph(walk).await;
    walked.expect("the token of the execution is enough");
    world.finish(&job, "{}").await.expect("the same token");
}

async fn other_groups_count_as_soon_as_they_are_there<W: Wire>(world: &World<W>) {
    let caller = world.member_of("others");
    let answer = caller.list(Default::default()).await;
    assert_refused(answer, Code::PermissionDenied, "not authorized");
    world.access.replace(Ok(Acls {
        readers: vec!["others".to_owned()],
        writers: vec![],
    }));
    caller.list(Default::default()).await.expect("a reader");
    let answer = world.writer.list(Default::default()).await;
    assert_refused(answer, Code::PermissionDenied, "not authorized");
}
