//! Attempts that wait for room, or for a moment.

use super::fixtures::{attempt, attempt_id, execution, moment, must, put, row, snapshot, stored};
use crate::records::{AttemptRecord, ExecutionRecord, JournalRecord};
use crate::{Batch, Store};

/// A configuration has no attempts in line once they left it.
pub fn ready_attempts_come_in_order_for_each_configuration(store: &dyn Store) {
    let ready = |number, config: &str, ready| AttemptRecord {
        config_name: config.into(),
        ready: Some(ready),
        ..attempt(number)
    };
    put(
        store,
        [
            ready(1, "b", 30),
            ready(2, "a", 20),
            ready(3, "b", 10),
            attempt(4),
        ],
    );
    assert_eq!(must(store.ready_config_names()), ["a", "b"]);
    let ids = |numbers: &[u32]| numbers.iter().copied().map(attempt_id).collect::<Vec<_>>();
    assert_eq!(must(store.ready("b", 9)), ids(&[3, 1]));
    assert_eq!(must(store.ready("b", 1)), ids(&[3]));
    assert_eq!(must(store.ready("a", 9)), ids(&[2]));
    assert_eq!(must(store.ready("noop", 9)), []);
    assert_eq!(must(store.ready("unheard of", 9)), []);
    assert_eq!(must(store.high_marks()), (0, 30));

    let started = AttemptRecord {
        ready: None,
        ..stored(store, 2)
    };
    let last = AttemptRecord {
        ready: Some(31),
        ..stored(store, 3)
    };
    put(store, [started, last]);
    assert_eq!(must(store.ready_config_names()), ["b"]);
    assert_eq!(must(store.ready("b", 9)), ids(&[1, 3]));
    assert_eq!(must(store.high_marks()), (0, 31));
}

/// Whatever attempt used them, and for good.
pub fn configurations_are_listed_once(store: &dyn Store) {
    let used = |number, name: &str| AttemptRecord {
        execution: Some(ExecutionRecord {
            config: snapshot(name),
            ..execution(1)
        }),
        ..attempt(number)
    };
    put(store, [used(1, "one"), used(2, "two"), used(3, "one")]);
    let again = AttemptRecord {
        execution: None,
        ..stored(store, 2)
    };
    put(store, [again]);
    let listed = must(store.configurations());
    assert_eq!(listed, [snapshot("one"), snapshot("two")]);
}

/// By the earlier of deadline and poll, the moment itself included.
pub fn due_attempts_come_earliest_first(store: &dyn Store) {
    let waking = |number, deadline: Option<i64>, poll_at: Option<i64>| AttemptRecord {
        execution: Some(ExecutionRecord {
            deadline: deadline.map(moment),
            poll_at: poll_at.map(moment),
            ..execution(1)
        }),
        ..attempt(number)
    };
    put(
        store,
        [
            waking(1, Some(50), None),
            waking(2, Some(60), Some(40)),
            waking(3, None, Some(30)),
            waking(4, None, None),
            attempt(5),
            waking(6, Some(40), Some(60)),
        ],
    );
    let due = |now, limit| must(store.due_attempts(moment(now), limit));
    let ids = |numbers: &[u32]| numbers.iter().copied().map(attempt_id).collect::<Vec<_>>();
    assert_eq!(due(29, 9), []);
    assert_eq!(due(30, 9), ids(&[3]));
    assert_eq!(due(99, 9), ids(&[3, 2, 6, 1]));
    assert_eq!(due(99, 3), ids(&[3, 2, 6]));

    let later = AttemptRecord {
        version: 1,
        ..waking(3, None, Some(70))
    };
    put(store, [later]);
    assert_eq!(due(99, 9), ids(&[2, 6, 1, 3]));
}

/// Of attempts and of journal rows.
pub fn next_due_is_the_earliest_of_both(store: &dyn Store) {
    put(store, [attempt(1)]);
    assert_eq!(must(store.next_due()), None);
    let mut waking = stored(store, 1);
    waking.execution = Some(ExecutionRecord {
        deadline: Some(moment(50)),
        ..execution(1)
    });
    put(store, [waking]);
    assert_eq!(must(store.next_due()), Some(moment(50)));
    for (id, due, expected) in [(1, 60, 50), (2, 40, 40)] {
        let row = JournalRecord {
            due: Some(moment(due)),
            ..row(id, 1)
        };
        let journal_added = vec![row];
        must(store.commit(&Batch {
            journal_added,
            ..Batch::default()
        }));
        assert_eq!(must(store.next_due()), Some(moment(expected)));
    }
    let resting = AttemptRecord {
        execution: None,
        ..stored(store, 1)
    };
    let batch = Batch {
        attempts: vec![resting],
        journal_done: vec![2],
        ..Batch::default()
    };
    must(store.commit(&batch));
    assert_eq!(must(store.next_due()), Some(moment(60)));
}
