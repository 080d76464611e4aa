//! The queue of a [`MemoryStore`](super::MemoryStore).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use distributor_core::Timestamp;

use crate::{
    Batch, DueTask, QueueCounts, QueuePage, QueueRecord, QueueState, QueuedTask, Result, StoreError,
};

#[derive(Debug, Default)]
pub(super) struct Queue {
    tasks: BTreeMap<u64, QueueRecord>,
    /// The pending ones.
    due: BTreeSet<(Timestamp, u64)>,
    counts: QueueCounts,
}

impl Queue {
    pub(super) fn check(&self, added: &[QueueRecord]) -> Result<()> {
        let mut new = HashSet::new();
        for task in added {
            if !new.insert(task.id) || self.tasks.contains_key(&task.id) {
                let what = format!("queued task {}", task.id);
                return Err(StoreError::Conflict { what });
            }
        }
        Ok(())
    }

    pub(super) fn apply(&mut self, batch: &Batch) {
        for task in &batch.queue_added {
            self.put(task.clone());
        }
        for change in &batch.queue_changed {
            if let Some(mut task) = self.take(change.id) {
                task.state = change.state;
                task.due = change.due;
                task.tries = change.tries;
                task.last_error.clone_from(&change.last_error);
                self.put(task);
            }
        }
        for id in &batch.queue_done {
            self.take(*id);
        }
    }

    fn put(&mut self, task: QueueRecord) {
        self.counts.bytes += task.size();
        match task.state {
            QueueState::Pending => {
                self.counts.pending += 1;
                self.due.insert((task.due, task.id));
            }
            QueueState::Dead => self.counts.dead += 1,
        }
        self.tasks.insert(task.id, task);
    }

    fn take(&mut self, id: u64) -> Option<QueueRecord> {
        let task = self.tasks.remove(&id)?;
        self.counts.bytes -= task.size();
        match task.state {
            QueueState::Pending => {
                self.counts.pending -= 1;
                self.due.remove(&(task.due, id));
            }
            QueueState::Dead => self.counts.dead -= 1,
        }
        Some(task)
    }

    pub(super) fn due(&self, now: Timestamp, limit: usize) -> Vec<DueTask> {
        let due = self.due.range(..=(now, u64::MAX)).take(limit);
        due.filter_map(|(due, id)| {
            let tries = self.tasks.get(id)?.tries;
            let (id, due) = (*id, *due);
            Some(DueTask { id, due, tries })
        })
        .collect()
    }

    pub(super) fn records(&self, ids: &[u64]) -> Vec<Option<QueueRecord>> {
        ids.iter().map(|id| self.tasks.get(id).cloned()).collect()
    }

    pub(super) fn list(&self, state: QueueState, before: Option<u64>, limit: usize) -> QueuePage {
        let mut found = self
            .tasks
            .range(..before.unwrap_or(u64::MAX))
            .rev()
            .map(|(_, task)| task)
            .filter(|task| task.state == state);
        let tasks: Vec<QueuedTask> = found.by_ref().take(limit).map(line).collect();
        let more = found.next().is_some();
        QueuePage {
            next: tasks.last().map(|task| task.id).filter(|_| more),
            tasks,
        }
    }

    pub(super) fn counts(&self) -> QueueCounts {
        self.counts
    }
}

fn line(task: &QueueRecord) -> QueuedTask {
    QueuedTask {
        id: task.id,
        config: task.config.clone(),
        size: task.size(),
        created: task.created,
        due: task.due,
        tries: task.tries,
        state: task.state,
        last_error: task.last_error.clone(),
    }
}
