//! Bounds of an answer: those of the request, and its own.

use std::sync::Arc;
use std::time::Duration;

use distributor_core::ManualClock;
use distributor_proto::dm;
use distributor_proto::dm::walk_graph_req as wire;
use distributor_proto::dm::walk_graph_req::include::Options;
use distributor_store::records::QuestRecord;
use prost::Message;

use crate::support::{
    BEGINNING, SteppingClock, World, attempt, attempt_list, attempts, everything, id, limited,
    list, names, nothing, quest, quest_id, range, shown, walk,
};

/// What gRPC clients accept if nobody tells them otherwise.
const SMALL_MESSAGE: usize = 4 << 20;

/// x/1 depends on x/2, and so on.
fn chain(length: u32) -> World {
    let world = World::new();
    world.put((1..=length).map(|number| attempt(id("x", number))));
    let x = quest_id("x");
    world.depend((1..length).map(|number| (x.attempt(number), x.attempt(number + 1))));
    world
}

#[tokio::test]
async fn a_long_chain_is_walked_in_pages_without_a_limit_of_depth() {
    let world = chain(10_000);
    for dfs in [false, true] {
        let mut request = walk(list(&[id("x", 1)]), -1, everything());
        request.mode.get_or_insert_default().dfs = dfs;
        let first = world.walk(request.clone()).await;
        assert!(first.had_more && !first.had_errors);
        assert!(first.encoded_len() < SMALL_MESSAGE);
        let next: Vec<_> = attempts(&first)
            .filter(|(_, attempt)| attempt.partial.is_some())
            .collect();
        assert_eq!(next.len(), 1, "the one where the walk goes on");
        let partial = next[0].1.partial.expect("partial");
        assert!(partial.data && partial.executions && partial.fwd_deps && partial.back_deps);

        let (answers, whole) = world.walk_all(request).await;
        assert_eq!(names(&whole).len(), 10_000);
        assert!(answers < 10, "{answers} answers");
        assert!(attempts(&whole).all(|(_, attempt)| attempt.data.is_some()));
    }
}

#[tokio::test]
async fn who_asks_for_nothing_still_learns_where_the_walk_goes_on() {
    let world = chain(10_000);
    let request = walk(list(&[id("x", 1)]), -1, nothing());
    let (_, whole) = world.walk_all(request).await;
    assert_eq!(names(&whole).len(), 10_000);
    let request = walk(range("x", 1, 5001), 0, nothing());
    let first = world.walk(request.clone()).await;
    assert!(first.had_more);
    let (_, whole) = world.walk_all(request).await;
    assert_eq!(names(&whole).len(), 5000);
}

#[tokio::test]
async fn a_long_name_is_not_repeated_for_each_of_its_numbers_without_bound() {
    let world = World::new();
    let name = "x".repeat(100_000);
    let mut query = range("x", 1, 5001);
    query.attempt_range[0].quest = name.clone();
    let mut include = everything();
    include.attempt.get_or_insert_default().ids = true;
    let answer = world.walk(walk(query, 0, include)).await;
    assert!(answer.had_more && !answer.had_errors);
    assert!(answer.quests[&name].dne);
    assert!(answer.encoded_len() < SMALL_MESSAGE);
}

#[tokio::test]
async fn large_descriptions_are_spread_over_several_answers() {
    let world = World::new();
    let large = |number: u32| {
        let mut desc = quest("x").desc.as_ref().clone();
        desc.parameters = format!("{{\"{number}\":\"{}\"}}", "x".repeat(200_000));
        QuestRecord {
            id: distributor_proto::quest_id(&desc),
            desc: Arc::new(desc),
            ..quest("x")
        }
    };
    let quests: Vec<_> = (0..40).map(large).collect();
    for quest in &quests {
        world.put_quest(quest.clone());
    }
    let asked: Vec<_> = quests.iter().map(|quest| quest.id.attempt(1)).collect();
    world.put(asked.iter().copied().map(attempt));
    let request = walk(list(&asked), 0, everything());
    let first = world.walk(request.clone()).await;
    assert!(first.had_more && first.encoded_len() < SMALL_MESSAGE);
    let (_, whole) = world.walk_all(request).await;
    for quest in &quests {
        let data = whole.quests[&quest.id.to_string()].data.as_ref();
        let desc = data.and_then(|data| data.desc.as_ref());
        assert_eq!(desc, Some(quest.desc.as_ref()));
    }
}

#[tokio::test]
async fn a_client_that_excludes_what_it_knows_gets_more_neighbours_than_fit_in_an_answer() {
    let world = World::new();
    let ends = || (1..=12_000).map(|number| quest_id("x").attempt(number));
    world.put(ends().map(attempt));
    world.put([attempt(id("w", 1))]);
    world.depend(ends().map(|end| (id("w", 1), end)));
    let mut request = walk(list(&[id("w", 1)]), -1, nothing());
    let mut known = Vec::new();
    for _answers in 0..2 {
        let answer = world.walk(request.clone()).await;
        known.extend(names(&answer).into_iter().filter(|it| *it != id("w", 1)));
        let partial = shown(&answer, id("w", 1)).partial;
        assert_eq!(partial.is_some_and(|it| it.fwd_deps), known.len() < 12_000);
        let exclude = request.exclude.get_or_insert_default();
        exclude.attempts = Some(attempt_list(&known));
    }
    assert_eq!(known.len(), 12_000);
}

#[tokio::test]
async fn edges_of_an_attempt_beyond_the_bound_are_said_to_be_missing() {
    let world = World::new();
    let ends = || (1..=20_000).map(|number| quest_id("x").attempt(number));
    world.put(ends().map(attempt));
    world.put([attempt(id("w", 1))]);
    world.depend(ends().map(|end| (end, id("w", 1))));
    let answer = world.walk(walk(list(&[id("w", 1)]), 0, everything())).await;
    let attempt = shown(&answer, id("w", 1));
    let edges = attempt.back_deps.as_ref().expect("edges");
    let nums = &edges.to[&quest_id("x").to_string()].nums;
    assert_eq!(nums.len(), 16 * 1024);
    let partial = attempt.partial.expect("partial");
    assert!(partial.back_deps && !partial.fwd_deps);
    assert!(!answer.had_more, "asking again would not help");
}

#[tokio::test]
async fn a_range_without_end_ends() {
    let world = World::new();
    let answer = world
        .walk(walk(range("x", 1, u32::MAX), 0, nothing()))
        .await;
    assert!(answer.had_more && names(&answer).len() <= 8192);
    let mut query = range("x", 1, u32::MAX);
    query.attempt_range[0].quest = "no quest id".to_owned();
    let answer = world.walk(walk(query, 0, nothing())).await;
    let quest = &answer.quests["no quest id"];
    assert!(answer.had_more && quest.attempts.len() <= 8192);
}

fn for_seconds(seconds: i64, request: dm::WalkGraphReq) -> dm::WalkGraphReq {
    limited(request, |limit| {
        limit.max_time = Some(prost_types::Duration { seconds, nanos: 0 });
    })
}

#[tokio::test]
async fn when_the_time_is_up_what_was_loaded_is_the_answer() {
    let clock = SteppingClock {
        clock: ManualClock::new(BEGINNING),
        step: Duration::from_secs(1),
    };
    let world = World::with_clock(Arc::new(clock));
    let x = quest_id("x");
    world.put((1..=3000).map(|number| attempt(x.attempt(number))));
    world.depend((1..3000).map(|number| (x.attempt(number), x.attempt(number + 1))));
    let loaded = |answer: &dm::GraphData| attempts(answer).filter(|it| it.1.data.is_some()).count();
    let request = walk(list(&[x.attempt(1)]), -1, everything());
    let mut all = Vec::new();
    for seconds in [4, 20, 40] {
        let answer = world.walk(for_seconds(seconds, request.clone())).await;
        assert!(answer.had_more && !answer.had_errors);
        assert_eq!(names(&answer).len(), loaded(&answer) + 1);
        all.push(loaded(&answer));
    }
    assert!(all.is_sorted() && all[0] > 0 && all[0] < all[2], "{all:?}");
    // No time, zero and too much time are all 55 s.
    let longest = world.walk(request.clone()).await;
    assert!(longest.had_more && loaded(&longest) > all[2]);
    for seconds in [0, 55, 56, 1_000_000] {
        let answer = world.walk(for_seconds(seconds, request.clone())).await;
        assert_eq!(loaded(&answer), loaded(&longest), "{seconds} s");
    }
}

#[tokio::test]
async fn when_the_time_is_up_at_once_the_query_comes_back_as_what_to_ask_for() {
    let clock = SteppingClock {
        clock: ManualClock::new(BEGINNING),
        step: Duration::from_secs(60),
    };
    let world = World::with_clock(Arc::new(clock));
    world.put([attempt(id("x", 1))]);
    let request = walk(list(&[id("x", 1)]), 0, everything());
    let answer = world.walk(request).await;
    assert!(answer.had_more);
    assert!(shown(&answer, id("x", 1)).partial.is_some_and(|it| it.data));
    assert!(answer.quests[&quest_id("x").to_string()].partial);
}

#[tokio::test]
async fn quests_that_are_named_without_attempts_are_bounded_too() {
    let world = World::new();
    let to = (0..10_000).map(|number| {
        (
            quest_id(&number.to_string()).to_string(),
            Default::default(),
        )
    });
    let query = dm::GraphQuery {
        attempt_list: Some(dm::AttemptList { to: to.collect() }),
        ..Default::default()
    };
    let include = wire::Include {
        quest: Some(Options {
            data: true,
            ..Default::default()
        }),
        ..Default::default()
    };
    let answer = world.walk(walk(query, 0, include)).await;
    assert!(answer.had_more && answer.quests.len() <= 8192);
    assert!(answer.quests.values().all(|quest| quest.dne));
}
