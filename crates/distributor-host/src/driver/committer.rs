//! The one writer: takes what has happened, makes one transaction of it, then answers and acts
//! (architecture, A2).
//!
//! It runs on a thread of its own and calls no backend: calls leave as journal rows and are
//! performed elsewhere once the rows are durable.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use distributor_core::source::DistributorSource;
use distributor_core::{AttemptId, Clock, ExecutionId, QuestId, Timestamp, dm};
use distributor_store::records::{AttemptRecord, JournalKind, JournalRecord};
use distributor_store::{Store, StoreError};
use lru::LruCache;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::{broadcast, watch};

use super::dispatch::Dispatcher;
use super::early::Early;
use super::graph::GraphAnswer;
use super::lanes::{Lanes, Occupation};
use super::message::{AttemptChange, CallError, Message};
use super::queue::{Ordered, Room};
use super::received::Received;
use super::settings::{COMMIT_SIBLINGS, RandomSource, Settings};
use super::work::{Waiting, Work};
use crate::machine::{self, Effect, Event};

/// How long after a failed commit or read the host tries again.
pub(super) const STORE_RETRY: Duration = Duration::from_secs(1);

/// The store has failed.
pub(super) struct Trouble {
    /// When to try to begin anew.
    pub(super) until: Timestamp,
    /// What clients are told meanwhile.
    error: String,
}

pub(super) struct Committer {
    pub(super) store: Arc<dyn Store>,
    pub(super) source: Arc<dyn DistributorSource>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: Settings,
    pub(super) random: Box<dyn RandomSource>,
    pub(super) inbox: UnboundedSender<Message>,
    pub(super) attempts: LruCache<AttemptId, AttemptRecord>,
    pub(super) descs: LruCache<QuestId, Arc<dm::quest::Desc>>,
    pub(super) lanes: Lanes,
    pub(super) dispatcher: Dispatcher,
    /// Of the task queue.
    pub(super) room: Arc<Room>,
    pub(super) next_journal: u64,
    pub(super) next_ready: u64,
    pub(super) next_due: watch::Sender<Option<Timestamp>>,
    pub(super) changes: broadcast::Sender<AttemptChange>,
    /// After a failure, until the host has begun anew from what is stored.
    pub(super) trouble: Option<Trouble>,
    /// Tasks that came before the answer of their `run`.
    pub(super) early: Early,
    /// When to look again at names that could not be resolved for now.
    pub(super) starts_at: Option<Timestamp>,
}

pub(super) fn cache_size(settings: &Settings) -> NonZeroUsize {
    NonZeroUsize::new(settings.cached).unwrap_or(NonZeroUsize::MIN)
}

impl Committer {
    /// Runs until it is told to stop or everybody else is gone.
    pub(super) fn run(mut self, mut messages: UnboundedReceiver<Message>) {
        let mut received = Vec::new();
        while messages.blocking_recv_many(&mut received, self.settings.batch) > 0 {
            if self.expects_more_than(received.len()) {
                wait(self.settings.commit_delay);
                while received.len() < self.settings.batch
                    && let Ok(message) = messages.try_recv()
                {
                    received.push(message);
                }
            }
            let stop = received
                .iter()
                .any(|message| matches!(message, Message::Stop));
            self.process(received.drain(..));
            if stop {
                return;
            }
        }
    }

    /// Is a batch of `received` messages small for what is going on?
    fn expects_more_than(&self, received: usize) -> bool {
        let unfinished = self.lanes.unfinished();
        !self.settings.commit_delay.is_zero()
            && unfinished >= COMMIT_SIBLINGS
            && received.saturating_mul(4) < unfinished
    }

    /// One batch: all of it, or nothing and everybody is told.
    pub(super) fn process(&mut self, messages: impl Iterator<Item = Message>) {
        let now = self.clock.now();
        if self.trouble.as_ref().is_some_and(|it| it.until <= now)
            && let Err(error) = self.recover()
        {
            self.failed(&error);
        }
        if let Some(trouble) = &self.trouble {
            let error = trouble.error.clone();
            return self.turn_away(messages, &error);
        }
        let mut work = Work::new(now);
        let outcome = self.fill(&mut work, messages).and_then(|()| {
            work.seal();
            if work.batch.is_empty() {
                Ok(())
            } else {
                self.store.commit(&work.batch)
            }
        });
        match outcome {
            Ok(()) => self.publish(work),
            Err(error) => {
                self.failed(&error);
                work.fail(&error.to_string());
            }
        }
    }

    /// Until the host has begun anew, what it counts may be wrong: it takes nothing in. Calls whose
    /// answers are lost so are still owed, and hints are made up for when it begins.
    fn turn_away(&mut self, messages: impl Iterator<Item = Message>, error: &str) {
        let mut work = Work::default();
        for message in messages {
            self.dispatcher.came_back(&message);
            refuse(&mut work, message);
        }
        work.fail(error);
    }

    fn fill(
        &mut self,
        work: &mut Work,
        messages: impl Iterator<Item = Message>,
    ) -> Result<(), StoreError> {
        work.batch.journal_done = self.dispatcher.take_obsolete();
        // Everything is taken in before anything can fail, so that no message is lost unseen.
        let messages: Vec<Message> = messages.collect();
        for message in &messages {
            self.dispatcher.came_back(message);
        }
        let mut wanted = Vec::with_capacity(messages.len());
        for message in &messages {
            attempts_of(message, &mut wanted);
        }
        let mut outcome = self
            .load(work, &wanted)
            .and_then(|()| self.look_up_quests(work, &messages));
        for message in messages {
            if outcome.is_ok() {
                outcome = self.take(work, message);
            } else {
                refuse(work, message);
            }
        }
        outcome?;
        self.tell_dependents(work)?;
        self.start_executions(work)
    }

    fn take(&mut self, work: &mut Work, message: Message) -> Result<(), StoreError> {
        match message {
            Message::Ensure { request, reply } => {
                let (answer, failure) = match self.ensure(work, &request) {
                    // It may have happened in part: the batch must not be stored.
                    Err(CallError::Store(error)) => (Ok(GraphAnswer::default()), Err(error)),
                    answer => (answer, Ok(())),
                };
                work.waiting.push(Waiting::Ensure(reply, answer));
                failure?;
            }
            Message::Call {
                attempt,
                event,
                reply,
            } => self.client_calls(work, attempt, event, reply),
            Message::CallerGone { attempt } => self.forget_gone(attempt),
            Message::RunAnswered { row, id, answer } => self.run_answered(work, row, id, answer),
            Message::StatusAnswered { row, id, answer } => {
                self.status_answered(work, row, id, answer);
            }
            Message::CancelAnswered { row, id, answer } => {
                self.cancel_answered(work, row, id, answer);
            }
            Message::Notified(notification) => self.notified(work, notification),
            Message::Receive {
                id,
                payload,
                config_name,
                reply,
            } => {
                let received = self.record_payload(work, id, payload, Some(&config_name));
                work.waiting.push(Waiting::Received(reply, received));
            }
            Message::NotificationHandled {
                row,
                notification,
                answer,
            } => self.notification_handled(work, row, &notification, answer),
            Message::Propagate { row, attempt } => {
                work.batch.journal_done.push(row.id);
                work.ended.push_back(attempt);
            }
            Message::WithTasks { answer, tasks } => {
                self.enqueue(work, tasks);
                self.take(work, *answer)?;
            }
            Message::Enqueue { task, reply } => {
                self.enqueue(work, vec![task]);
                work.waiting.push(Waiting::Call(reply, Ok(())));
            }
            Message::TaskAnswered { task, answer } => self.task_answered(work, task, answer),
            Message::Delivered {
                notifications,
                tasks,
                reply,
            } => {
                self.enqueue(work, tasks);
                for notification in notifications {
                    self.record_notification(work, notification);
                }
                work.waiting.push(Waiting::Call(reply, Ok(())));
            }
            Message::Order { order, reply } => {
                let answer = self.carry_out(work, order);
                work.waiting.push(Waiting::Order(reply, answer));
            }
            Message::Tick => self.wake_due(work)?,
            Message::Flush(reply) => work.waiting.push(Waiting::Flush(reply)),
            Message::ForgetEnded(reply) => {
                work.forget = true;
                work.waiting.push(Waiting::Flush(reply));
            }
            Message::Again | Message::Stop => {}
        }
        Ok(())
    }

    /// Makes sure that these attempts are in `work`, present or known to be absent.
    pub(super) fn load(&mut self, work: &mut Work, ids: &[AttemptId]) -> Result<(), StoreError> {
        let mut missing = Vec::new();
        for id in ids {
            if work.knows(id) {
                continue;
            }
            // Taken out, not copied: it comes back with the commit, and a failed one empties
            // the cache anyway.
            match self.attempts.pop(id) {
                Some(record) => work.insert(*id, Some(record)),
                None => {
                    work.insert(*id, None);
                    missing.push(*id);
                }
            }
        }
        if !missing.is_empty() {
            let found = self.store.attempts(&missing)?;
            for (id, record) in missing.into_iter().zip(found) {
                work.insert(id, record);
            }
        }
        Ok(())
    }

    /// One event for one attempt that is loaded.
    pub(super) fn apply(
        &mut self,
        work: &mut Work,
        id: AttemptId,
        event: Event,
    ) -> Result<(), CallError> {
        let now = work.now;
        let Some(record) = work.record_mut(&id) else {
            return Err(CallError::NotFound(id));
        };
        let before = Occupation::of(record);
        let effects = machine::apply(record, event, now)?;
        self.lanes.change(id, before, Occupation::of(record));
        work.touch(id);
        self.owe(work, id, effects);
        self.answer_early(work, id);
        Ok(())
    }

    /// An event that cannot be refused: a missing attempt or a stale event changes nothing.
    pub(super) fn apply_quietly(&mut self, work: &mut Work, id: AttemptId, event: Event) {
        if let Err(error) = self.apply(work, id, event) {
            tracing::debug!(attempt = %id, %error, "ignored");
        }
    }

    /// Turns effects into journal rows and to-do lists of this batch.
    pub(super) fn owe(&mut self, work: &mut Work, id: AttemptId, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ready => {
                    self.next_ready += 1;
                    if let Some(record) = work.record_mut(&id) {
                        record.ready = Some(self.next_ready);
                    }
                    work.ready.push(id);
                }
                Effect::Run => {
                    let number = work
                        .record(&id)
                        .and_then(|record| record.prepared.as_ref())
                        .map_or(0, |prepared| prepared.execution);
                    self.owe_call(work, JournalKind::Run, id, number, None);
                }
                Effect::GetStatus => {
                    let number = work.record(&id).map_or(0, |it| it.current_execution);
                    self.owe_call(work, JournalKind::GetStatus, id, number, None);
                }
                Effect::CancelTask {
                    execution,
                    config,
                    token,
                } => {
                    let target = Some((config, token));
                    self.owe_call(work, JournalKind::Cancel, id, execution, target);
                }
                Effect::Release { config, token } => work.released.push((config, token)),
                Effect::Archive(execution) => work.batch.past_executions.push((id, *execution)),
                Effect::Ended => work.ended.push_back(id),
                Effect::Abandon => {
                    let number = work
                        .record(&id)
                        .and_then(|record| record.prepared.as_ref())
                        .map_or(0, |prepared| prepared.execution);
                    work.abandoned.push(ExecutionId {
                        attempt: id,
                        number,
                    });
                }
            }
        }
    }

    pub(super) fn owe_call(
        &mut self,
        work: &mut Work,
        kind: JournalKind,
        attempt: AttemptId,
        execution: u32,
        target: Option<(
            Arc<distributor_core::ConfigSnapshot>,
            distributor_core::Token,
        )>,
    ) {
        self.next_journal += 1;
        work.batch.journal_added.push(JournalRecord {
            id: self.next_journal,
            kind,
            attempt,
            execution,
            due: None,
            tries: 0,
            target,
            payload: Vec::new(),
        });
    }

    /// What is stored may be another thing than what is remembered.
    pub(super) fn forget(&mut self) {
        self.attempts.clear();
        self.descs.clear();
    }

    /// Nothing of the batch happened. What is stored is still true, so the host begins anew from it
    /// in a moment: calls whose answers were lost with the batch are still owed (DC-24).
    pub(super) fn failed(&mut self, error: &StoreError) {
        tracing::error!(%error, "store failed; will begin again from what is stored");
        self.forget();
        self.refuse_early(&error.to_string());
        let until = self.clock.now().after(STORE_RETRY);
        self.trouble = Some(Trouble {
            until,
            error: error.to_string(),
        });
        self.next_due.send_replace(Some(until));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the commit delay: what comes meanwhile is the point, and no result depends on its length"
)]
fn wait(delay: Duration) {
    std::thread::sleep(delay);
}

fn attempts_of(message: &Message, wanted: &mut Vec<AttemptId>) {
    match message {
        Message::Ensure { request, .. } => {
            for quest in &request.quests {
                for attempt in &quest.attempts {
                    wanted.push(quest.quest.id.attempt(attempt.number));
                    wanted.extend(&attempt.needs);
                }
            }
            wanted.extend(&request.attempts);
            wanted.extend(request.dependent.iter().map(|it| it.execution.attempt));
        }
        Message::Call { attempt, .. } | Message::Propagate { attempt, .. } => {
            wanted.push(*attempt);
        }
        Message::RunAnswered { id, .. }
        | Message::StatusAnswered { id, .. }
        | Message::CancelAnswered { id, .. }
        | Message::Receive { id, .. } => wanted.push(id.attempt),
        Message::NotificationHandled { notification, .. } => {
            wanted.push(notification.id.attempt);
        }
        Message::Notified(notification) => wanted.push(notification.id.attempt),
        Message::WithTasks { answer, .. } => attempts_of(answer, wanted),
        Message::TaskAnswered {
            answer: Ok(notifications),
            ..
        }
        | Message::Delivered { notifications, .. } => {
            wanted.extend(notifications.iter().map(|it| it.id.attempt));
        }
        Message::Again
        | Message::TaskAnswered { .. }
        | Message::Enqueue { .. }
        | Message::Order { .. }
        | Message::CallerGone { .. }
        | Message::Tick
        | Message::Flush(_)
        | Message::ForgetEnded(_)
        | Message::Stop => {}
    }
}

/// Keeps a client's reply so that it is answered with the batch's failure.
fn refuse(work: &mut Work, message: Message) {
    match message {
        Message::Ensure { reply, .. } => {
            let answer = Ok(GraphAnswer::default());
            work.waiting.push(Waiting::Ensure(reply, answer));
        }
        Message::Call { reply, .. }
        | Message::Enqueue { reply, .. }
        | Message::Delivered { reply, .. } => work.waiting.push(Waiting::Call(reply, Ok(()))),
        Message::Order { reply, .. } => {
            work.waiting
                .push(Waiting::Order(reply, Ok(Ordered::default())));
        }
        Message::Receive { reply, .. } => {
            work.waiting
                .push(Waiting::Received(reply, Received::Unknown));
        }
        _ => {}
    }
}
