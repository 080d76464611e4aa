//! What a farm keeps over its own ends: tasks, and the deliveries that it owes, in one SQLite file.
//!
//! A commit survives the end of the process, however it comes; not necessarily that of the machine.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, params};
use serde::de::DeserializeOwned;

use crate::model::{Status, Task, TaskId, TaskRequest};
use crate::publish::Delivery;

/// Why the state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The folder cannot be made.
    #[error("cannot make {path}: {source}")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another farm has it.
    #[error("another farm works on this state")]
    InUse,
    /// Made by another version, or damaged.
    #[error("the state cannot be understood: {0}")]
    Foreign(String),
    /// SQLite says no.
    #[error(transparent)]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::InUse,
            _ => StoreError::Sqlite(error),
        }
    }
}

const VERSION: i64 = 1;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS requests (id INTEGER PRIMARY KEY, record TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS tasks (
        id INTEGER PRIMARY KEY, state TEXT NOT NULL, record TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS tasks_by_state ON tasks (state);
    CREATE TABLE IF NOT EXISTS deliveries (
        id INTEGER PRIMARY KEY AUTOINCREMENT, record TEXT NOT NULL);
    PRAGMA user_version = 1;
";

/// The open file.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
}

impl Store {
    /// Opens the state in this folder, or begins one.
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        // What tasks may not tell is in it.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| StoreError::Folder {
                path: folder.to_owned(),
                source,
            })?;
        let connection = Connection::open(folder.join("farm.sqlite"))?;
        connection.busy_timeout(Duration::ZERO)?;
        // One farm at a time: the lock is held until the process ends, however it does.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version != 0 && version != VERSION {
            return Err(StoreError::Foreign(format!("it has version {version}")));
        }
        connection.execute_batch(&format!("BEGIN EXCLUSIVE; {SCHEMA} COMMIT;"))?;
        Ok(Store { connection })
    }

    /// All tasks.
    pub(crate) fn tasks(&self) -> Result<Vec<Task>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT tasks.id, requests.record, tasks.record
             FROM tasks JOIN requests USING (id) ORDER BY tasks.id",
        )?;
        let mut rows = statement.query([])?;
        let mut tasks = Vec::new();
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(0)?;
            let request: TaskRequest = decode(&row.get::<_, String>(1)?)?;
            let status: Status = decode(&row.get::<_, String>(2)?)?;
            tasks.push(Task {
                id: TaskId::numbered(number.unsigned_abs()),
                request: Arc::new(request),
                status,
            });
        }
        Ok(tasks)
    }

    /// All deliveries that are owed.
    pub(crate) fn deliveries(&self) -> Result<Vec<Delivery>, StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT record FROM deliveries ORDER BY id")?;
        let mut rows = statement.query([])?;
        let mut deliveries = Vec::new();
        while let Some(row) = rows.next()? {
            deliveries.push(decode(&row.get::<_, String>(0)?)?);
        }
        Ok(deliveries)
    }

    /// The last id that a delivery had, also if it is forgotten.
    pub(crate) fn last_delivery(&self) -> Result<i64, StoreError> {
        Ok(self.connection.query_row(
            "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'deliveries'",
            [],
            |row| row.get(0),
        )?)
    }

    /// Writes tasks, each new or not, and deliveries: all or nothing.
    pub(crate) fn write<'a>(
        &mut self,
        tasks: impl Iterator<Item = (&'a Task, bool)>,
        deliveries: &[Delivery],
    ) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for (task, is_new) in tasks {
            let number = number(task.id);
            if is_new {
                transaction
                    .prepare_cached("INSERT INTO requests (id, record) VALUES (?1, ?2)")?
                    .execute(params![number, encode(&*task.request)?])?;
            }
            let status = encode(&task.status)?;
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO tasks (id, state, record) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![number, task.status.state.name(), status])?;
        }
        for delivery in deliveries {
            transaction
                .prepare_cached("INSERT INTO deliveries (id, record) VALUES (?1, ?2)")?
                .execute(params![delivery.id, encode(delivery)?])?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Forgets deliveries.
    pub(crate) fn delivered(&mut self, ids: &[i64]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for id in ids {
            transaction
                .prepare_cached("DELETE FROM deliveries WHERE id = ?1")?
                .execute([id])?;
        }
        transaction.commit()?;
        Ok(())
    }
}

fn number(id: TaskId) -> i64 {
    i64::try_from(id.number()).unwrap_or(i64::MAX)
}

fn encode(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Foreign(error.to_string()))
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Foreign(error.to_string()))
}
