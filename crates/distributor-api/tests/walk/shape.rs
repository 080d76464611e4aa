//! Which attempts a walk finds.

use distributor_core::AttemptId;
use distributor_proto::dm;
use distributor_proto::dm::walk_graph_req as wire;
use wire::include::Options;
use wire::mode::Direction;

use crate::support::{
    World, all_of, attempt, attempt_list, everything, id, list, names, nothing, quest, quest_id,
    range, shown, towards, walk,
};

fn with_quest_data() -> wire::Include {
    wire::Include {
        quest: Some(Options {
            data: true,
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[tokio::test]
async fn a17_an_unknown_attempt_does_not_exist_and_of_its_quest_nothing_is_said() {
    let world = World::new();
    let answer = world.walk(walk(list(&[id("x", 1)]), 0, nothing())).await;
    let quest = &answer.quests[&quest_id("x").to_string()];
    assert!(quest.attempts[&1].dne);
    assert_eq!(quest.attempts[&1].partial, None);
    assert!(!quest.dne && !quest.partial);
    assert!(!answer.had_more && !answer.had_errors);
}

#[tokio::test]
async fn a18_who_asks_for_nothing_gets_an_empty_attempt() {
    let world = World::new();
    world.put([attempt(id("x", 1))]);
    let answer = world.walk(walk(list(&[id("x", 1)]), 0, nothing())).await;
    assert_eq!(*shown(&answer, id("x", 1)), dm::Attempt::default());
    assert_eq!(answer.quests[&quest_id("x").to_string()].data, None);
}

#[tokio::test]
async fn a19_an_unknown_quest_does_not_exist_if_its_data_is_asked_for() {
    let world = World::new();
    let answer = world
        .walk(walk(list(&[id("x", 1)]), 0, with_quest_data()))
        .await;
    let found = &answer.quests[&quest_id("x").to_string()];
    assert!(found.dne && found.attempts[&1].dne);
    assert!(!found.partial);

    let answer = world.walk(walk(all_of("y"), 0, with_quest_data())).await;
    let found = &answer.quests[&quest_id("y").to_string()];
    assert!(found.dne && found.attempts.is_empty());
}

#[tokio::test]
async fn a_known_quest_has_its_data_though_the_attempt_does_not_exist() {
    let world = World::new();
    world.put_quest(quest("x"));
    let request = walk(list(&[id("x", 1)]), 0, with_quest_data());
    let answer = world.walk(request.clone()).await;
    let found = &answer.quests[&quest_id("x").to_string()];
    let data = found.data.as_ref().expect("data");
    assert_eq!(data.desc.as_ref(), Some(quest("x").desc.as_ref()));
    assert_eq!(data.created, Some(quest("x").created.to_proto()));
    assert!(!found.dne && !found.partial && found.attempts[&1].dne);

    let excluded = dm::WalkGraphReq {
        exclude: Some(wire::Exclude {
            quests: vec![quest_id("x").to_string(), "no quest".to_owned()],
            ..Default::default()
        }),
        ..request
    };
    let answer = world.walk(excluded).await;
    let found = &answer.quests[&quest_id("x").to_string()];
    assert_eq!(
        (&found.data, found.dne, found.partial),
        (&None, false, false)
    );
}

#[tokio::test]
async fn a23_a_range_ends_before_its_end_and_shows_what_does_not_exist() {
    let world = World::new();
    world.put((1..5).map(|number| attempt(id("x", number))));
    let answer = world.walk(walk(range("x", 2, 4), 0, nothing())).await;
    assert_eq!(names(&answer), [id("x", 2), id("x", 3)]);
    let answer = world.walk(walk(range("x", 2, 6), 0, nothing())).await;
    assert_eq!(names(&answer), [2, 3, 4, 5].map(|number| id("x", number)));
    let dne = [2, 3, 4, 5].map(|number| shown(&answer, id("x", number)).dne);
    assert_eq!(dne, [false, false, false, true]);
}

#[tokio::test]
async fn a26_edges_and_the_attempts_at_their_ends_appear_together() {
    // What the original showed before its journal had run cannot be seen here: one batch stores all.
    let world = World::new();
    world.put([
        attempt(id("w", 1)),
        attempt(id("x", 1)),
        attempt(id("x", 2)),
    ]);
    world.depend([(id("w", 1), id("x", 1)), (id("w", 1), id("x", 2))]);
    let include = wire::Include {
        fwd_deps: true,
        ..Default::default()
    };
    let answer = world.walk(walk(list(&[id("w", 1)]), 1, include)).await;
    let edges = shown(&answer, id("w", 1)).fwd_deps.as_ref();
    let nums = &edges.expect("edges").to[&quest_id("x").to_string()].nums;
    assert_eq!(*nums, [2, 1]);
    assert!(names(&answer).into_iter().all(|id| !shown(&answer, id).dne));
    assert_eq!(names(&answer).len(), 3);
}

#[tokio::test]
async fn a27_edges_are_shown_in_both_directions_and_empty_lists_too() {
    let world = World::new();
    world.put([
        attempt(id("w", 1)),
        attempt(id("x", 1)),
        attempt(id("x", 2)),
    ]);
    world.depend([(id("w", 1), id("x", 1)), (id("w", 1), id("x", 2))]);
    let include = wire::Include {
        fwd_deps: true,
        back_deps: true,
        ..Default::default()
    };
    let answer = world.walk(walk(list(&[id("w", 1)]), 1, include)).await;
    let (w, x) = (shown(&answer, id("w", 1)), shown(&answer, id("x", 1)));
    assert_eq!(w.back_deps, Some(dm::AttemptList::default()));
    assert_eq!(w.fwd_deps, Some(attempt_list(&[id("x", 2), id("x", 1)])));
    assert_eq!(x.back_deps, Some(attempt_list(&[id("w", 1)])));
    assert_eq!(x.fwd_deps, Some(dm::AttemptList::default()));
    let answer = world.walk(walk(list(&[id("w", 1)]), 1, nothing())).await;
    assert_eq!(*shown(&answer, id("w", 1)), dm::Attempt::default());
    assert_eq!(names(&answer).len(), 3);
}

/// w depends on x/1 and x/2, and both of those on z/1, which depends on end/1.
fn diamond() -> World {
    let world = World::new();
    let all = [("w", 1), ("x", 1), ("x", 2), ("z", 1), ("end", 1)];
    world.put(all.map(|(name, number)| attempt(id(name, number))));
    world.depend([
        (id("w", 1), id("x", 1)),
        (id("w", 1), id("x", 2)),
        (id("x", 1), id("z", 1)),
        (id("x", 2), id("z", 1)),
        (id("z", 1), id("end", 1)),
    ]);
    world
}

fn sorted(mut ids: Vec<AttemptId>) -> Vec<AttemptId> {
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn a28_each_attempt_of_a_diamond_is_found_once_in_either_order() {
    let world = diamond();
    let two_edges = sorted(vec![id("w", 1), id("x", 1), id("x", 2), id("z", 1)]);
    for dfs in [false, true] {
        let mut request = walk(list(&[id("w", 1)]), 2, everything());
        request.mode.get_or_insert_default().dfs = dfs;
        let answer = world.walk(request).await;
        assert_eq!(names(&answer), two_edges, "dfs: {dfs}");
        assert!(!answer.had_more);
        let last = shown(&answer, id("z", 1));
        assert_eq!(last.fwd_deps, Some(attempt_list(&[id("end", 1)])));
        assert_eq!(last.partial, None);
    }
}

#[tokio::test]
async fn a_walk_goes_as_deep_and_in_the_directions_that_it_is_told() {
    let world = diamond();
    let from = |name: &str, depth, direction| {
        let request = walk(list(&[id(name, 1)]), depth, nothing());
        let request = towards(request, direction);
        let world = &world;
        async move { names(&world.walk(request).await) }
    };
    let all = [id("w", 1), id("x", 1), id("x", 2), id("z", 1), id("end", 1)];
    let forwards = Direction::Forwards;
    assert_eq!(from("w", 0, forwards).await, [id("w", 1)]);
    let one = sorted(all[..3].to_vec());
    assert_eq!(from("w", 1, forwards).await, one);
    assert_eq!(from("w", 3, forwards).await, sorted(all.to_vec()));
    assert_eq!(from("w", -1, forwards).await, sorted(all.to_vec()));
    let backwards = Direction::Backwards;
    let up = sorted(all[1..4].to_vec());
    assert_eq!(from("z", 1, backwards).await, up);
    assert_eq!(from("z", -1, backwards).await, sorted(all[..4].to_vec()));
    assert_eq!(from("z", -1, Direction::Both).await, sorted(all.to_vec()));
    let around = sorted(vec![id("z", 1), id("x", 1), id("x", 2), id("end", 1)]);
    assert_eq!(from("z", 1, Direction::Both).await, around);
}

#[tokio::test]
async fn a29_a_list_without_numbers_shows_all_attempts_with_ids() {
    let world = World::new();
    world.put([1, 2, 700, u32::MAX].map(|number| attempt(id("x", number))));
    world.put([attempt(id("y", 1))]);
    let ids = Some(Options {
        ids: true,
        ..Default::default()
    });
    let include = wire::Include {
        quest: ids,
        attempt: ids,
        ..Default::default()
    };
    let mut zero = all_of("x");
    if let Some(list) = &mut zero.attempt_list {
        list.to.values_mut().for_each(|nums| nums.nums = vec![0]);
    }
    for query in [all_of("x"), zero] {
        let answer = world.walk(walk(query, 0, include)).await;
        let found = &answer.quests[&quest_id("x").to_string()];
        assert_eq!(found.id, Some(quest_id("x").into()));
        let ids: Vec<_> = found.attempts.values().map(|it| it.id.clone()).collect();
        let expected = [1, 2, 700, u32::MAX].map(|number| Some(id("x", number).into()));
        assert_eq!(ids, expected);
        assert_eq!(answer.quests.len(), 1);
    }
}

#[tokio::test]
async fn what_is_excluded_is_neither_shown_nor_walked_over() {
    let world = World::new();
    let numbers = [1, 2, 3, 90, 700];
    world.put(numbers.map(|number| attempt(id("x", number))));
    world.put([attempt(id("w", 1)), attempt(id("end", 1))]);
    world.depend(numbers.map(|number| (id("w", 1), id("x", number))));
    world.depend([(id("x", 2), id("end", 1))]);
    let excluding = |exclude: &[AttemptId]| {
        let attempts = Some(attempt_list(exclude));
        let request = dm::WalkGraphReq {
            exclude: Some(wire::Exclude {
                attempts,
                ..Default::default()
            }),
            ..walk(list(&[id("w", 1)]), -1, everything())
        };
        let world = &world;
        async move { world.walk(request).await }
    };
    // Each of them alone, and given in no order: the list is searched in its normal form.
    for number in numbers {
        let answer = excluding(&[id("x", number)]).await;
        assert!(!names(&answer).contains(&id("x", number)));
        let others = if number == 2 { 5 } else { 6 };
        assert_eq!(names(&answer).len(), others, "without {number}");
    }
    let most = [id("x", 2), id("x", 700), id("x", 3), id("x", 1)];
    let answer = excluding(&most).await;
    assert_eq!(names(&answer), sorted(vec![id("w", 1), id("x", 90)]));
    let edges = shown(&answer, id("w", 1)).fwd_deps.as_ref();
    let nums = &edges.expect("edges").to[&quest_id("x").to_string()].nums;
    assert_eq!(*nums, [700, 90, 3, 2, 1], "edges are shown as they are");
    let answer = excluding(&[id("x", 0)]).await;
    assert_eq!(names(&answer), [id("w", 1)], "none means all");
    let answer = excluding(&[id("w", 1)]).await;
    assert!(answer.quests.is_empty() && !answer.had_more);
}

#[tokio::test]
async fn excluding_a_whole_quest_makes_a_range_of_it_cheap() {
    let world = World::new();
    let request = dm::WalkGraphReq {
        exclude: Some(wire::Exclude {
            attempts: Some(attempt_list(&[id("x", 0)])),
            ..Default::default()
        }),
        ..walk(range("x", 1, u32::MAX), 0, nothing())
    };
    assert!(!world.walk(request).await.had_more);
}
