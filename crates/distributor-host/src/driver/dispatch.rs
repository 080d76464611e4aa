//! Journal rows on their way to the backends: what is under way, and what stays in the store.
//!
//! Rows are handed out in the order of their ids. When too many calls are under way the rest is not
//! kept in memory: it is read from the journal again once there is room, and the same way after a
//! restart.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use distributor_core::{AbandonSignal, Abandoned, AttemptId, ExecutionId, QuestId, dm};
use distributor_store::records::{AttemptRecord, JournalKind, JournalRecord};
use distributor_store::{PendingNotifications, StoreError};

use super::answers::{is_called_off, is_live};
use super::calls::{Call, CallContext, What, perform};
use super::committer::Committer;
use super::message::{Message, Row};
use super::payload;
use super::queue::Lane;
use super::received::{Parked, Pending};
use super::work::Work;

/// Rows read from the journal at once.
const REFILL: usize = 512;

pub(super) struct Dispatcher {
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) context: Arc<CallContext>,
    /// Rows whose call is under way.
    under_way: HashSet<u64>,
    /// Of these, and of the parked ones, those that have a due time in the store.
    leased: HashSet<u64>,
    /// Calls under way that are not `run`, notifications included.
    calls: usize,
    /// Not more than this many of them.
    most_calls: usize,
    /// The task queue, which has room of its own.
    pub(super) queue: Lane,
    abandon: HashMap<ExecutionId, AbandonSignal>,
    /// Immediate rows after this id are in the store and not handed out.
    waiting_after: Option<u64>,
    /// Rows whose time has come are in the store and not handed out.
    due_waits: bool,
    /// Rows that turned out to ask for nothing; removed with the next batch. For a notification, whom
    /// it is about and the length of its payload.
    pub(super) obsolete: HashMap<u64, Option<(ExecutionId, usize)>>,
    pub(super) notifications: Pending,
}

impl Dispatcher {
    pub(super) fn new(
        runtime: tokio::runtime::Handle,
        context: Arc<CallContext>,
        most_calls: usize,
        queue: Lane,
    ) -> Self {
        Dispatcher {
            most_calls,
            runtime,
            context,
            under_way: HashSet::new(),
            leased: HashSet::new(),
            calls: 0,
            queue,
            abandon: HashMap::new(),
            waiting_after: Some(0),
            due_waits: false,
            obsolete: HashMap::new(),
            notifications: Pending::default(),
        }
    }

    /// Everything in the journal that is not under way will be read again.
    pub(super) fn begin_anew(&mut self) {
        self.waiting_after = Some(0);
        self.queue.begin_anew();
    }

    /// The notifications that are stored, after [`Dispatcher::begin_anew`].
    pub(super) fn count_notifications(&mut self, stored: Vec<PendingNotifications>) {
        self.notifications.recount(stored);
        let under_way = &self.under_way;
        self.leased.retain(|row| under_way.contains(row));
    }

    /// The rows to be removed with this batch.
    pub(super) fn take_obsolete(&mut self) -> Vec<u64> {
        let mut rows = Vec::with_capacity(self.obsolete.len());
        for (row, notification) in self.obsolete.drain() {
            rows.push(row);
            if let Some((id, bytes)) = notification {
                self.notifications.remove(id, bytes);
            }
        }
        rows
    }

    /// The row will not be due any more.
    pub(super) fn unlease(&mut self, row: u64) {
        self.leased.remove(&row);
    }

    /// Notes that a call is no longer under way.
    pub(super) fn came_back(&mut self, message: &Message) {
        let row = match message {
            Message::WithTasks { answer, .. } => return self.came_back(answer),
            Message::TaskAnswered { task, .. } => return self.queue.came_back(task.id),
            Message::RunAnswered { row, id, .. } => {
                self.abandon.remove(id);
                row.id
            }
            Message::Propagate { row, .. } => row.id,
            Message::StatusAnswered { row, .. } | Message::CancelAnswered { row, .. } => {
                self.calls = self.calls.saturating_sub(1);
                row.id
            }
            Message::NotificationHandled {
                row, notification, ..
            } => {
                self.calls = self.calls.saturating_sub(1);
                let Some(row) = row else { return };
                self.notifications.end_call(notification.id);
                row.id
            }
            _ => return,
        };
        self.under_way.remove(&row);
        self.leased.remove(&row);
    }

    /// May one more hint be passed on, besides `accepted` of the same batch?
    pub(super) fn has_room_for_hint(&self, accepted: usize) -> bool {
        self.calls + accepted < self.most_calls
    }

    /// Enough calls have come back that it is worth reading more from the journal.
    fn has_room(&self) -> bool {
        self.calls <= self.most_calls / 2
    }

    /// The row's call was not made after all.
    fn put_back(&mut self, row: &JournalRecord) {
        if self.under_way.remove(&row.id) && is_limited(row.kind) {
            self.calls = self.calls.saturating_sub(1);
        }
        self.leased.remove(&row.id);
        if row.kind == JournalKind::HandleNotification {
            self.notifications.end_call(execution_of(row));
        }
    }

    /// The call was made, is not owed, or has to wait for another one.
    fn is_held(&self, row: u64) -> bool {
        self.under_way.contains(&row)
            || self.obsolete.contains_key(&row)
            || self.notifications.is_parked(row)
    }

    /// Must this notification wait for another one about the same execution?
    fn parks(&mut self, row: &JournalRecord) -> bool {
        let id = execution_of(row);
        if row.kind != JournalKind::HandleNotification || !self.notifications.is_calling(&id) {
            return false;
        }
        if row.due.is_some() {
            self.leased.insert(row.id);
        }
        let (row, bytes) = (row.id, row.payload.len());
        self.notifications.park(id, Parked { row, bytes });
        true
    }
}

impl Committer {
    /// After a commit: hands out the new rows, those that are due, and those that waited.
    pub(super) fn dispatch(&mut self, work: &mut Work) -> Result<(), StoreError> {
        for id in work.abandoned.drain(..) {
            if let Some(signal) = self.dispatcher.abandon.get(&id) {
                signal.abandon();
            }
        }
        let mut added = std::mem::take(&mut work.batch.journal_added);
        added.retain(|row| row.due.is_none());
        self.hand_out_parked()?;
        self.hand_out(added)?;
        self.dispatch_notifications(work)?;
        if work.tick {
            self.hand_out_due(work)?;
        }
        // Each turn fills the room or finds rows that ask for nothing any more, so it ends.
        while self.dispatcher.has_room() {
            if self.dispatcher.due_waits {
                // The ticker was told nothing of these.
                work.tick = true;
                self.hand_out_due(work)?;
            } else if let Some(after) = self.dispatcher.waiting_after {
                self.hand_out_waiting(after)?;
            } else {
                break;
            }
        }
        self.hand_out_parked()?;
        self.hand_out_tasks(work)
    }

    /// Notifications that waited for others about the same execution. Each turn hands them out or
    /// finds them obsolete, so it ends.
    fn hand_out_parked(&mut self) -> Result<(), StoreError> {
        loop {
            let next = self.dispatcher.notifications.next();
            if next.is_empty() {
                return Ok(());
            }
            let ids: Vec<u64> = next.iter().map(|(_, row)| *row).collect();
            let rows = self.store.journal_rows(&ids)?;
            for ((id, row), found) in next.iter().zip(&rows) {
                self.dispatcher.unlease(*row);
                if found.is_none() {
                    self.dispatcher.notifications.end_call(*id);
                }
            }
            self.hand_out(rows.into_iter().flatten().collect())?;
        }
    }

    fn hand_out_due(&mut self, work: &Work) -> Result<(), StoreError> {
        let dispatcher = &mut self.dispatcher;
        // Sets it again if they are too many.
        dispatcher.due_waits = false;
        // Those that are stored as due and must not be handed out come on top.
        let limit = REFILL + dispatcher.leased.len() + dispatcher.obsolete.len();
        let due = self.store.due_journal(work.now, limit)?;
        self.hand_out(due)
    }

    fn hand_out_waiting(&mut self, after: u64) -> Result<(), StoreError> {
        let rows = self.store.journal(after, REFILL)?;
        // Sets `waiting_after` back if they are too many after all.
        let all = rows.len() < REFILL;
        let last = rows.last().map(|row| row.id);
        self.dispatcher.waiting_after = last.filter(|_| !all);
        self.hand_out(rows)
    }

    /// Starts the calls of these rows, as far as there is room.
    fn hand_out(&mut self, mut rows: Vec<JournalRecord>) -> Result<(), StoreError> {
        let dispatcher = &mut self.dispatcher;
        let mut left_after: Option<u64> = None;
        rows.retain(|row| {
            if dispatcher.is_held(row.id) {
                return false;
            }
            if is_limited(row.kind) {
                let full = dispatcher.calls >= dispatcher.most_calls;
                let behind = dispatcher.waiting_after.is_some_and(|after| row.id > after);
                if (row.due.is_some() || !behind) && dispatcher.parks(row) {
                    return false;
                }
                if row.due.is_some() {
                    dispatcher.due_waits |= full;
                    if full {
                        return false;
                    }
                } else {
                    // Order matters: once one row has to wait, so do the immediate ones behind it.
                    if behind || left_after.is_some() || full || dispatcher.due_waits {
                        if !behind {
                            left_after = left_after.or(Some(row.id - 1));
                        }
                        return false;
                    }
                }
                dispatcher.calls += 1;
                if row.kind == JournalKind::HandleNotification {
                    dispatcher.notifications.begin_call(execution_of(row));
                }
            }
            dispatcher.under_way.insert(row.id);
            if row.due.is_some() {
                dispatcher.leased.insert(row.id);
            }
            true
        });
        if let Some(after) = left_after {
            let earlier = dispatcher.waiting_after.unwrap_or(after).min(after);
            dispatcher.waiting_after = Some(earlier);
        }
        let called = self.call(&rows);
        if called.is_err() {
            for row in &rows {
                self.dispatcher.put_back(row);
            }
        }
        called
    }

    /// On an error no call was made.
    fn call(&mut self, rows: &[JournalRecord]) -> Result<(), StoreError> {
        let ids: Vec<AttemptId> = rows.iter().map(|row| row.attempt).collect();
        let records = self.peek(&ids)?;
        let quests: Vec<QuestId> = ids.iter().map(|id| id.quest).collect();
        let descs = self.descs_of(&quests)?;
        for ((row, record), desc) in rows.iter().zip(records).zip(descs) {
            if row.kind == JournalKind::Propagate {
                let _stopped = self.inbox.send(Message::Propagate {
                    row: row_of(row),
                    attempt: row.attempt,
                });
                continue;
            }
            let call = match (record, desc) {
                (Some(record), Some(desc)) => self.call_of(row, &record, desc),
                _ => None,
            };
            match call {
                Some(call) => {
                    let context = self.dispatcher.context.clone();
                    self.dispatcher.runtime.spawn(perform(context, call));
                }
                None => {
                    self.dispatcher.put_back(row);
                    let is_notification = row.kind == JournalKind::HandleNotification;
                    let notification =
                        is_notification.then(|| (execution_of(row), row.payload.len()));
                    self.dispatcher.obsolete.insert(row.id, notification);
                }
            }
        }
        Ok(())
    }

    /// `None` if the record has moved on and nothing is owed any more.
    fn call_of(
        &mut self,
        row: &JournalRecord,
        record: &AttemptRecord,
        desc: Arc<dm::quest::Desc>,
    ) -> Option<Call> {
        let id = execution_of(row);
        let (config, what) = match row.kind {
            JournalKind::Run => {
                let prepared = record.prepared.as_ref()?;
                if prepared.execution != row.execution {
                    return None;
                }
                let (signal, abandoned) = Abandoned::channel();
                if record.is_final() || is_called_off(record) {
                    // Only to learn of a task that an earlier try may have started.
                    signal.abandon();
                }
                self.dispatcher.abandon.insert(id, signal);
                let what = What::Run {
                    activation_token: prepared.activation_token.0.clone(),
                    last_successful_execution: record.last_successful_execution,
                    abandoned,
                };
                (prepared.config.clone(), what)
            }
            JournalKind::GetStatus => {
                let execution = record.execution.as_ref()?;
                if execution.number != row.execution || !execution.polling {
                    return None;
                }
                let token = execution.token.clone();
                (execution.config.clone(), What::GetStatus { token })
            }
            JournalKind::Cancel => {
                let (config, token) = row.target.clone()?;
                (config, What::Cancel { token })
            }
            JournalKind::HandleNotification => {
                let execution = record.execution.as_ref()?;
                if !is_live(record, row.execution) {
                    return None;
                }
                let notification = Arc::new(payload::decode(id, &row.payload)?);
                let what = What::Notification {
                    row: Some(row_of(row)),
                    notification,
                    token: execution.token.clone(),
                };
                (execution.config.clone(), what)
            }
            JournalKind::Propagate => return None,
        };
        Some(Call {
            row: row_of(row),
            id,
            desc,
            config,
            what,
        })
    }

    /// Hints are not in the journal unless they have failed.
    fn dispatch_notifications(&mut self, work: &mut Work) -> Result<(), StoreError> {
        let notified = std::mem::take(&mut work.notified);
        if notified.is_empty() {
            return Ok(());
        }
        let ids: Vec<AttemptId> = notified.iter().map(|it| it.id.attempt).collect();
        let quests: Vec<QuestId> = ids.iter().map(|id| id.quest).collect();
        let records = self.peek(&ids)?;
        let descs = self.descs_of(&quests)?;
        for ((notification, record), desc) in notified.into_iter().zip(records).zip(descs) {
            // Its end may have been in the same batch.
            let live = record.filter(|record| is_live(record, notification.id.number));
            let execution = live.and_then(|record| record.execution);
            let (Some(execution), Some(desc)) = (execution, desc) else {
                continue;
            };
            self.dispatcher.calls += 1;
            let call = Call {
                row: Row::default(),
                id: notification.id,
                desc,
                config: execution.config,
                what: What::Notification {
                    row: None,
                    notification,
                    token: execution.token,
                },
            };
            let context = self.dispatcher.context.clone();
            self.dispatcher.runtime.spawn(perform(context, call));
        }
        Ok(())
    }

    fn peek(&mut self, ids: &[AttemptId]) -> Result<Vec<Option<AttemptRecord>>, StoreError> {
        let mut records: Vec<_> = ids
            .iter()
            .map(|id| self.attempts.get(id).cloned())
            .collect();
        let missing: Vec<usize> = (0..ids.len()).filter(|at| records[*at].is_none()).collect();
        if !missing.is_empty() {
            let wanted: Vec<AttemptId> = missing.iter().map(|at| ids[*at]).collect();
            for (at, record) in missing.into_iter().zip(self.store.attempts(&wanted)?) {
                records[at] = record;
            }
        }
        Ok(records)
    }

    fn descs_of(
        &mut self,
        ids: &[QuestId],
    ) -> Result<Vec<Option<Arc<dm::quest::Desc>>>, StoreError> {
        let mut descs: Vec<_> = ids.iter().map(|id| self.descs.get(id).cloned()).collect();
        let missing: Vec<usize> = (0..ids.len()).filter(|at| descs[*at].is_none()).collect();
        if !missing.is_empty() {
            let wanted: Vec<QuestId> = missing.iter().map(|at| ids[*at]).collect();
            for (at, quest) in missing.into_iter().zip(self.store.quests(&wanted)?) {
                descs[at] = quest.map(|quest| quest.desc);
                if let Some(desc) = &descs[at] {
                    self.descs.put(ids[at], desc.clone());
                }
            }
        }
        Ok(descs)
    }

    /// The earliest moment at which the store holds something to do.
    pub(super) fn stored_due(&self) -> Result<Option<distributor_core::Timestamp>, StoreError> {
        let dispatcher = &self.dispatcher;
        if dispatcher.leased.is_empty() && !dispatcher.due_waits {
            return self.store.next_due();
        }
        let end_of_time = distributor_core::Timestamp::from_micros(i64::MAX);
        // Rows that wait for room are looked for when there is some, and the later ones with them.
        let row = if dispatcher.due_waits {
            None
        } else {
            let rows = self
                .store
                .due_journal(end_of_time, dispatcher.leased.len() + 1)?;
            rows.iter()
                .find(|row| !dispatcher.leased.contains(&row.id))
                .and_then(|row| row.due)
        };
        let first = self.store.due_attempts(end_of_time, 1)?;
        let attempt = self
            .store
            .attempts(&first)?
            .into_iter()
            .flatten()
            .find_map(|record| record.wake_at());
        Ok(match (row, attempt) {
            (Some(row), Some(attempt)) => Some(row.min(attempt)),
            (row, attempt) => row.or(attempt),
        })
    }
}

/// `run` has a limit of its own, and telling dependents calls nobody.
fn is_limited(kind: JournalKind) -> bool {
    !matches!(kind, JournalKind::Run | JournalKind::Propagate)
}

fn row_of(record: &JournalRecord) -> Row {
    Row {
        id: record.id,
        tries: record.tries,
        bytes: record.payload.len(),
    }
}

fn execution_of(row: &JournalRecord) -> ExecutionId {
    row.attempt.execution(row.execution)
}
