//! Raw SQLite with what a notification costs at least: a row written, and removed again.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, params};

use crate::child::{Outcome, peak_rss_bytes, size_of_files};

const SCHEMA: &str = "
    CREATE TABLE notifications (
        id INTEGER PRIMARY KEY,
        execution INTEGER NOT NULL,
        body BLOB NOT NULL
    );
";

/// Writes and removes `count` notifications, `batch` of them in a transaction; two commits for each
/// batch.
pub(crate) fn run(folder: &Path, count: u64, batch: i64) -> Result<Outcome> {
    let count = i64::try_from(count).context("too many notifications")?;
    let path = folder.join("state.db");
    let mut connection =
        Connection::open(&path).with_context(|| format!("opening {}", path.display()))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(SCHEMA)?;
    let begin = Instant::now();
    let mut first = 0;
    while first < count {
        let last = count.min(first + batch);
        run_batch(&mut connection, first..last)?;
        first = last;
    }
    let duration = begin.elapsed();
    let left = "SELECT count(*) FROM notifications";
    let left: i64 = connection.query_row(left, [], |row| row.get(0))?;
    ensure!(left == 0, "{left} of {count} are left");
    Ok(Outcome {
        duration,
        state_bytes: Some(size_of_files(folder)?),
        peak_rss_bytes: Some(peak_rss_bytes()?),
        ..Outcome::default()
    })
}

fn run_batch(connection: &mut Connection, ids: std::ops::Range<i64>) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO notifications (id, execution, body) VALUES (?1, ?2, ?3)",
        )?;
        for id in ids.clone() {
            insert.execute(params![id, id % 1000, [1u8; 64]])?;
        }
    }
    transaction.commit()?;

    let transaction = connection.transaction()?;
    {
        let mut delete = transaction.prepare_cached("DELETE FROM notifications WHERE id = ?1")?;
        for id in ids {
            delete.execute(params![id])?;
        }
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left() {
        for batch in [1, 3, 1024] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let outcome = run(folder.path(), 7, batch).expect("SQLite works");
            assert!(outcome.state_bytes > Some(0));
        }
    }
}
