//! The queue on disk, and states that were written before there was one.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::{new_attempts, open, read_only, stored};
use crate::records::{JournalKind, JournalRecord};
use crate::suite::samples::{attempt, full_attempt, moment, quest, task};
use crate::{Batch, QueueRecord, QueueState, SqliteStore, Store, StoreError};

fn with_tasks() -> Batch {
    let dead = QueueRecord {
        state: QueueState::Dead,
        ..task(4, 20)
    };
    Batch {
        queue_added: vec![task(3, 10), dead],
        ..Batch::default()
    }
}

fn assert_has_tasks(store: &SqliteStore) {
    let found = store.queue_records(&[3, 4]).expect("read");
    let expected: Vec<_> = with_tasks().queue_added.into_iter().map(Some).collect();
    assert_eq!(found, expected);
    let counts = store.queue_counts().expect("read");
    assert_eq!((counts.pending, counts.dead, counts.bytes), (1, 1, 36));
    assert_eq!(store.high_marks().expect("read"), (4, 0));
}

#[test]
fn the_queue_outlives_an_orderly_end_and_a_crash() {
    let directory = tempfile::tempdir().expect("a directory");
    let crashed = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    store.commit(&with_tasks()).expect("committed");
    // What a crash leaves: the log is there, and nobody has moved it to the file.
    for name in ["state.db", "state.db-wal"] {
        let from = directory.path().join(name);
        fs::copy(from, crashed.path().join(name)).expect("copied");
    }
    drop(store);
    for path in [directory.path(), crashed.path()] {
        assert_has_tasks(&read_only(path));
        assert_has_tasks(&open(path));
    }
}

#[test]
fn a_refused_batch_leaves_the_counts_as_they_were() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    store.commit(&with_tasks()).expect("committed");
    let batch = Batch {
        queue_added: vec![task(9, 1), task(3, 1)],
        ..Batch::default()
    };
    let refused = store.commit(&batch);
    assert!(matches!(refused, Err(StoreError::Conflict { .. })));
    assert_has_tasks(&store);
    // Nor are they wrong in the writer's memory.
    let batch = Batch {
        queue_added: vec![task(9, 1)],
        ..Batch::default()
    };
    store.commit(&batch).expect("committed");
    let counts = store.queue_counts().expect("read");
    assert_eq!((counts.pending, counts.dead, counts.bytes), (2, 1, 54));
}

#[test]
fn a_state_of_version_1_is_migrated_and_keeps_working() {
    let (directory, old) = (tempfile::tempdir(), tempfile::tempdir());
    let (directory, old) = (directory.expect("made"), old.expect("made"));
    let row = JournalRecord {
        id: 7,
        kind: JournalKind::Run,
        attempt: attempt(1).id,
        execution: 1,
        due: None,
        tries: 0,
        target: None,
        payload: Vec::new(),
    };
    let batch = Batch {
        quests: vec![quest(1), quest(2)],
        attempts: vec![attempt(1), full_attempt(2)],
        journal_added: vec![row.clone()],
        ..Batch::default()
    };
    let store = open(directory.path());
    store.commit(&batch).expect("committed");
    let before = stored(&store, 2);
    drop(store);
    make_version_1(directory.path(), old.path());

    let error = SqliteStore::open_read_only(old.path()).expect_err("too old");
    let expected = format!(
        "{} has schema version 1, and this build reads version 2; run a graph with it once, which \
         migrates it",
        old.path().join("state.db").display()
    );
    assert_eq!(error.to_string(), expected);

    let store = open(old.path());
    assert_eq!(stored(&store, 2), before);
    assert_eq!(store.journal(0, 9).expect("read"), [row]);
    assert_eq!(store.high_marks().expect("read"), (7, 12));
    assert_eq!(store.due_queue(moment(99), 9).expect("read"), []);
    store.commit(&with_tasks()).expect("a task is stored");
    store.commit(&new_attempts(3..5)).expect("and attempts");
    drop(store);
    let store = read_only(old.path());
    assert_eq!(store.due_queue(moment(99), 9).expect("read").len(), 1);
    assert_eq!(store.counts().expect("read").scheduling, 3);
}

/// The records of `from` in a file with the schema of version 1.
fn make_version_1(from: &Path, to: &Path) {
    let connection = Connection::open(to.join("state.db")).expect("opened");
    let schema = include_str!("../migrations/0001_init.sql");
    connection.execute_batch(schema).expect("made");
    connection
        .execute(
            "ATTACH ?1 AS new",
            [from.join("state.db").display().to_string()],
        )
        .expect("attached");
    for table in [
        "quests",
        "quest_index",
        "config_names",
        "config_snapshots",
        "attempts",
        "outcomes",
        "executions",
        "dependencies",
        "journal",
    ] {
        let copy = format!("INSERT INTO main.{table} SELECT * FROM new.{table}");
        connection.execute(&copy, []).expect("copied");
    }
    connection
        .execute_batch(
            "UPDATE main.counters SET (quest_key, quests_indexed, attempt_key, journal, ready,
                 scheduling, executing, waiting, finished, abnormal_finished) =
                 (SELECT quest_key, quests_indexed, attempt_key, journal, ready,
                  scheduling, executing, waiting, finished, abnormal_finished FROM new.counters);
             PRAGMA main.application_id = 0x64697374;
             PRAGMA main.user_version = 1;",
        )
        .expect("written");
}
