//! The one row of counters, which the writer keeps in memory too.

use rusqlite::{Connection, params};

use crate::{QueueCounts, Result, StateCounts};

/// The highest numbers given out, and how many attempts are in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) quest_key: i64,
    /// Quests up to this key are in the index.
    pub(super) quests_indexed: i64,
    pub(super) attempt_key: i64,
    pub(super) journal: i64,
    pub(super) ready: i64,
    /// By number of the state.
    pub(super) states: [i64; 5],
    pub(super) queue_pending: i64,
    pub(super) queue_dead: i64,
    pub(super) queue_bytes: i64,
}

impl Counters {
    pub(super) fn load(connection: &Connection) -> Result<Self> {
        let mut select = connection.prepare_cached(
            "SELECT quest_key, quests_indexed, attempt_key, journal, ready,
                    scheduling, executing, waiting, finished, abnormal_finished,
                    queue_pending, queue_dead, queue_bytes
             FROM counters",
        )?;
        let counters = select.query_row([], |row| {
            Ok(Counters {
                quest_key: row.get(0)?,
                quests_indexed: row.get(1)?,
                attempt_key: row.get(2)?,
                journal: row.get(3)?,
                ready: row.get(4)?,
                states: [
                    row.get(5)?,
                    row.get(6)?,
                    row.get(7)?,
                    row.get(8)?,
                    row.get(9)?,
                ],
                queue_pending: row.get(10)?,
                queue_dead: row.get(11)?,
                queue_bytes: row.get(12)?,
            })
        })?;
        Ok(counters)
    }

    pub(super) fn store(&self, connection: &Connection) -> Result<()> {
        let mut update = connection.prepare_cached(
            "UPDATE counters SET quest_key = ?1, quests_indexed = ?2, attempt_key = ?3,
                    journal = ?4, ready = ?5, scheduling = ?6, executing = ?7, waiting = ?8,
                    finished = ?9, abnormal_finished = ?10, queue_pending = ?11,
                    queue_dead = ?12, queue_bytes = ?13",
        )?;
        let [scheduling, executing, waiting, finished, abnormal] = self.states;
        update.execute(params![
            self.quest_key,
            self.quests_indexed,
            self.attempt_key,
            self.journal,
            self.ready,
            scheduling,
            executing,
            waiting,
            finished,
            abnormal,
            self.queue_pending,
            self.queue_dead,
            self.queue_bytes
        ])?;
        Ok(())
    }

    /// What to go on with after a transaction that began with `before` was rolled back: keys that
    /// were given out stay given out, because a reader may have seen them.
    pub(super) fn rolled_back_to(&self, before: Counters) -> Counters {
        Counters {
            quest_key: self.quest_key,
            attempt_key: self.attempt_key,
            ..before
        }
    }

    /// One attempt more, or less, in a state.
    pub(super) fn count(&mut self, state: i64, change: i64) {
        let state = usize::try_from(state).ok();
        if let Some(count) = state.and_then(|state| self.states.get_mut(state)) {
            *count += change;
        }
    }

    pub(super) fn queue_counts(&self) -> QueueCounts {
        let count = |count: i64| count.max(0).unsigned_abs();
        QueueCounts {
            pending: count(self.queue_pending),
            dead: count(self.queue_dead),
            bytes: count(self.queue_bytes),
        }
    }

    pub(super) fn state_counts(&self) -> StateCounts {
        let [scheduling, executing, waiting, finished, abnormal] =
            self.states.map(|count| count.max(0).unsigned_abs());
        StateCounts {
            scheduling,
            executing,
            waiting,
            finished,
            abnormal_finished: abnormal,
        }
    }
}
