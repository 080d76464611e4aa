//! A full disk, space given back, settings of the engine, and what is not shown.

use std::time::Duration;

use super::{new_attempts, open, quest_ids, stored};
use crate::records::AttemptRecord;
use crate::suite::samples::{attempt, full_attempt, moment, quest};
use crate::{Batch, SqliteStore, Store, StoreError};

/// Lets the file grow by so many pages only.
fn allow_pages(store: &SqliteStore, more: i64) {
    let writer = store.writer().expect("a writer");
    let connection = writer.connection();
    let pages: i64 = connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .expect("read");
    connection
        .pragma_update(None, "max_page_count", pages + more)
        .expect("limited");
}

#[test]
fn a_full_disk_rolls_back_and_leaves_the_store_usable() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    store.commit(&new_attempts(0..2)).expect("committed");
    let changed = AttemptRecord {
        current_execution: 3,
        ..stored(&store, 0).expect("stored")
    };
    let batch = Batch {
        quests: (2..3000).map(quest).collect(),
        attempts: [vec![changed], (2..3000).map(attempt).collect()].concat(),
        ..Batch::default()
    };
    allow_pages(&store, 3);
    for _ in 0..2 {
        let error = store.commit(&batch).expect_err("full");
        assert!(matches!(error, StoreError::Engine(_)), "{error:?}");
        assert!(error.to_string().contains("full"), "{error}");
        assert_eq!(stored(&store, 0).expect("stored").current_execution, 0);
        assert_eq!(stored(&store, 2), None);
        assert_eq!(store.quests(&quest_ids(2..3)).expect("read"), [None]);
        assert_eq!(store.counts().expect("read").scheduling, 2);
    }
    store
        .commit(&new_attempts(4000..4001))
        .expect("a small one fits");
    assert!(stored(&store, 4000).is_some());

    allow_pages(&store, 100_000);
    store.commit(&batch).expect("committed");
    assert_eq!(stored(&store, 0).expect("stored").current_execution, 3);
    assert!(stored(&store, 2999).is_some());
    assert_eq!(store.counts().expect("read").scheduling, 3001);
    drop(store);
    assert!(stored(&open(directory.path()), 2999).is_some());
}

#[test]
fn collecting_gives_the_space_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    let empty = store.collect(moment(0), Duration::ZERO).expect("collected");
    for first in (0..3000).step_by(1000) {
        let mut batch = new_attempts(first..first + 1000);
        for attempt in &mut batch.attempts {
            attempt.state = distributor_core::dm::attempt::State::Finished;
        }
        store.commit(&batch).expect("committed");
    }
    let now = moment(1_000_000);
    let foreseen = store.would_collect(now, Duration::ZERO).expect("counted");
    assert_eq!(foreseen.bytes_before, foreseen.bytes_after);
    let collected = store.collect(now, Duration::ZERO).expect("collected");
    assert_eq!((collected.attempts, collected.quests), (3000, 3000));
    assert_eq!(collected.bytes_before, foreseen.bytes_before);
    assert!(
        collected.bytes_before > 5 * empty.bytes_after,
        "{collected:?}"
    );
    assert!(
        collected.bytes_after <= 2 * empty.bytes_after,
        "{collected:?}"
    );
    let file = directory.path().join("state.db");
    let length = file.metadata().expect("there").len();
    assert_eq!(collected.bytes_after, length);
}

#[test]
fn commits_are_durable_and_space_can_be_given_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    let writer = store.writer().expect("a writer");
    let setting = |name| {
        let connection = writer.connection();
        connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
    };
    for (name, expected) in [
        ("journal_mode", "wal".to_owned().into()),
        ("synchronous", 2.into()),
        ("auto_vacuum", 2.into()),
        (
            "user_version",
            i64::from(super::super::schema::KNOWN).into(),
        ),
    ] {
        assert_eq!(setting(name), Ok(expected), "{name}");
    }
}

#[test]
fn debug_output_shows_no_secret() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    let batch = Batch {
        quests: vec![quest(1)],
        attempts: vec![full_attempt(1)],
        ..Batch::default()
    };
    store.commit(&batch).expect("committed");
    let conflict = store.commit(&batch).expect_err("exists");
    let found = stored(&store, 1);
    let shown = format!("{batch:?} {store:?} {found:?} {conflict:?} {conflict}");
    assert!(shown.contains("Secret"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    let bytes = format!("{:?}", b"hunter2");
    assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
}
