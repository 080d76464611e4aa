//! Raw SQLite with the durability of the product: three statements for each execution.
//!
//! Insert with a unique name and one partial index, update to running, update to finished; three
//! commits for each batch of executions.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, params};

use crate::child::{Outcome, peak_rss_bytes, size_of_files};

const SCHEMA: &str = "
    CREATE TABLE executions (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        state INTEGER NOT NULL,
        payload BLOB NOT NULL,
        result BLOB
    );
    CREATE INDEX unfinished ON executions (id) WHERE state < 2;
";

/// Runs `count` executions, `batch` of them in a transaction.
pub(crate) fn run(folder: &Path, count: u64, batch: i64) -> Result<Outcome> {
    let count = i64::try_from(count).context("too many executions")?;
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
    let finished = "SELECT count(*) FROM executions WHERE state = 2 AND length(result) = 60";
    let finished: i64 = connection.query_row(finished, [], |row| row.get(0))?;
    ensure!(finished == count, "{finished} of {count} are finished");
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
            "INSERT INTO executions (id, name, state, payload) VALUES (?1, ?2, 0, ?3)",
        )?;
        for id in ids.clone() {
            insert.execute(params![id, format!("execution-{id}"), [1u8; 200]])?;
        }
    }
    transaction.commit()?;

    let transaction = connection.transaction()?;
    {
        let mut start =
            transaction.prepare_cached("UPDATE executions SET state = 1 WHERE id = ?1")?;
        for id in ids.clone() {
            start.execute(params![id])?;
        }
    }
    transaction.commit()?;

    let transaction = connection.transaction()?;
    {
        let mut finish = transaction
            .prepare_cached("UPDATE executions SET state = 2, result = ?2 WHERE id = ?1")?;
        for id in ids {
            finish.execute(params![id, [2u8; 60]])?;
        }
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_batch_may_be_smaller() {
        for batch in [1, 3, 1024] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let outcome = run(folder.path(), 7, batch).expect("SQLite works");
            assert!(outcome.state_bytes > Some(0));
        }
    }
}
