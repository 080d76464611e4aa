//! Files that are not what they should be: errors that say so, never a panic.

use std::fs;

use rusqlite::{Connection, params};

use super::{new_attempts, open, read_only, stored};
use crate::records::{AttemptRecord, JournalKind, JournalRecord};
use crate::suite::samples::{attempt, full_attempt, quest};
use crate::{Batch, SqliteStore, Store, StoreError};

#[test]
fn garbage_is_no_state_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("state.db");
    let garbage: Vec<u8> = (0..40_000u32).map(|n| ((n * 7919) >> 3) as u8).collect();
    fs::write(&file, &garbage).expect("written");
    for opened in [
        SqliteStore::open(directory.path()),
        SqliteStore::open_read_only(directory.path()),
    ] {
        let error = opened.expect_err("garbage");
        let expected = format!(
            "damaged state file {}: file is not a database; restore it from a backup, or remove it \
             to start anew",
            file.display()
        );
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(fs::read(&file).expect("still there"), garbage);
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("state.db");
    let connection = Connection::open(&file).expect("opened");
    connection
        .execute_batch("CREATE TABLE theirs (a); PRAGMA user_version = 1")
        .expect("made");
    drop(connection);
    for opened in [
        SqliteStore::open(directory.path()),
        SqliteStore::open_read_only(directory.path()),
    ] {
        let error = opened.expect_err("not ours").to_string();
        assert!(error.contains(&file.display().to_string()), "{error}");
        assert!(error.contains("database of some other program"), "{error}");
    }
}

#[test]
fn a_torn_file_gives_errors() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    for first in (0..600).step_by(100) {
        store
            .commit(&new_attempts(first..first + 100))
            .expect("committed");
    }
    drop(store);
    let file = directory.path().join("state.db");
    let whole = fs::read(&file).expect("read");
    let mut errors = 0;
    for tenths in 0..10 {
        let mut torn = whole[..whole.len() * tenths / 10].to_vec();
        // From the second round on the length is right, and the rest is zero.
        for _ in 0..2 {
            fs::write(&file, &torn).expect("written");
            let outcome = SqliteStore::open(directory.path()).and_then(|store| {
                let ids: Vec<_> = (0..600).map(|number| attempt(number).id).collect();
                store.attempts(&ids)?;
                store.unfinished(0, 1000)?;
                store.commit(&new_attempts(600..610))
            });
            if let Err(error) = outcome {
                assert!(!error.to_string().is_empty());
                errors += 1;
            }
            torn.resize(whole.len(), 0);
        }
    }
    assert!(errors >= 10, "only {errors} of 20 were noticed");
}

#[test]
fn a_damaged_record_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let full = full_attempt(1);
    let row = JournalRecord {
        id: 5,
        kind: JournalKind::Run,
        attempt: full.id,
        execution: 1,
        due: None,
        tries: 0,
        target: None,
        payload: Vec::new(),
    };
    let large = AttemptRecord {
        execution: None,
        outcome: Some(crate::records::Outcome::Data(
            distributor_core::dm::JsonResult {
                object: "x".repeat(5000),
                ..Default::default()
            }
            .into(),
        )),
        ..full_attempt(2)
    };
    let store = open(directory.path());
    let batch = Batch {
        quests: vec![quest(1), quest(2)],
        past_executions: vec![(full.id, full.execution.clone().expect("one"))],
        attempts: vec![full.clone(), large],
        journal_added: vec![row],
        ..Batch::default()
    };
    store.commit(&batch).expect("committed");
    drop(store);

    let past = full.execution.as_ref().expect("one").number;
    let name = format!("attempt {}", full.id);
    let check = |damage: &str, what: &str, detail: &str| {
        let copy = tempfile::tempdir().expect("a directory");
        let file = copy.path().join("state.db");
        fs::copy(directory.path().join("state.db"), &file).expect("copied");
        let connection = Connection::open(&file).expect("opened");
        let changed = connection.execute(damage, params![]).expect("damaged");
        assert!(changed > 0, "{damage}");
        drop(connection);
        let store = read_only(copy.path());
        let reads = [
            store.quests(&[full.id.quest]).map(|_| ()),
            store.list(Default::default(), None, 9).map(|_| ()),
            store.execution(full.id, past + 9).map(|_| ()),
            store.executions(full.id, 9).map(|_| ()),
            store.journal(0, 9).map(|_| ()),
        ];
        let damaged = reads.into_iter().find_map(|read| match read {
            Err(StoreError::Damaged { what, detail }) => Some((what, detail)),
            other => {
                assert!(other.is_ok(), "{damage}: {other:?}");
                None
            }
        });
        let (found, found_detail) = damaged.expect(damage);
        assert_eq!(found, what, "{damage}");
        assert!(found_detail.contains(detail), "{damage}: {found_detail}");
    };
    let quest_name = format!("quest {}", full.id.quest);
    let execution_name = format!("execution {}", full.id.execution(past));
    let other = format!("attempt {}", full_attempt(2).id);
    check(
        "UPDATE quests SET description = x'ff' WHERE key = 1",
        &quest_name,
        "",
    );
    check(
        "UPDATE quests SET built_by = x'ff' WHERE key = 1",
        &quest_name,
        "",
    );
    check("UPDATE attempts SET body = x'ff' WHERE key = 1", &name, "");
    check(
        "UPDATE attempts SET state = 9 WHERE key = 1",
        &name,
        "unknown attempt state 9",
    );
    check(
        "UPDATE attempts SET body = x'320209' WHERE key = 1",
        &name,
        "",
    );
    check(
        "UPDATE attempts SET body = x'42021063' WHERE key = 1",
        &name,
        "unknown execution state 99",
    );
    check(
        "UPDATE attempts SET body = x'4a060a0412020863' WHERE key = 1",
        &name,
        "unknown abnormal finish status 99",
    );
    check(
        "UPDATE attempts SET body = x'4a020a00' WHERE key = 1",
        &name,
        "neither data nor abnormal",
    );
    check(
        "UPDATE executions SET body = x'1063'",
        &execution_name,
        "unknown execution state 99",
    );
    check("DELETE FROM outcomes", &other, "its outcomes are missing");
    check("UPDATE outcomes SET body = x'ff'", &other, "");
    let row = format!("journal row 5 of {name}");
    check("UPDATE journal SET kind = 77", &row, "unknown kind 77");
    check("UPDATE journal SET body = x'ff'", &row, "");
    check(
        "DELETE FROM config_snapshots",
        "configuration snapshot 1",
        "refers to it",
    );
    check(
        "DELETE FROM config_names",
        "configuration name 1",
        "refers to it",
    );
    check(
        "UPDATE attempts SET number = -1 WHERE key = 1",
        "state file",
        "",
    );
    check(
        "UPDATE quests SET id = x'00' WHERE key = 1",
        "state file",
        "",
    );
    assert!(stored(&open(directory.path()), 1).is_some());
}
