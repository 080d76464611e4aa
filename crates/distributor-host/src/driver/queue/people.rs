//! The queue as people see it: listings, and what becomes of dead letters.

use distributor_store::{QueueChange, QueueCounts, QueuePage, QueueState, QueuedTask, StoreError};

use crate::driver::committer::Committer;
use crate::driver::engine::Engine;
use crate::driver::message::{CallError, Message};
use crate::driver::work::Work;

/// Dead letters that one transaction replays.
const STEP: usize = 512;

/// What to do with dead letters.
#[derive(Debug, Clone, Copy)]
pub(in crate::driver) enum Order {
    Replay(u64),
    Discard(u64),
    /// Replay the newest ones, those before this id if there is one.
    ReplaySome(Option<u64>),
}

/// What was done.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::driver) struct Ordered {
    tasks: u64,
    /// Where the next step begins, if there is one.
    next: Option<u64>,
}

impl Engine {
    /// A page of the task queue, newest first: at most `limit` tasks of this state with ids below
    /// `before` ([`QueuePage::next`] of the page before).
    ///
    /// # Errors
    /// `Store`, `Stopped`.
    pub async fn queued_tasks(
        &self,
        state: QueueState,
        before: Option<u64>,
        limit: usize,
    ) -> Result<QueuePage, CallError> {
        let store = self.store().clone();
        let read = tokio::task::spawn_blocking(move || store.list_queue(state, before, limit));
        Ok(read.await.map_err(|_| CallError::Stopped)??)
    }

    /// How much is in the task queue, dead letters included.
    ///
    /// # Errors
    /// `Store`, `Stopped`.
    pub async fn queue_counts(&self) -> Result<QueueCounts, CallError> {
        let store = self.store().clone();
        let read = tokio::task::spawn_blocking(move || store.queue_counts());
        Ok(read.await.map_err(|_| CallError::Stopped)??)
    }

    /// Makes a dead letter pending again: due now, as if it had not been tried.
    ///
    /// # Errors
    /// `NoTask`, `NotDead`, `Store`, `NotStored`, `Stopped`.
    pub async fn replay_queued_task(&self, id: u64) -> Result<(), CallError> {
        self.order(Order::Replay(id)).await.map(|_| ())
    }

    /// Replays every dead letter there is, and returns how many. One that dies again meanwhile stays
    /// dead. Works in steps: an error may come after some were replayed.
    ///
    /// # Errors
    /// `Store`, `NotStored`, `Stopped`.
    pub async fn replay_queued_tasks(&self) -> Result<u64, CallError> {
        let mut replayed = 0;
        let mut before = None;
        loop {
            let step = self.order(Order::ReplaySome(before)).await?;
            replayed += step.tasks;
            if step.next.is_none() {
                return Ok(replayed);
            }
            before = step.next;
        }
    }

    /// Removes a dead letter for good.
    ///
    /// # Errors
    /// `NoTask`, `NotDead`, `Store`, `NotStored`, `Stopped`.
    pub async fn discard_queued_task(&self, id: u64) -> Result<(), CallError> {
        self.order(Order::Discard(id)).await.map(|_| ())
    }

    async fn order(&self, order: Order) -> Result<Ordered, CallError> {
        self.send(|reply| Message::Order { order, reply }).await
    }
}

impl Committer {
    pub(in crate::driver) fn carry_out(
        &mut self,
        work: &mut Work,
        order: Order,
    ) -> Result<Ordered, CallError> {
        match order {
            Order::Replay(id) => {
                self.check_dead(work, id)?;
                replay(work, id);
                Ok(Ordered::default())
            }
            Order::Discard(id) => {
                self.check_dead(work, id)?;
                work.batch.queue_done.push(id);
                Ok(Ordered::default())
            }
            Order::ReplaySome(before) => {
                let page = self.store.list_queue(QueueState::Dead, before, STEP)?;
                let mut tasks = page.tasks;
                // Another order of this batch may be about one of them.
                tasks.retain(|task| !is_touched(work, task.id));
                for task in &tasks {
                    replay(work, task.id);
                }
                Ok(Ordered {
                    tasks: tasks.len() as u64,
                    next: page.next,
                })
            }
        }
    }

    fn check_dead(&self, work: &Work, id: u64) -> Result<(), CallError> {
        if is_touched(work, id) {
            return Err(CallError::NotDead(id));
        }
        if self.find_task(QueueState::Dead, id)?.is_some() {
            return Ok(());
        }
        match self.find_task(QueueState::Pending, id)? {
            Some(_) => Err(CallError::NotDead(id)),
            None => Err(CallError::NoTask(id)),
        }
    }

    /// Without its body, which may be large.
    fn find_task(&self, state: QueueState, id: u64) -> Result<Option<QueuedTask>, StoreError> {
        let page = self.store.list_queue(state, id.checked_add(1), 1)?;
        Ok(page.tasks.into_iter().find(|task| task.id == id))
    }
}

fn is_touched(work: &Work, id: u64) -> bool {
    let batch = &work.batch;
    batch.queue_done.contains(&id) || batch.queue_changed.iter().any(|change| change.id == id)
}

fn replay(work: &mut Work, id: u64) {
    work.batch.queue_changed.push(QueueChange {
        id,
        state: QueueState::Pending,
        due: work.now,
        tries: 0,
        last_error: None,
    });
}
