//! The task queue: its part of a commit, and its reads.

use distributor_core::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use super::batch::{BatchWriter, conflict};
use super::counters::Counters;
use super::error::{bound, integer, is_duplicate};
use super::read::{Reader, from_sql};
use crate::encoding;
use crate::{
    Batch, DueTask, QueueChange, QueueCounts, QueuePage, QueueRecord, QueueState, QueuedTask,
    Result,
};

/// What [`Reader::queued_task`] expects in a row.
macro_rules! line_columns {
    () => {
        "id, state, due, tries, created, config, size, last_error"
    };
}

impl Counters {
    /// One task more, or less.
    fn count_task(&mut self, state: i64, change: i64) {
        if state == encoding::queue_state_number(QueueState::Pending) {
            self.queue_pending += change;
        } else {
            self.queue_dead += change;
        }
    }
}

impl BatchWriter<'_> {
    pub(super) fn queue(&mut self, batch: &Batch) -> Result<()> {
        for task in &batch.queue_added {
            self.add_task(task)?;
        }
        for change in &batch.queue_changed {
            self.change_task(change)?;
        }
        for id in &batch.queue_done {
            self.remove_task(*id)?;
        }
        Ok(())
    }

    fn add_task(&mut self, task: &QueueRecord) -> Result<()> {
        let config = self.shared.snapshot_key(self.connection, &task.config)?;
        let (id, size) = (integer(task.id)?, integer(task.size())?);
        let state = encoding::queue_state_number(task.state);
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO queue (id, state, due, tries, created, config, size, last_error, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        let inserted = insert.execute(params![
            id,
            state,
            task.due.as_micros(),
            task.tries,
            task.created.as_micros(),
            integer(config)?,
            size,
            task.last_error,
            encoding::task(task),
        ]);
        if inserted.as_ref().is_err_and(is_duplicate) {
            return Err(conflict(format_args!("queued task {id}")));
        }
        inserted?;
        self.counters.journal = self.counters.journal.max(id);
        self.counters.count_task(state, 1);
        self.counters.queue_bytes += size;
        Ok(())
    }

    fn change_task(&mut self, change: &QueueChange) -> Result<()> {
        let id = integer(change.id)?;
        let before: Option<i64> = self
            .connection
            .prepare_cached("SELECT state FROM queue WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        let Some(before) = before else {
            return Ok(());
        };
        let state = encoding::queue_state_number(change.state);
        self.connection
            .prepare_cached(
                "UPDATE queue SET state = ?2, due = ?3, tries = ?4, last_error = ?5 WHERE id = ?1",
            )?
            .execute(params![
                id,
                state,
                change.due.as_micros(),
                change.tries,
                change.last_error
            ])?;
        self.counters.count_task(before, -1);
        self.counters.count_task(state, 1);
        Ok(())
    }

    fn remove_task(&mut self, id: u64) -> Result<()> {
        let removed: Option<(i64, i64)> = self
            .connection
            .prepare_cached("DELETE FROM queue WHERE id = ?1 RETURNING state, size")?
            .query_row([integer(id)?], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some((state, size)) = removed {
            self.counters.count_task(state, -1);
            self.counters.queue_bytes -= size;
        }
        Ok(())
    }
}

impl Reader<'_> {
    pub(super) fn due_queue(&self, now: Timestamp, limit: usize) -> Result<Vec<DueTask>> {
        self.many(
            "SELECT id, due, tries FROM queue INDEXED BY queue_due
             WHERE state = 1 AND due <= ?1 ORDER BY due, id LIMIT ?2",
            params![now.as_micros(), bound(limit)],
            |row| {
                Ok(DueTask {
                    id: row.get::<_, i64>(0)?.unsigned_abs(),
                    due: Timestamp::from_micros(row.get(1)?),
                    tries: row.get(2)?,
                })
            },
        )
    }

    pub(super) fn queue_records(&self, ids: &[u64]) -> Result<Vec<Option<QueueRecord>>> {
        self.at_once(|| ids.iter().map(|id| self.queue_record(*id)).collect())
    }

    fn queue_record(&self, id: u64) -> Result<Option<QueueRecord>> {
        self.one(
            concat!(
                "SELECT ",
                line_columns!(),
                ", body FROM queue WHERE id = ?1"
            ),
            [bound(id)],
            |row| {
                let line = self.queued_task(row)?;
                let body = row.get_ref(8)?.as_blob().map_err(from_sql)?;
                let what = format_args!("queued task {id}");
                let (headers, body) = self.decode(&what, |decoder| decoder.task(body))?;
                Ok(QueueRecord {
                    id,
                    config: line.config,
                    headers,
                    body,
                    created: line.created,
                    due: line.due,
                    tries: line.tries,
                    state: line.state,
                    last_error: line.last_error,
                })
            },
        )
    }

    fn queued_task(&self, row: &Row<'_>) -> Result<QueuedTask> {
        let id = row.get::<_, i64>(0)?.unsigned_abs();
        let config = row.get::<_, i64>(5)?.unsigned_abs();
        self.decode(&format_args!("queued task {id}"), |decoder| {
            Ok(QueuedTask {
                id,
                state: decoder.queue_state(row.get(1)?)?,
                due: Timestamp::from_micros(row.get(2)?),
                tries: row.get(3)?,
                created: Timestamp::from_micros(row.get(4)?),
                config: (decoder.snapshots)(config)?,
                size: row.get::<_, i64>(6)?.unsigned_abs(),
                last_error: row.get(7)?,
            })
        })
    }

    /// Reads one row more than asked for, to see whether there is one.
    pub(super) fn list_queue(
        &self,
        state: QueueState,
        before: Option<u64>,
        limit: usize,
    ) -> Result<QueuePage> {
        let mut tasks = self.many(
            concat!(
                "SELECT ",
                line_columns!(),
                " FROM queue INDEXED BY queue_by_state
                 WHERE state = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"
            ),
            params![
                encoding::queue_state_number(state),
                before.map_or(i64::MAX, bound),
                bound(limit.saturating_add(1))
            ],
            |row| self.queued_task(row),
        )?;
        let more = tasks.len() > limit;
        tasks.truncate(limit);
        Ok(QueuePage {
            next: tasks.last().map(|task| task.id).filter(|_| more),
            tasks,
        })
    }

    pub(super) fn queue_counts(&self) -> Result<QueueCounts> {
        Ok(Counters::load(self.connection)?.queue_counts())
    }
}
