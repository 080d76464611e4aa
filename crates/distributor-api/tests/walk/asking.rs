//! What a request must look like, and who may ask.

use distributor_api::{Caller, Code};
use distributor_proto::dm;
use distributor_proto::dm::walk_graph_req as wire;
use distributor_proto::dm::walk_graph_req::include::Options;

use crate::support::{
    World, assert_status, attempt, attempt_list, id, limited, list, nothing, quest_id, range, walk,
};

/// A request that is right.
fn request() -> dm::WalkGraphReq {
    walk(list(&[id("x", 1)]), 0, nothing())
}

#[tokio::test]
async fn a16_an_anonymous_caller_may_not_walk() {
    let world = World::new();
    let status = world.refused(&Caller::Anonymous, request()).await;
    assert_status(&status, Code::PermissionDenied, "not authorized");
}

#[tokio::test]
async fn a16_a_bad_request_is_told_to_everybody() {
    let world = World::new();
    let status = world
        .refused(&Caller::Anonymous, dm::WalkGraphReq::default())
        .await;
    assert_status(&status, Code::InvalidArgument, "query: required");
}

#[tokio::test]
async fn a_request_that_is_wrong_is_refused_by_the_name_of_its_field() {
    type Change = fn(&mut dm::WalkGraphReq);
    fn query(request: &mut dm::WalkGraphReq) -> &mut dm::GraphQuery {
        request.query.get_or_insert_default()
    }
    fn include(request: &mut dm::WalkGraphReq, quest: Options) {
        request.include.get_or_insert_default().quest = Some(quest);
    }
    fn max_time(seconds: i64, nanos: i32) -> Option<prost_types::Duration> {
        Some(prost_types::Duration { seconds, nanos })
    }
    let cases: [(Change, &str); 18] = [
        (|it| it.auth = Some(Default::default()), "auth.id: "),
        (|it| it.query = None, "query: "),
        (
            |it| query(it).attempt_list = Some(attempt_list(&[id("x", 0), id("x", 1)])),
            "query.attempt_list.to[",
        ),
        (
            |it| *query(it) = range("x", 0, 2),
            "query.attempt_range[0].low: ",
        ),
        (
            |it| *query(it) = range("x", 2, 2),
            "query.attempt_range[0].high: is 2",
        ),
        (
            |it| {
                *query(it) = range("x", 1, 2);
                query(it).attempt_range[0].quest.clear();
            },
            "query.attempt_range[0].quest: ",
        ),
        (
            |it| query(it).search = vec![Default::default()],
            "query.search[0].start: ",
        ),
        (
            |it| {
                let time = dm::property_value::Value::Time(Default::default());
                let start = Some(dm::PropertyValue { value: Some(time) });
                query(it).search = vec![dm::graph_query::Search {
                    start,
                    end: Some(Default::default()),
                    ..Default::default()
                }];
            },
            "query.search[0].end: ",
        ),
        (
            |it| it.mode.get_or_insert_default().direction = 3,
            "mode.direction: 3",
        ),
        (
            |it| it.limit.get_or_insert_default().max_depth = -2,
            "limit.max_depth: is -2",
        ),
        (
            |it| it.limit.get_or_insert_default().max_depth = i64::MIN,
            "limit.max_depth: ",
        ),
        (
            |it| it.limit.get_or_insert_default().max_time = max_time(-1, 0),
            "limit.max_time: ",
        ),
        (
            |it| it.limit.get_or_insert_default().max_time = max_time(0, i32::MAX),
            "limit.max_time: ",
        ),
        (
            |it| {
                include(
                    it,
                    Options {
                        result: true,
                        ..Default::default()
                    },
                )
            },
            "include.quest.result: ",
        ),
        (
            |it| {
                include(
                    it,
                    Options {
                        abnormal: true,
                        ..Default::default()
                    },
                )
            },
            "include.quest.abnormal: ",
        ),
        (
            |it| {
                include(
                    it,
                    Options {
                        expired: true,
                        ..Default::default()
                    },
                )
            },
            "include.quest.expired: ",
        ),
        (
            |it| {
                it.exclude = Some(wire::Exclude {
                    attempts: Some(attempt_list(&[id("x", 0), id("x", 1)])),
                    ..Default::default()
                });
            },
            "exclude.attempts.to[",
        ),
        (
            |it| {
                let auth = it.auth.get_or_insert_default();
                auth.id = Some(dm::execution::Id {
                    quest: "x".to_owned(),
                    attempt: 1,
                    id: 1,
                });
            },
            "auth.id: ",
        ),
    ];
    let world = World::new();
    for (change, part) in cases {
        let mut request = request();
        change(&mut request);
        let status = world.refused(&Caller::Trusted, request).await;
        assert_status(&status, Code::InvalidArgument, part);
    }
}

#[tokio::test]
async fn a_search_is_not_implemented() {
    let world = World::new();
    let value = dm::property_value::Value::Time(Default::default());
    let time = Some(dm::PropertyValue { value: Some(value) });
    let mut request = request();
    let query = request.query.get_or_insert_default();
    query.search = vec![dm::graph_query::Search {
        start: time.clone(),
        end: time,
        ..Default::default()
    }];
    let status = world.refused(&Caller::Trusted, request.clone()).await;
    assert_status(&status, Code::Unimplemented, "query.search");
    let status = world.refused(&Caller::Anonymous, request).await;
    assert_status(&status, Code::PermissionDenied, "");
}

#[tokio::test]
async fn an_empty_query_finds_nothing() {
    let world = World::new();
    world.put([attempt(id("x", 1))]);
    let request = walk(dm::GraphQuery::default(), -1, nothing());
    assert_eq!(world.walk(request).await, dm::GraphData::default());
}

#[tokio::test]
async fn limits_may_be_as_large_as_they_can() {
    let world = World::new();
    world.put([attempt(id("x", 1))]);
    let request = limited(request(), |limit| {
        limit.max_depth = i64::MAX;
        limit.max_data_size = u32::MAX;
        limit.max_time = Some(prost_types::Duration {
            seconds: 315_576_000_000,
            nanos: 0,
        });
    });
    assert!(!world.walk(request).await.had_more);
}

#[tokio::test]
async fn a_name_that_is_no_quest_id_names_nothing_that_exists() {
    let world = World::new();
    let mut query = range("x", 1, 2);
    query.attempt_range[0].quest = "quest".to_owned();
    let nums = dm::attempt_list::Nums { nums: vec![7] };
    let names = [
        ("quest".to_owned(), nums),
        ("all".to_owned(), Default::default()),
    ];
    query.attempt_list = Some(dm::AttemptList { to: names.into() });
    let answer = world.walk(walk(query, 0, nothing())).await;
    let absent = dm::Attempt {
        dne: true,
        ..Default::default()
    };
    assert_eq!(answer.quests["quest"].attempts[&1], absent);
    assert_eq!(answer.quests["quest"].attempts[&7], absent);
    assert_eq!(answer.quests["quest"].attempts.len(), 2);
    assert_eq!(answer.quests["all"], dm::Quest::default());
    assert!(!answer.quests.contains_key(&quest_id("x").to_string()));
}
