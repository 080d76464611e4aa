//! Numbered migrations. The version of a file is its `user_version`.
//!
//! A migration that was released is never changed; the next one gets the next number.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::{Result, StoreError};

const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_init.sql"),
    include_str!("migrations/0002_queue.sql"),
];

/// Marks a file as ours: "dist" in ASCII.
const APPLICATION: u32 = 0x6469_7374;

/// The version that this build knows.
pub(super) const KNOWN: u32 = MIGRATIONS.len() as u32;

/// Brings the file to the version that this build knows, in one transaction.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction, path)?;
    for migration in &MIGRATIONS[found as usize..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", KNOWN)?;
    transaction.commit()?;
    Ok(())
}

/// The version of the file; 0 for an empty one.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<u32> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let (application, found) = (pragma("application_id")?, pragma("user_version")?);
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && application != APPLICATION {
        return Err(StoreError::Damaged {
            what: format!("state file {}", path.display()),
            detail: "it is a database of some other program; name another directory with --state"
                .to_owned(),
        });
    }
    if found > KNOWN {
        return Err(StoreError::TooNew {
            path: path.display().to_string(),
            found,
            known: KNOWN,
        });
    }
    Ok(found)
}
