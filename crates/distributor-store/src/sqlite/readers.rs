//! Connections for reading, made as they are needed.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use crate::Result;

/// Connections that are kept while nobody reads.
const KEPT: usize = 4;

/// A pool of connections to one file.
pub(super) struct Readers {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(file: PathBuf) -> Self {
        Readers {
            file,
            idle: Mutex::default(),
        }
    }

    /// An idle connection, or a new one.
    pub(super) fn take(&self) -> Result<Connection> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        match idle {
            Some(connection) => Ok(connection),
            None => super::open::reader(&self.file),
        }
    }

    /// For the next reader; unless a failure left a transaction open on it, which would show the
    /// next one an old state.
    pub(super) fn give_back(&self, connection: Connection) {
        if !connection.is_autocommit() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
    }
}
