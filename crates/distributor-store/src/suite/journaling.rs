//! The journal of owed calls.

use distributor_core::Token;

use super::committing::assert_conflict;
use super::fixtures::{attempt, moment, must, put, row, snapshot};
use crate::records::{JournalKind, JournalRecord};
use crate::{Batch, JournalDelay, Store};

/// All kinds, with and without target and payload.
pub fn journal_rows_come_back_as_they_were(store: &dyn Store) {
    put(store, [attempt(1)]);
    let target = Some((snapshot("target"), Token("task".to_owned())));
    let rows = [
        row(1, 1),
        JournalRecord {
            kind: JournalKind::GetStatus,
            execution: u32::MAX,
            tries: 3,
            ..row(2, 1)
        },
        JournalRecord {
            kind: JournalKind::Cancel,
            target: target.clone(),
            ..row(3, 1)
        },
        JournalRecord {
            kind: JournalKind::HandleNotification,
            payload: vec![0, 0xff],
            ..row(4, 1)
        },
        JournalRecord {
            kind: JournalKind::Propagate,
            target: target.map(|(config, _)| (config, Token::default())),
            payload: vec![1],
            ..row(5, 1)
        },
    ];
    add(store, &rows);
    assert_eq!(must(store.journal(0, 9)), rows);
}

/// In pages.
pub fn journal_rows_are_read_in_the_order_of_ids(store: &dyn Store) {
    put(store, [attempt(1), attempt(2)]);
    add(store, &[row(30, 1), row(10, 2)]);
    add(store, &[row(20, 1)]);
    let ids = |after, limit| -> Vec<u64> {
        let rows = must(store.journal(after, limit));
        rows.iter().map(|row| row.id).collect()
    };
    assert_eq!(ids(0, 9), [10, 20, 30]);
    assert_eq!(ids(0, 2), [10, 20]);
    assert_eq!(ids(20, 2), [30]);
    assert_eq!(ids(30, 2), Vec::<u64>::new());
    assert_eq!(ids(u64::MAX, 2), Vec::<u64>::new());
}

/// Not before, and no longer among those that are due at once.
pub fn a_delayed_row_is_found_when_due(store: &dyn Store) {
    put(store, [attempt(1)]);
    let delayed = JournalRecord {
        due: Some(moment(40)),
        ..row(1, 1)
    };
    add(store, &[delayed.clone(), row(2, 1), row(3, 1), row(4, 1)]);
    let delay = |id, due, tries| JournalDelay {
        id,
        due: moment(due),
        tries,
    };
    let batch = Batch {
        journal_delayed: vec![delay(3, 20, 1), delay(2, 40, 2), delay(99, 1, 1)],
        ..Batch::default()
    };
    must(store.commit(&batch));
    assert_eq!(must(store.journal(0, 9)), [row(4, 1)]);
    let after_delay = |id, due, tries| JournalRecord {
        due: Some(moment(due)),
        tries,
        ..row(id, 1)
    };
    let due = |now, limit| must(store.due_journal(moment(now), limit));
    assert_eq!(due(19, 9), []);
    assert_eq!(due(20, 9), [after_delay(3, 20, 1)]);
    let all = [after_delay(3, 20, 1), delayed, after_delay(2, 40, 2)];
    assert_eq!(due(40, 9), all);
    assert_eq!(due(40, 2), all[..2]);
}

/// Also if it was added in the same batch; one that is not there is no error.
pub fn a_done_row_is_gone(store: &dyn Store) {
    put(store, [attempt(1)]);
    add(store, &[row(1, 1), row(2, 1)]);
    let batch = Batch {
        journal_added: vec![row(3, 1)],
        journal_done: vec![1, 3, 77],
        ..Batch::default()
    };
    must(store.commit(&batch));
    assert_eq!(must(store.journal(0, 9)), [row(2, 1)]);
}

/// Neither across batches nor in one.
pub fn a_journal_id_is_not_taken_twice(store: &dyn Store) {
    put(store, [attempt(1)]);
    add(store, &[row(1, 1)]);
    for rows in [vec![row(2, 1), row(1, 1)], vec![row(2, 1), row(2, 1)]] {
        let what = format!("journal row {}", rows[1].id);
        let journal_added = rows;
        let batch = Batch {
            journal_added,
            ..Batch::default()
        };
        assert_conflict(store, &batch, &what);
    }
    assert_eq!(must(store.journal(0, 9)), [row(1, 1)]);
}

/// Whatever is removed.
pub fn high_marks_outlive_the_rows(store: &dyn Store) {
    put(store, [attempt(1)]);
    add(store, &[row(8, 1), row(3, 1)]);
    let batch = Batch {
        journal_done: vec![8, 3],
        ..Batch::default()
    };
    must(store.commit(&batch));
    assert_eq!(must(store.journal(0, 9)), []);
    assert_eq!(must(store.high_marks()), (8, 0));
    add(store, &[row(4, 1)]);
    assert_eq!(must(store.high_marks()), (8, 0));
}

fn add(store: &dyn Store, rows: &[JournalRecord]) {
    let journal_added = rows.to_vec();
    must(store.commit(&Batch {
        journal_added,
        ..Batch::default()
    }));
}
