//! What is special about the store on disk. All that stores have in common is in the suite.

mod damage;
mod directory;
mod limits;

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
