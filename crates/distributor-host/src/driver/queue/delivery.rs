//! Tasks that are due: handed to their backends, as many as there is room for, and what comes back.
//!
//! The others stay in the store. While nothing is pending the store is not asked.

use std::collections::HashSet;
use std::sync::Arc;

use distributor_core::{Error, ErrorKind, Notification, QueueTask, Result, Timestamp};
use distributor_store::{Batch, DueTask, QueueChange, QueueRecord, QueueState, StoreError};

use super::sending::{collecting, with_tasks};
use crate::driver::calls::{Answer, CallContext, panicked, within};
use crate::driver::committer::Committer;
use crate::driver::message::Message;
use crate::driver::work::Work;

/// Longest error that is kept with a task, in bytes.
const LONGEST_ERROR: usize = 4096;

/// What the dispatcher knows of the queue.
#[derive(Debug)]
pub(in crate::driver) struct Lane {
    /// Tasks whose call is under way; they are still in the store.
    under_way: HashSet<u64>,
    at_once: usize,
    /// Tasks in the store that are to be delivered, now or later.
    pending: u64,
    /// Some may be due and not handed out.
    waits: bool,
}

impl Lane {
    pub(in crate::driver) fn new(at_once: usize) -> Self {
        Lane {
            under_way: HashSet::new(),
            at_once,
            pending: 0,
            waits: true,
        }
    }

    /// The store may hold anything.
    pub(in crate::driver) fn begin_anew(&mut self) {
        self.waits = true;
    }

    pub(in crate::driver) fn came_back(&mut self, id: u64) {
        self.under_way.remove(&id);
    }
}

impl Committer {
    /// Counts anew what the store holds.
    pub(in crate::driver) fn count_tasks(&mut self) -> Result<(), StoreError> {
        let counts = self.store.queue_counts()?;
        self.dispatcher.queue.pending = counts.pending;
        self.room.set_stored(counts);
        Ok(())
    }

    /// After a commit, and before anybody is told of it: who hears that a task is stored or gone may
    /// send the next one at once, and must find the room as it is.
    pub(in crate::driver) fn settle_tasks(&mut self, work: &mut Work) -> Result<(), StoreError> {
        self.room.keep(&mut work.reserved);
        match is_changed(&work.batch) {
            true => self.count_tasks(),
            false => Ok(()),
        }
    }

    /// After a commit: hands out tasks that are due.
    pub(in crate::driver) fn hand_out_tasks(&mut self, work: &mut Work) -> Result<(), StoreError> {
        let lane = &mut self.dispatcher.queue;
        if lane.pending == 0 {
            return Ok(());
        }
        let news = work.tick || pending_dues(&work.batch).any(|due| due <= work.now);
        lane.waits |= news;
        let room = lane.at_once.saturating_sub(lane.under_way.len());
        // For those that wait, half of the room is worth a look into the store.
        let is_enough = news || room >= lane.at_once / 2;
        if !lane.waits || !is_enough || room == 0 {
            return Ok(());
        }
        let mut due = self
            .store
            .due_queue(work.now, lane.at_once.saturating_add(1))?;
        due.retain(|task| !lane.under_way.contains(&task.id));
        lane.waits = due.len() > room;
        // The ticker was told nothing of those that come after them.
        work.tick = true;
        for task in due.into_iter().take(room) {
            lane.under_way.insert(task.id);
            let context = self.dispatcher.context.clone();
            self.dispatcher.runtime.spawn(deliver(context, task));
        }
        Ok(())
    }

    /// When the next task becomes due, those aside that are under way or wait for room.
    pub(in crate::driver) fn next_task_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let lane = &self.dispatcher.queue;
        if lane.pending == 0 || lane.waits {
            return Ok(None);
        }
        let end_of_time = Timestamp::from_micros(i64::MAX);
        let limit = lane.under_way.len().saturating_add(1);
        let next = self.store.due_queue(end_of_time, limit)?;
        let mut next = next.into_iter();
        let next = next.find(|task| !lane.under_way.contains(&task.id));
        Ok(next.map(|task| task.due))
    }

    /// A handled task goes with the batch that records what it answered (DC-52); one that failed for
    /// good becomes a dead letter (DC-23).
    pub(in crate::driver) fn task_answered(
        &mut self,
        work: &mut Work,
        task: DueTask,
        answer: Result<Vec<Notification>>,
    ) {
        let error = match answer {
            Ok(notifications) => {
                work.batch.queue_done.push(task.id);
                for notification in notifications {
                    self.record_notification(work, notification);
                }
                return;
            }
            Err(error) => error,
        };
        let tries = task.tries.saturating_add(1);
        let (state, due) = match self.next_try(work, tries, &error) {
            Some(due) => (QueueState::Pending, due),
            None => {
                tracing::warn!(task = task.id, %error, "queue task failed for good");
                (QueueState::Dead, work.now)
            }
        };
        work.batch.queue_changed.push(QueueChange {
            id: task.id,
            state,
            due,
            tries,
            last_error: Some(shortened(error.to_string())),
        });
    }
}

/// The earliest moment at which a task of this batch becomes due, if that is to come.
pub(in crate::driver) fn next_due_of(batch: &Batch, now: Timestamp) -> Option<Timestamp> {
    pending_dues(batch).filter(|due| *due > now).min()
}

fn pending_dues(batch: &Batch) -> impl Iterator<Item = Timestamp> {
    let added = batch.queue_added.iter().map(|task| task.due);
    let changed = batch.queue_changed.iter();
    let changed = changed.filter(|change| change.state == QueueState::Pending);
    added.chain(changed.map(|change| change.due))
}

fn is_changed(batch: &Batch) -> bool {
    !batch.queue_added.is_empty() || !batch.queue_changed.is_empty() || !batch.queue_done.is_empty()
}

/// One delivery, which ends in exactly one message.
async fn deliver(context: Arc<CallContext>, task: DueTask) {
    let message = |answer| Message::TaskAnswered { task, answer };
    let mut answer = Answer::new(&context, message(Err(panicked())));
    let (handled, tasks) = collecting(handle(&context, task.id)).await;
    answer.set(with_tasks((message(handled), tasks)));
}

async fn handle(context: &CallContext, id: u64) -> Result<Vec<Notification>> {
    let Some(record) = read(context, id).await? else {
        return Ok(Vec::new());
    };
    let distributor = context.source.distributor(&record.config)?;
    let task = QueueTask {
        headers: record.headers,
        body: record.body,
        delay: std::time::Duration::ZERO,
    };
    within(context, distributor.handle_task_queue_task(task)).await
}

/// The body is read only now that there is room for it.
async fn read(context: &CallContext, id: u64) -> Result<Option<QueueRecord>> {
    let store = context.store.clone();
    let read = tokio::task::spawn_blocking(move || store.queue_records(&[id]));
    let unreadable =
        || Error::new(ErrorKind::Unavailable, "the task could not be read").transient();
    let found = read.await.map_err(|error| unreadable().because(error))?;
    let found = found.map_err(|error| unreadable().because(error))?;
    Ok(found.into_iter().flatten().next())
}

fn shortened(mut error: String) -> String {
    if error.len() > LONGEST_ERROR {
        error.truncate(error.floor_char_boundary(LONGEST_ERROR));
        error.push('…');
    }
    error
}
