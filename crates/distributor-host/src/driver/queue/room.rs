//! How much the queue may hold, so that a backend that goes astray does not fill the disk.
//!
//! A place is reserved before a task is accepted, and given back with the task that vanishes. Dead
//! letters take room too: nothing is thrown away to make some.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use distributor_core::{Error, ErrorKind, Result};
use distributor_store::QueueCounts;

use crate::driver::settings::Settings;

#[derive(Debug, Clone, Copy, Default)]
struct Amount {
    tasks: u64,
    bytes: u64,
}

#[derive(Debug)]
struct State {
    most: Amount,
    stored: Amount,
    dead: u64,
    /// Accepted, and not stored yet.
    reserved: Amount,
}

/// The room of one host's queue.
#[derive(Debug)]
pub(in crate::driver) struct Room(Mutex<State>);

/// A place for one task; given back when dropped.
#[derive(Debug)]
pub(in crate::driver) struct Reservation {
    room: Arc<Room>,
    /// Nothing once the task is stored.
    amount: Amount,
}

impl Room {
    pub(in crate::driver) fn new(settings: &Settings) -> Self {
        Room(Mutex::new(State {
            most: most(settings),
            stored: Amount::default(),
            dead: 0,
            reserved: Amount::default(),
        }))
    }

    pub(in crate::driver) fn set_limits(&self, settings: &Settings) {
        self.state().most = most(settings);
    }

    /// These tasks are stored now: their places are taken for good, and at no moment twice.
    pub(in crate::driver) fn keep(&self, places: &mut [Reservation]) {
        let mut state = self.state();
        for place in places {
            let Amount { tasks, bytes } = std::mem::take(&mut place.amount);
            state.give_back(Amount { tasks, bytes });
            state.stored.tasks = state.stored.tasks.saturating_add(tasks);
            state.stored.bytes = state.stored.bytes.saturating_add(bytes);
        }
    }

    /// What the store holds now.
    pub(in crate::driver) fn set_stored(&self, counts: QueueCounts) {
        let mut state = self.state();
        state.dead = counts.dead;
        state.stored = Amount {
            tasks: counts.pending.saturating_add(counts.dead),
            bytes: counts.bytes,
        };
    }

    /// A place for a task of this size.
    ///
    /// # Errors
    /// `ResourceExhausted`, transient, if there is none.
    pub(super) fn reserve(self: &Arc<Self>, bytes: u64) -> Result<Reservation> {
        let mut state = self.state();
        let tasks = state.stored.tasks.saturating_add(state.reserved.tasks);
        let total = state.stored.bytes.saturating_add(state.reserved.bytes);
        if tasks >= state.most.tasks || total.saturating_add(bytes) > state.most.bytes {
            let message = format!(
                "the task queue is full: {tasks} tasks ({} of them dead letters) with {total} bytes, \
                 and at most {} tasks with {} bytes are kept; replay or discard the dead letters",
                state.dead, state.most.tasks, state.most.bytes
            );
            let error = Error::new(ErrorKind::ResourceExhausted, message);
            return Err(error.transient().not_applied());
        }
        state.reserved.tasks += 1;
        state.reserved.bytes = state.reserved.bytes.saturating_add(bytes);
        drop(state);
        Ok(Reservation {
            room: self.clone(),
            amount: Amount { tasks: 1, bytes },
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete, so a panic leaves no half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn give_back(&mut self, amount: Amount) {
        let reserved = &mut self.reserved;
        reserved.tasks = reserved.tasks.saturating_sub(amount.tasks);
        reserved.bytes = reserved.bytes.saturating_sub(amount.bytes);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.room.state().give_back(self.amount);
    }
}

fn most(settings: &Settings) -> Amount {
    Amount {
        tasks: settings.queue_tasks,
        bytes: settings.queue_bytes,
    }
}
