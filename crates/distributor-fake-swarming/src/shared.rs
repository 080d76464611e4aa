//! What everything in a farm works on: one state behind one lock, stored before it is seen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc, watch};

use crate::clock::{Clock, Micros};
use crate::faults::Judge;
use crate::model::{Change, Model, TaskId};
use crate::publish::{Delivery, Message, Outbox};
use crate::settings::Settings;
use crate::store::{Store, StoreError};

/// The state of a farm.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) model: Model,
    pub(crate) outbox: Outbox,
    pub(crate) judge: Judge,
    store: Store,
}

impl State {
    pub(crate) fn new(model: Model, outbox: Outbox, judge: Judge, store: Store) -> Self {
        State {
            model,
            outbox,
            judge,
            store,
        }
    }

    /// Stores a change of the model together with the notices that it causes, then applies it.
    ///
    /// # Errors
    /// If it cannot be stored. Then nothing has changed.
    pub(crate) fn commit(&mut self, change: Change, now: Micros) -> Result<(), StoreError> {
        if change.is_empty() {
            return Ok(());
        }
        let mut deliveries = Vec::new();
        for id in &change.notices {
            let mut tasks = change.tasks.iter();
            if let Some(task) = tasks.find(|task| task.id == *id)
                && let Some((topic, message)) = Message::of(task, now)
            {
                let fate = self.judge.notification();
                self.outbox.address(topic, message, fate, &mut deliveries);
            }
        }
        let known = |id| self.model.task(id).is_some();
        let tasks = change.tasks.iter().map(|task| (task, !known(task.id)));
        self.store.write(tasks, &deliveries)?;
        self.model.apply(change);
        self.outbox.add(deliveries);
        Ok(())
    }

    /// Stores a message that somebody published for whoever has subscribed to the topic, and names it.
    pub(crate) fn publish(
        &mut self,
        topic: &str,
        messages: Vec<Message>,
    ) -> Result<Vec<String>, StoreError> {
        let mut deliveries = Vec::new();
        let mut ids = Vec::new();
        for message in messages {
            let fate = self.judge.notification();
            ids.push(self.outbox.address(topic, message, fate, &mut deliveries));
        }
        self.store.write(std::iter::empty(), &deliveries)?;
        self.outbox.add(deliveries);
        Ok(ids)
    }

    /// Forgets deliveries that have arrived.
    pub(crate) fn acknowledge(&mut self, ids: &[i64]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        self.store.delivered(ids)?;
        for id in ids {
            self.outbox.remove(*id);
        }
        Ok(())
    }
}

/// The state, and who has to hear of its changes.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    /// Where the farm can be reached.
    pub(crate) url: String,
    state: Mutex<State>,
    /// Wakes the bots.
    bots: Notify,
    /// Counts the changes of the outbox.
    mail: watch::Sender<u64>,
    /// Which processes have to be killed.
    kills: Mutex<HashMap<TaskId, Arc<Notify>>>,
    /// The last field: when it is dropped, the state is closed.
    _alive: mpsc::Sender<()>,
}

impl Shared {
    pub(crate) fn new(
        settings: Settings,
        url: String,
        state: State,
        alive: mpsc::Sender<()>,
    ) -> Self {
        Shared {
            settings,
            url,
            state: Mutex::new(state),
            bots: Notify::new(),
            mail: watch::Sender::new(0),
            kills: Mutex::new(HashMap::new()),
            _alive: alive,
        }
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.settings.clock.clone()
    }

    /// The state. It is held for single steps only, each with at most one commit.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one step: what `decide` returns is stored and applied, and all are told that it concerns.
    pub(crate) fn step<T>(
        &self,
        decide: impl FnOnce(&Model, Micros) -> (T, Change),
    ) -> Result<(T, Vec<TaskId>), StoreError> {
        let now = self.clock().now();
        let mut state = self.lock();
        let (value, mut change) = decide(&state.model, now);
        if change.is_empty() {
            return Ok((value, Vec::new()));
        }
        let started = std::mem::take(&mut change.started);
        let kills = std::mem::take(&mut change.kills);
        let owed = state.outbox.len();
        state.commit(change, now)?;
        let mail = state.outbox.len() != owed;
        for id in &started {
            // Before anybody can see that it runs, and cancel it.
            self.expect_kill(*id);
        }
        drop(state);
        for id in kills {
            if let Some(kill) = self.killers().get(&id) {
                kill.notify_one();
            }
        }
        if mail {
            self.new_mail();
        }
        self.bots.notify_one();
        Ok((value, started))
    }

    /// Returns when there may be something for the bots to do.
    pub(crate) async fn bots_wanted(&self) {
        self.bots.notified().await;
    }

    /// Changes whenever something was put into the outbox.
    pub(crate) fn mail(&self) -> watch::Receiver<u64> {
        self.mail.subscribe()
    }

    /// Tells whoever waits for mail.
    pub(crate) fn new_mail(&self) {
        self.mail
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// A process is about to run; what is returned hears when it has to be killed.
    pub(crate) fn expect_kill(&self, id: TaskId) -> Arc<Notify> {
        self.killers().entry(id).or_default().clone()
    }

    /// The process is over.
    pub(crate) fn no_more_kill(&self, id: TaskId) {
        self.killers().remove(&id);
    }

    /// Puts the deliveries that were pulled back at another time, if the pull still holds them.
    pub(crate) fn put_off(&self, subscription: &str, held: &[(i64, u32)], until: Micros) {
        let mut state = self.lock();
        for (id, tries) in held {
            if state.outbox.tries(subscription, *id) == Some(*tries) {
                state.outbox.put_off(*id, until);
            }
        }
        drop(state);
        self.new_mail();
    }

    /// Up to `most` deliveries that are due.
    pub(crate) fn pull(&self, subscription: &str, most: usize, lease: Micros) -> Vec<Delivery> {
        let now = self.clock().now();
        let again = now.saturating_add(lease);
        self.lock().outbox.take(subscription, most, now, again)
    }

    fn killers(&self) -> MutexGuard<'_, HashMap<TaskId, Arc<Notify>>> {
        self.kills.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
