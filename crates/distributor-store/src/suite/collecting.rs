//! What is collected, and what is kept.

use std::time::Duration;

use distributor_core::{Timestamp, dm};

use super::fixtures::{
    attempt, attempt_id, data, dependency, execution, final_attempt, moment, must, put, quest,
    quest_id, row, stored,
};
use crate::records::AttemptRecord;
use crate::{Batch, Store};

const AGE: Duration = Duration::from_micros(100);

/// At the age itself, not before; unfinished ones never.
pub fn old_final_attempts_are_collected(store: &dyn Store) {
    let abnormal = AttemptRecord {
        state: dm::attempt::State::AbnormalFinished,
        ..final_attempt(3, moment(0))
    };
    put(
        store,
        [
            final_attempt(1, moment(900)),
            final_attempt(2, moment(901)),
            abnormal,
            AttemptRecord {
                modified: moment(0),
                ..attempt(4)
            },
        ],
    );
    assert_eq!(collect(store, moment(1000)), (2, 2));
    assert_eq!(left(store, 5), [2, 4]);
    let counts = must(store.counts());
    assert_eq!((counts.scheduling, counts.finished), (1, 1));
    assert_eq!(counts.abnormal_finished, 0);
    assert_eq!(collect(store, moment(1000)), (0, 0));
    assert_eq!(collect(store, moment(1001)), (1, 1));
    let forever = must(store.collect(moment(i64::MAX / 2), Duration::MAX));
    assert_eq!((forever.attempts, forever.quests), (0, 0));
}

/// Until it is final too.
pub fn what_an_unfinished_attempt_needs_is_kept(store: &dyn Store) {
    put(store, [final_attempt(1, moment(0)), attempt(2)]);
    put(store, [final_attempt(3, moment(0))]);
    let batch = Batch {
        dependencies: vec![dependency(2, 1, 0), dependency(3, 1, 0)],
        ..Batch::default()
    };
    must(store.commit(&batch));
    assert_eq!(collect(store, moment(1000)), (1, 1));
    assert_eq!(left(store, 4), [1, 2]);
    assert_eq!(must(store.dependents(attempt_id(1), 9)).len(), 1);
    let ended = AttemptRecord {
        state: dm::attempt::State::Finished,
        modified: moment(1000),
        ..stored(store, 2)
    };
    put(store, [ended]);
    assert_eq!(collect(store, moment(1001)), (1, 1));
    assert_eq!(left(store, 4), [2]);
    assert_eq!(must(store.dependencies(attempt_id(2))), []);
}

/// A call about an attempt needs its record.
pub fn what_the_journal_owes_is_kept(store: &dyn Store) {
    put(store, [final_attempt(1, moment(0))]);
    let batch = Batch {
        journal_added: vec![row(1, 1)],
        ..Batch::default()
    };
    must(store.commit(&batch));
    assert_eq!(collect(store, moment(1000)), (0, 0));
    assert_eq!(must(store.journal(0, 9)), [row(1, 1)]);
    let batch = Batch {
        journal_done: vec![1],
        ..Batch::default()
    };
    must(store.commit(&batch));
    assert_eq!(collect(store, moment(1000)), (1, 1));
    assert_eq!(must(store.high_marks()), (1, 0));
}

/// Not before, and not if it never had one.
pub fn a_quest_goes_with_its_last_attempt(store: &dyn Store) {
    let second = AttemptRecord {
        id: quest_id(1).attempt(2),
        ..final_attempt(1, moment(950))
    };
    put(store, [final_attempt(1, moment(0)), second]);
    let quests = vec![quest(2)];
    must(store.commit(&Batch {
        quests,
        ..Batch::default()
    }));
    assert_eq!(collect(store, moment(1000)), (1, 0));
    assert_eq!(must(store.attempt_numbers(quest_id(1))), [2]);
    assert_eq!(collect(store, moment(2000)), (1, 1));
    let found = must(store.quests(&[quest_id(1), quest_id(2)]));
    assert_eq!(found, [None, Some(quest(2))]);
    assert_eq!(must(store.quests_with_prefix("", 9)), [quest_id(2)]);
}

/// Executions, dependencies in both directions, outcomes.
pub fn all_of_an_attempt_is_collected(store: &dyn Store) {
    let old = AttemptRecord {
        outcome: Some(data("x".repeat(5000))),
        execution: Some(execution(2)),
        ..final_attempt(1, moment(0))
    };
    let batch = Batch {
        quests: vec![quest(1), quest(2), quest(3)],
        attempts: vec![
            old,
            final_attempt(2, moment(2000)),
            final_attempt(3, moment(2000)),
        ],
        past_executions: vec![(attempt_id(1), execution(1)), (attempt_id(2), execution(1))],
        dependencies: vec![dependency(1, 2, 0), dependency(3, 1, 0)],
        ..Batch::default()
    };
    must(store.commit(&batch));
    assert_eq!(collect(store, moment(1000)), (1, 1));
    assert_eq!(must(store.executions(attempt_id(1), 9)), []);
    assert_eq!(must(store.execution(attempt_id(1), 1)), None);
    assert_eq!(must(store.dependents(attempt_id(2), 9)), []);
    assert_eq!(must(store.dependencies(attempt_id(3))), []);
    assert_eq!(must(store.executions(attempt_id(2), 9)), [execution(1)]);
}

/// With nothing left of its former life.
pub fn a_collected_attempt_can_be_made_again(store: &dyn Store) {
    for _ in 0..3 {
        put(
            store,
            [
                final_attempt(1, moment(0)),
                attempt(2),
                final_attempt(3, moment(0)),
            ],
        );
        let second = AttemptRecord {
            state: dm::attempt::State::Finished,
            modified: moment(0),
            ..stored(store, 2)
        };
        put(store, [second]);
        assert_eq!(collect(store, moment(1000)), (3, 3));
        assert_eq!(left(store, 4), Vec::<u32>::new());
    }
    put(store, [attempt(1)]);
    assert_eq!(stored(store, 1).version, 1);
    assert_eq!(must(store.counts()).scheduling, 1);
}

/// More than fit into one step.
pub fn many_attempts_are_collected(store: &dyn Store) {
    for first in (0..1300).step_by(100) {
        let finals = (first..first + 100).map(|number| match number % 13 {
            0 => attempt(number),
            _ => final_attempt(number, moment(0)),
        });
        put(store, finals);
    }
    assert_eq!(collect(store, moment(1000)), (1200, 1200));
    let (rest, _) = must(store.unfinished(0, 1000));
    assert_eq!(rest.len(), 100);
    assert_eq!(must(store.counts()).scheduling, 100);
    assert_eq!(must(store.counts()).finished, 0);
}

/// Collects, and checks that it was foreseen.
#[track_caller]
fn collect(store: &dyn Store, now: Timestamp) -> (u64, u64) {
    let before = must(store.counts());
    let foreseen = must(store.would_collect(now, AGE));
    assert_eq!(must(store.counts()), before);
    let collected = must(store.collect(now, AGE));
    assert_eq!(collected.attempts, foreseen.attempts);
    assert_eq!(collected.quests, foreseen.quests);
    (collected.attempts, collected.quests)
}

/// Numbers below `end` whose attempt is stored.
fn left(store: &dyn Store, end: u32) -> Vec<u32> {
    let ids: Vec<_> = (0..end).map(attempt_id).collect();
    let found = must(store.attempts(&ids));
    (0..)
        .zip(found)
        .filter_map(|(number, found)| found.map(|_| number))
        .collect()
}
