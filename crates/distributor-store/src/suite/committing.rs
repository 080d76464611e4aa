//! Commits: what they write, and when they refuse to.

use std::sync::mpsc;

use distributor_core::dm;

use super::fixtures::{
    attempt, attempt_id, dependency, execution, full_attempt, must, put, quest, quest_id, row,
    stored, template,
};
use crate::records::AttemptRecord;
use crate::{Batch, StateCounts, Store, StoreError};

/// Nothing in, nothing out.
pub fn an_empty_batch_changes_nothing(store: &dyn Store) {
    assert!(Batch::default().is_empty());
    must(store.commit(&Batch::default()));
    assert_eq!(must(store.counts()), StateCounts::default());
    assert_eq!(must(store.high_marks()), (0, 0));
    assert_eq!(must(store.next_due()), None);
    assert_eq!(must(store.quests(&[quest_id(1)])), [None]);
}

/// All fields, with and without templates.
pub fn a_quest_comes_back_as_it_was(store: &dyn Store) {
    let mut built = quest(2);
    built.built_by = vec![template("a"), template("b")];
    let batch = Batch {
        quests: vec![quest(1), built.clone()],
        ..Batch::default()
    };
    must(store.commit(&batch));
    let found = must(store.quests(&[quest_id(1), quest_id(2)]));
    assert_eq!(found, [Some(quest(1)), Some(built)]);
}

/// Its creation and its description are of the first commit.
pub fn a_known_quest_changes_built_by_alone(store: &dyn Store) {
    let mut again = quest(1);
    again.created = quest(2).created;
    again.built_by = vec![template("a")];
    for quest in [quest(1), again] {
        let quests = vec![quest];
        must(store.commit(&Batch {
            quests,
            ..Batch::default()
        }));
    }
    let mut expected = quest(1);
    expected.built_by = vec![template("a")];
    assert_eq!(must(store.quests(&[quest_id(1)])), [Some(expected)]);
}

/// A new one, and one with every field set.
pub fn an_attempt_comes_back_as_it_was(store: &dyn Store) {
    for record in [attempt(1), full_attempt(2)] {
        put(store, [record.clone()]);
        let id = record.id;
        let expected = AttemptRecord {
            version: 1,
            ..record
        };
        assert_eq!(must(store.attempts(&[id])), [Some(expected)]);
    }
}

/// From 1 on; a second write replaces the whole record.
pub fn every_commit_of_an_attempt_counts_its_version(store: &dyn Store) {
    put(store, [full_attempt(1)]);
    for version in 1..4 {
        let changed = AttemptRecord {
            version,
            current_execution: 9,
            ..attempt(1)
        };
        put(store, [changed.clone()]);
        let expected = AttemptRecord {
            version: version + 1,
            ..changed
        };
        assert_eq!(stored(store, 1), expected);
    }
}

/// Old, too new, new of a stored one, and any of one that is not stored.
pub fn a_version_that_is_not_the_stored_one_conflicts(store: &dyn Store) {
    put(store, [attempt(1)]);
    put(store, [stored(store, 1)]);
    for (number, version) in [(1, 0), (1, 1), (1, 3), (2, 1)] {
        let changed = AttemptRecord {
            version,
            current_execution: 5,
            ..attempt(number)
        };
        let batch = Batch {
            quests: vec![quest(number)],
            attempts: vec![changed],
            ..Batch::default()
        };
        assert_conflict(store, &batch, &format!("attempt {}", attempt_id(number)));
    }
    assert_eq!(stored(store, 1).version, 2);
    assert_eq!(stored(store, 1).current_execution, 0);
}

/// The second write of it sees the first.
pub fn one_attempt_twice_in_a_batch_needs_consecutive_versions(store: &dyn Store) {
    let second = |version| AttemptRecord {
        version,
        current_execution: 1,
        ..attempt(1)
    };
    let batch = |version| Batch {
        quests: vec![quest(1)],
        attempts: vec![attempt(1), second(version)],
        ..Batch::default()
    };
    assert_conflict(store, &batch(0), &format!("attempt {}", attempt_id(1)));
    must(store.commit(&batch(1)));
    assert_eq!(stored(store, 1), second(2));
    assert_eq!(must(store.counts()).scheduling, 1);
}

/// Whatever else is in it, before or after; and the next batch is not harmed.
pub fn a_batch_with_a_conflict_writes_nothing(store: &dyn Store) {
    put(store, [attempt(1)]);
    let mut finished = stored(store, 1);
    finished.state = dm::attempt::State::Finished;
    let good = Batch {
        quests: vec![quest(2), quest(3)],
        attempts: vec![attempt(2), finished, full_attempt(3)],
        past_executions: vec![(attempt_id(2), execution(1))],
        dependencies: vec![dependency(1, 2, 0)],
        journal_added: vec![row(5, 2)],
        ..Batch::default()
    };
    let bad = Batch {
        attempts: [good.attempts.clone(), vec![attempt(1)]].concat(),
        ..clone(&good)
    };
    assert_conflict(store, &bad, &format!("attempt {}", attempt_id(1)));

    assert_eq!(
        must(store.quests(&[quest_id(2), quest_id(3)])),
        [None, None]
    );
    assert_eq!(must(store.attempts(&[attempt_id(2)])), [None]);
    assert_eq!(must(store.execution(attempt_id(2), 1)), None);
    assert_eq!(must(store.dependencies(attempt_id(1))), []);
    assert_eq!(must(store.journal(0, 9)), []);
    assert_eq!(must(store.high_marks()), (0, 0));
    assert_eq!(stored(store, 1).state, dm::attempt::State::Scheduling);
    assert_eq!(must(store.counts()).scheduling, 1);
    assert!(must(store.ready_config_names()).is_empty());

    must(store.commit(&good));
    let expected = AttemptRecord {
        version: 1,
        ..full_attempt(3)
    };
    assert_eq!(stored(store, 3), expected);
    assert_eq!(must(store.quests(&[quest_id(3)])), [Some(quest(3))]);
    assert_eq!(must(store.high_marks()), (5, 12));
    let counts = must(store.counts());
    assert_eq!(
        (counts.scheduling, counts.executing, counts.finished),
        (1, 1, 1)
    );
}

/// A quest for an attempt, attempts for all else.
pub fn what_a_batch_refers_to_must_exist(store: &dyn Store) {
    put(store, [attempt(1)]);
    let (one, none) = (attempt_id(1), attempt_id(2));
    let empty = Batch::default;
    let batches = [
        Batch {
            attempts: vec![attempt(2)],
            ..empty()
        },
        Batch {
            past_executions: vec![(one, execution(1)), (none, execution(1))],
            ..empty()
        },
        Batch {
            dependencies: vec![dependency(1, 2, 0)],
            ..empty()
        },
        Batch {
            dependencies: vec![dependency(2, 1, 0)],
            ..empty()
        },
        Batch {
            journal_added: vec![row(1, 1), row(2, 2)],
            ..empty()
        },
    ];
    for batch in batches {
        match store.commit(&batch) {
            Err(StoreError::Missing { what }) => {
                assert!(what.contains(&quest_id(2).to_string()), "{what}");
            }
            other => panic!("{batch:?} gave {other:?}"),
        }
    }
    assert_eq!(must(store.execution(one, 1)), None);
    assert_eq!(must(store.journal(0, 9)), []);
}

/// Also when a store keeps new ones apart from old ones.
pub fn many_quests_in_many_commits_are_all_found(store: &dyn Store) {
    for first in (0..60).step_by(7) {
        put(store, (first..first + 7).map(attempt));
    }
    for number in 0..63 {
        assert_eq!(stored(store, number).id, attempt_id(number));
        assert_eq!(
            must(store.attempt_numbers(quest_id(number))),
            [1],
            "{number}"
        );
    }
    let ids: Vec<_> = (0..63).map(quest_id).collect();
    assert!(must(store.quests(&ids)).iter().all(Option::is_some));
    assert_eq!(must(store.quests_with_prefix("", 100)).len(), 63);
    put(store, (0..63).map(|number| stored(store, number)));
    assert_eq!(must(store.counts()).scheduling, 63);
}

/// From another thread, while commits go on.
pub fn reads_see_every_commit_that_returned(store: &dyn Store) {
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        scope.spawn(move || {
            for number in 0..50 {
                put(store, [attempt(number)]);
                sender.send(number).expect("the reader lives");
            }
        });
        for number in receiver {
            assert_eq!(stored(store, number).id, attempt_id(number));
            let listed = must(store.list(Default::default(), None, 100)).attempts;
            for attempt in &listed {
                let quest = must(store.quests(&[attempt.id.quest]));
                assert!(quest[0].is_some(), "{} has no quest", attempt.id);
            }
            assert!(listed.len() as u32 > number);
        }
    });
}

#[track_caller]
pub(super) fn assert_conflict(store: &dyn Store, batch: &Batch, expected: &str) {
    match store.commit(batch) {
        Err(StoreError::Conflict { what }) => assert_eq!(what, expected),
        other => panic!("expected a conflict about {expected}, got {other:?}"),
    }
}

fn clone(batch: &Batch) -> Batch {
    Batch {
        quests: batch.quests.clone(),
        attempts: batch.attempts.clone(),
        past_executions: batch.past_executions.clone(),
        dependencies: batch.dependencies.clone(),
        journal_added: batch.journal_added.clone(),
        journal_delayed: batch.journal_delayed.clone(),
        journal_done: batch.journal_done.clone(),
        queue_added: batch.queue_added.clone(),
        queue_changed: batch.queue_changed.clone(),
        queue_done: batch.queue_done.clone(),
    }
}
