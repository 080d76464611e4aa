//! Opening, reopening, and who may open what at the same time.

use std::fs;
use std::time::Duration;

use rusqlite::Connection;

use super::{new_attempts, open, quest_ids, read_only, stored};
use crate::records::{DependencyRecord, JournalKind, JournalRecord};
use crate::sqlite::schema;
use crate::suite::samples::{attempt, full_attempt, moment, quest};
use crate::{Batch, SqliteStore, Store, StoreError};

#[test]
fn reopening_keeps_everything() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("made/for/it");
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
    let dependency = DependencyRecord {
        dependent: attempt(1).id,
        dependency: attempt(2).id,
        bit: 1,
        for_execution: 0,
        propagated: false,
    };
    let full = full_attempt(30);
    let store = open(&path);
    for first in (0..30).step_by(3) {
        store
            .commit(&new_attempts(first..first + 3))
            .expect("committed");
    }
    let batch = Batch {
        quests: vec![quest(30)],
        attempts: vec![full.clone()],
        past_executions: vec![(full.id, full.execution.clone().expect("one"))],
        dependencies: vec![dependency.clone()],
        journal_added: vec![row.clone()],
        ..Batch::default()
    };
    store.commit(&batch).expect("committed");
    let before = stored(&store, 30);
    drop(store);

    let store = open(&path);
    assert_eq!(stored(&store, 30), before);
    for number in 0..30 {
        assert!(stored(&store, number).is_some(), "{number}");
    }
    let quests = store.quests(&quest_ids(0..31)).expect("read");
    assert_eq!(quests, (0..31).map(|n| Some(quest(n))).collect::<Vec<_>>());
    let executions = store.executions(full.id, 9).expect("read");
    assert_eq!(executions.len(), 2);
    let dependencies = store.dependencies(attempt(1).id).expect("read");
    assert_eq!(dependencies, [dependency]);
    assert_eq!(store.journal(0, 9).expect("read"), [row]);
    assert_eq!(store.high_marks().expect("read"), (7, 12));
    assert_eq!(store.counts().expect("read").scheduling, 30);

    let again = stored(&store, 30).expect("stored");
    let batch = Batch {
        attempts: vec![again],
        ..new_attempts(31..32)
    };
    store.commit(&batch).expect("committed");
    assert_eq!(stored(&store, 30).expect("stored").version, 2);
}

#[test]
fn a_newer_schema_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    drop(open(directory.path()));
    let file = directory.path().join("state.db");
    let newer = schema::KNOWN + 1;
    let connection = Connection::open(&file).expect("opened");
    connection
        .pragma_update(None, "user_version", newer)
        .expect("written");
    drop(connection);
    for opened in [
        SqliteStore::open(directory.path()),
        SqliteStore::open_read_only(directory.path()),
    ] {
        let error = opened.expect_err("too new");
        assert!(matches!(error, StoreError::TooNew { found, .. } if found == newer));
        let expected = format!(
            "{} has schema version {newer}, and this build knows versions up to {}; use the newer \
             build that wrote it",
            file.display(),
            schema::KNOWN
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    let error = SqliteStore::open(directory.path()).expect_err("in use");
    assert!(matches!(error, StoreError::InUse { .. }));
    let expected = format!(
        "state directory {} is in use by process {}; stop that process, or name another directory \
         with --state",
        directory.path().display(),
        std::process::id()
    );
    assert_eq!(error.to_string(), expected);
    store.commit(&new_attempts(0..1)).expect("not harmed");
    drop(store);
    assert!(stored(&open(directory.path()), 0).is_some());
}

#[test]
fn others_read_while_one_writes() {
    let directory = tempfile::tempdir().expect("a directory");
    let writer = open(directory.path());
    let reader = read_only(directory.path());
    for first in (0..30).step_by(3) {
        writer
            .commit(&new_attempts(first..first + 3))
            .expect("committed");
        for number in 0..first + 3 {
            assert!(stored(&reader, number).is_some(), "{number} of {first}");
        }
        let found = reader.quests_with_prefix("", 99).expect("read");
        assert_eq!(found.len() as u32, first + 3);
    }
    assert_eq!(reader.counts().expect("read").scheduling, 30);
    let (now, age) = (moment(1), Duration::ZERO);
    assert!(reader.would_collect(now, age).is_ok());
    for refused in [
        reader.commit(&new_attempts(90..91)),
        reader.collect(now, age).map(|_| ()),
    ] {
        assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
    }
    assert_eq!(stored(&writer, 90), None);
}

#[test]
fn reading_works_after_an_orderly_end_and_after_a_crash() {
    let directory = tempfile::tempdir().expect("a directory");
    let crashed = tempfile::tempdir().expect("a directory");
    let writer = open(directory.path());
    writer.commit(&new_attempts(0..3)).expect("committed");
    // What a crash leaves: the log is there, and nobody has moved it to the file.
    for name in ["state.db", "state.db-wal"] {
        let from = directory.path().join(name);
        fs::copy(from, crashed.path().join(name)).expect("copied");
    }
    drop(writer);
    assert!(!directory.path().join("state.db-wal").exists());
    for path in [directory.path(), crashed.path()] {
        let reader = read_only(path);
        assert!(stored(&reader, 2).is_some(), "{}", path.display());
        drop(reader);
        assert!(stored(&open(path), 2).is_some(), "{}", path.display());
    }
}

#[test]
fn there_is_nothing_to_read_where_nothing_was_run() {
    let directory = tempfile::tempdir().expect("a directory");
    let nowhere = directory.path().join("nowhere");
    let empty = directory.path().join("empty");
    fs::create_dir(&empty).expect("made");
    // A writer that ended before it made the tables.
    fs::write(directory.path().join("state.db"), "").expect("written");
    for path in [nowhere.as_path(), &empty, directory.path()] {
        let error = SqliteStore::open_read_only(path).expect_err("absent");
        let expected = format!(
            "there is no state in {}: nothing was run there yet",
            path.display()
        );
        assert_eq!(error.to_string(), expected);
    }
    assert!(!nowhere.exists());
    assert_eq!(fs::read_dir(&empty).expect("read").count(), 0);
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    fs::write(&file, "").expect("written");
    let error = SqliteStore::open(&file.join("state")).expect_err("a file is in the way");
    let expected = format!("store failed: cannot create {}/state: ", file.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_look() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state");
    let store = open(&path);
    store.commit(&new_attempts(0..1)).expect("committed");
    let mode = |path: &std::path::Path| {
        let metadata = fs::metadata(path).expect("there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(&path), 0o700);
    for name in ["state.db", "state.db-wal"] {
        assert_eq!(mode(&path.join(name)), 0o600, "{name}");
    }
}
