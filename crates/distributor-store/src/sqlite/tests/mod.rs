//! What is special about the store on disk. All that stores have in common is in the suite.

mod damage;
mod directory;
mod limits;
mod queue;

use std::path::Path;

use distributor_core::QuestId;

use crate::records::AttemptRecord;
use crate::suite::samples::{attempt, quest};
use crate::{Batch, SqliteStore, Store};

mod suite {
    use crate::SqliteStore;

    crate::store_suite!({
        let directory = tempfile::tempdir().expect("a directory");
        let store = SqliteStore::open(directory.path()).expect("opened");
        (store, directory)
    });
}

fn open(directory: &Path) -> SqliteStore {
    SqliteStore::open(directory).expect("opened")
}

fn read_only(directory: &Path) -> SqliteStore {
    SqliteStore::open_read_only(directory).expect("opened for reading")
}

/// A batch of new attempts with their quests.
fn new_attempts(numbers: std::ops::Range<u32>) -> Batch {
    Batch {
        quests: numbers.clone().map(quest).collect(),
        attempts: numbers.map(attempt).collect(),
        ..Batch::default()
    }
}

fn stored(store: &SqliteStore, number: u32) -> Option<AttemptRecord> {
    let id = attempt(number).id;
    store.attempts(&[id]).expect("read").remove(0)
}

fn quest_ids(numbers: std::ops::Range<u32>) -> Vec<QuestId> {
    numbers.map(|number| quest(number).id).collect()
}

#[test]
fn ids_that_begin_alike_are_told_apart() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(directory.path());
    let alike = |last: u8| {
        let mut bytes = [7; 32];
        bytes[31] = last;
        QuestId::from_bytes(bytes)
    };
    let ids: Vec<_> = (0..50).map(alike).collect();
    for (id, number) in ids.iter().zip(0..) {
        let quest = crate::records::QuestRecord {
            id: *id,
            ..quest(number)
        };
        let batch = Batch {
            quests: vec![quest],
            ..Batch::default()
        };
        store.commit(&batch).expect("committed");
    }
    let found = store.quests(&ids).expect("read");
    for ((id, number), found) in ids.iter().zip(0..).zip(found) {
        let found = found.expect("stored");
        assert_eq!((found.id, found.desc), (*id, quest(number).desc));
    }
    assert_eq!(store.quests(&[alike(99)]).expect("read"), [None]);
    let text = alike(0).to_string();
    let found = store.quests_with_prefix(&text[..40], 99).expect("read");
    assert_eq!(found.len(), 50);
    let found = store.quests_with_prefix(&text[..40], 3).expect("read");
    assert_eq!(found.len(), 3);
}
