//! Attempts that ended abnormally or whose result expired, and parts that cannot be read.

use std::sync::Arc;
use std::time::Duration;

use distributor_core::{AttemptId, ManualClock};
use distributor_proto::dm;
use distributor_proto::dm::walk_graph_req as wire;
use distributor_proto::dm::walk_graph_req::include::Options;
use distributor_store::records::{AttemptRecord, Outcome};

use crate::support::{
    BEGINNING, World, abnormal, all_of, attempt, everything, finished, id, list, names, shown, walk,
};

fn crashed(id: AttemptId) -> AttemptRecord {
    AttemptRecord {
        state: dm::attempt::State::AbnormalFinished,
        outcome: Some(abnormal("crashed")),
        ..attempt(id)
    }
}

/// Worth something for a minute.
fn perishable(id: AttemptId) -> AttemptRecord {
    AttemptRecord {
        outcome: Some(Outcome::Data(Arc::new(dm::JsonResult {
            object: "{}".to_owned(),
            size: 2,
            expiration: Some(BEGINNING.after(Duration::from_secs(60)).to_proto()),
        }))),
        ..finished(id, "{}")
    }
}

fn asking_for(abnormal: bool, expired: bool) -> wire::Include {
    wire::Include {
        attempt: Some(Options {
            ids: true,
            result: true,
            abnormal,
            expired,
            ..Default::default()
        }),
        ..everything()
    }
}

#[tokio::test]
async fn abnormal_attempts_that_are_not_asked_for_are_bare_and_end_the_walk() {
    let world = World::new();
    world.put([
        attempt(id("w", 1)),
        crashed(id("x", 1)),
        attempt(id("y", 1)),
    ]);
    world.depend([(id("w", 1), id("x", 1)), (id("x", 1), id("y", 1))]);
    let request = walk(list(&[id("w", 1)]), -1, asking_for(false, false));
    let answer = world.walk(request).await;
    let bare = dm::Attempt {
        id: Some(id("x", 1).into()),
        ..Default::default()
    };
    assert_eq!(
        *shown(&answer, id("x", 1)),
        bare,
        "no partial flags: a client would ask again"
    );
    assert_eq!(names(&answer).len(), 2);
    assert!(!answer.had_more);

    let request = walk(list(&[id("w", 1)]), -1, asking_for(true, false));
    let answer = world.walk(request).await;
    assert_eq!(names(&answer).len(), 3);
    let data = shown(&answer, id("x", 1)).data.as_ref().expect("data");
    use dm::attempt::data::AttemptType;
    let Some(AttemptType::AbnormalFinish(finish)) = &data.attempt_type else {
        panic!("not abnormal: {data:?}");
    };
    assert_eq!(finish.reason, "crashed");
}

#[tokio::test]
async fn expired_attempts_are_bare_from_the_moment_on_at_which_they_expire() {
    let clock = Arc::new(ManualClock::new(BEGINNING));
    let world = World::with_clock(clock.clone());
    world.put([perishable(id("x", 1))]);
    let request = walk(list(&[id("x", 1)]), -1, asking_for(false, false));
    clock.advance(Duration::from_micros(59_999_999));
    let answer = world.walk(request.clone()).await;
    assert!(shown(&answer, id("x", 1)).data.is_some());
    clock.advance(Duration::from_micros(1));
    let answer = world.walk(request).await;
    assert!(shown(&answer, id("x", 1)).data.is_none());
    let request = walk(list(&[id("x", 1)]), -1, asking_for(false, true));
    let answer = world.walk(request).await;
    assert!(shown(&answer, id("x", 1)).data.is_some());
}

#[tokio::test]
async fn all_attempts_of_a_quest_are_only_those_of_the_asked_kinds() {
    let clock = Arc::new(ManualClock::new(BEGINNING));
    let world = World::with_clock(clock.clone());
    world.put([
        attempt(id("x", 1)),
        crashed(id("x", 2)),
        perishable(id("x", 3)),
    ]);
    clock.advance(Duration::from_secs(60));
    for (abnormal, expired, expected) in [
        (false, false, vec![1]),
        (true, false, vec![1, 2]),
        (false, true, vec![1, 3]),
        (true, true, vec![1, 2, 3]),
    ] {
        let request = walk(all_of("x"), 0, asking_for(abnormal, expired));
        let answer = world.walk(request).await;
        let expected: Vec<_> = expected.iter().map(|number| id("x", *number)).collect();
        assert_eq!(names(&answer), expected);
    }
    // One that somebody names stays in the answer.
    world.depend([(id("x", 1), id("x", 2))]);
    let request = walk(all_of("x"), 1, asking_for(false, false));
    assert_eq!(names(&world.walk(request).await), [id("x", 1), id("x", 2)]);
}

#[tokio::test]
async fn a_part_that_cannot_be_read_spoils_no_other() {
    let world = World::new();
    world.put(["a", "b", "c", "d"].map(|name| finished(id(name, 1), "{}")));
    world.depend([
        (id("a", 1), id("b", 1)),
        (id("a", 1), id("c", 1)),
        (id("c", 1), id("d", 1)),
    ]);
    world.store.damage(id("b", 1));
    let answer = world
        .walk(walk(list(&[id("a", 1)]), -1, everything()))
        .await;
    assert!(answer.had_errors && answer.had_more);
    assert_eq!(names(&answer).len(), 4);
    let damaged = shown(&answer, id("b", 1));
    let partial = damaged.partial.expect("partial");
    assert!(partial.data && partial.executions && partial.fwd_deps && partial.back_deps);
    assert_eq!(partial.result(), dm::attempt::partial::Result::NotLoaded);
    assert!(!damaged.dne);
    for name in ["a", "c", "d"] {
        assert!(shown(&answer, id(name, 1)).data.is_some());
        assert_eq!(shown(&answer, id(name, 1)).partial, None);
    }
}
