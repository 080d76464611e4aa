//! Notifications in the journal, counted, and rows asked for by id.

use super::fixtures::{attempt, attempt_id, moment, must, put, row};
use crate::records::{JournalKind, JournalRecord};
use crate::{Batch, JournalDelay, PendingNotifications, Store};

fn notification(id: u64, number: u32, execution: u32, length: usize) -> JournalRecord {
    JournalRecord {
        kind: JournalKind::HandleNotification,
        execution,
        payload: vec![0xff; length],
        ..row(id, number)
    }
}

/// By execution, with the length of their payloads; rows of other kinds are not counted.
pub fn pending_notifications_are_counted_by_execution(store: &dyn Store) {
    assert_eq!(must(store.pending_notifications()), []);
    put(store, [attempt(1), attempt(2)]);
    let other = JournalRecord {
        payload: vec![1],
        ..row(1, 1)
    };
    let rows = vec![
        other,
        notification(2, 1, 1, 10),
        notification(3, 2, 1, 0),
        notification(4, 1, 2, 7),
        notification(5, 1, 1, 70_000),
    ];
    must(store.commit(&Batch {
        journal_added: rows,
        ..Batch::default()
    }));
    let pending = |number, execution, rows, bytes| PendingNotifications {
        execution: attempt_id(number).execution(execution),
        rows,
        bytes,
    };
    let counted = || {
        let mut counted = must(store.pending_notifications());
        counted.sort_by_key(|it| it.bytes);
        counted
    };
    let all = [
        pending(2, 1, 1, 0),
        pending(1, 2, 1, 7),
        pending(1, 1, 2, 70_010),
    ];
    assert_eq!(counted(), all);
    let delay = JournalDelay {
        id: 4,
        due: moment(9),
        tries: 1,
    };
    must(store.commit(&Batch {
        journal_delayed: vec![delay],
        journal_done: vec![5, 3],
        ..Batch::default()
    }));
    assert_eq!(counted(), [pending(1, 2, 1, 7), pending(1, 1, 1, 10)]);
}

/// Due or not, in the order of the ids that were asked for.
pub fn journal_rows_are_found_by_id(store: &dyn Store) {
    put(store, [attempt(1), attempt(2)]);
    let delayed = JournalRecord {
        due: Some(moment(40)),
        ..notification(3, 2, 1, 5)
    };
    must(store.commit(&Batch {
        journal_added: vec![row(1, 1), row(2, 2), delayed.clone()],
        ..Batch::default()
    }));
    let found = must(store.journal_rows(&[3, 9, 1]));
    assert_eq!(found, [Some(delayed), None, Some(row(1, 1))]);
    assert_eq!(must(store.journal_rows(&[2])), [Some(row(2, 2))]);
    assert_eq!(must(store.journal_rows(&[])), []);
}
