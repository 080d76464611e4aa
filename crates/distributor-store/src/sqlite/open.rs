//! Opening a state directory, for writing or for reading only.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::cache::Shared;
use super::lock::DirectoryLock;
use super::readers::Readers;
use super::writer::Writer;
use super::{SqliteStore, quests, schema};
use crate::{Result, StoreError};

const FILE: &str = "state.db";

/// How long to wait for another process, which reads or recovers the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Page cache of the writer; of each reader an eighth. In KiB.
const CACHE: i64 = 16 * 1024;

/// Pages in the write-ahead log (16 MiB) after which they move to the file. The more, the more
/// often a page that changes again and again moves once only.
const CHECKPOINT_PAGES: u32 = 4096;

/// What the write-ahead log is cut to once a burst is over. In bytes.
const LOG_LIMIT: u32 = 32 << 20;

/// More than there are statements in this module.
const STATEMENTS: usize = 96;

impl SqliteStore {
    /// Opens, or creates, the state in `directory` and keeps other writers out until it is dropped.
    ///
    /// The directory is created for its owner only (0700), and `state.db` likewise (0600): both
    /// hold the tokens of unfinished executions. Commits are durable against loss of power
    /// (write-ahead log, `synchronous=FULL`).
    ///
    /// # Errors
    /// `InUse` if another store has the directory open for writing, in this process or another;
    /// `TooNew` for a schema that this build does not know; `Damaged` if `state.db` is no state
    /// file; `Engine` if the operating system refuses.
    pub fn open(directory: &Path) -> Result<SqliteStore> {
        create_directory(directory).map_err(|error| cannot("create", directory, error))?;
        let lock = DirectoryLock::take(directory)?;
        let file = absolute(directory)?.join(FILE);
        create_file(&file).map_err(|error| cannot("create", &file, error))?;
        let opened = Writer::open(&file, lock);
        let (writer, recent) = opened.map_err(|error| name_file(error, &file))?;
        Ok(SqliteStore {
            readers: Readers::new(file.clone()),
            file,
            writer: Some(Mutex::new(writer)),
            shared: Shared::new(Some(recent)),
        })
    }

    /// Opens the state in `directory` for reading only, also while another process writes it.
    ///
    /// # Errors
    /// `Absent` if there is none; `TooNew`, and `TooOld` because it cannot be migrated; `Damaged`
    /// and `Engine` as with [`SqliteStore::open`]. [`commit`](crate::Store::commit) and
    /// [`collect`](crate::Store::collect) of the opened store are `ReadOnly` errors.
    pub fn open_read_only(directory: &Path) -> Result<SqliteStore> {
        let file = absolute(directory)?.join(FILE);
        let absent = || StoreError::Absent {
            directory: directory.display().to_string(),
        };
        match file.try_exists() {
            Ok(true) => {}
            Ok(false) => return Err(absent()),
            Err(error) => return Err(cannot("read", &file, error)),
        }
        let readers = Readers::new(file.clone());
        let version = readers.take().and_then(|connection| {
            let version = schema::version(&connection, &file);
            readers.give_back(connection);
            version
        });
        match version.map_err(|error| name_file(error, &file))? {
            0 => return Err(absent()),
            schema::KNOWN => {}
            found => {
                return Err(StoreError::TooOld {
                    path: file.display().to_string(),
                    found,
                    known: schema::KNOWN,
                });
            }
        }
        Ok(SqliteStore {
            readers,
            file,
            writer: None,
            shared: Shared::new(None),
        })
    }
}

impl Writer {
    fn open(file: &Path, lock: DirectoryLock) -> Result<(Self, quests::Recent)> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(file, flags)?;
        configure(&connection, CACHE)?;
        // Works only before there are tables, and is kept in the file.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "journal_size_limit", LOG_LIMIT)?;
        schema::migrate(&mut connection, file)?;
        let recent = quests::load_recent(&connection)?;
        Ok((Writer::new(connection, lock)?, recent))
    }
}

/// A connection that only reads.
pub(super) fn reader(file: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    configure(&connection, CACHE / 8)?;
    Ok(connection)
}

fn configure(connection: &Connection, cache: i64) -> Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Plans do not depend on bound values. Without this, statements are compiled again whenever a
    // value is bound that the planner once looked at, which cost more than running them.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Negative: in KiB instead of pages.
    connection.pragma_update(None, "cache_size", -cache)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

/// Connections are opened later too, when the working directory may be another one.
fn absolute(directory: &Path) -> Result<PathBuf> {
    std::path::absolute(directory).map_err(|error| cannot("find", directory, error))
}

fn create_directory(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

fn create_file(file: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(|_created| ())
}

/// The operating system refused.
pub(super) fn cannot(what: &'static str, path: &Path, error: io::Error) -> StoreError {
    StoreError::Engine(Box::new(Refused {
        what,
        path: path.display().to_string(),
        error,
    }))
}

#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {path}: {error}")]
struct Refused {
    what: &'static str,
    path: String,
    #[source]
    error: io::Error,
}

/// Puts the file's path into an error that came from opening it.
fn name_file(error: StoreError, file: &Path) -> StoreError {
    match error {
        StoreError::Damaged { what, detail } if what == "state file" => StoreError::Damaged {
            what: format!("state file {}", file.display()),
            detail,
        },
        other => other,
    }
}
