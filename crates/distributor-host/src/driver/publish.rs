//! After the commit: answers, calls and news. Nothing here can be seen before it is durable.

use distributor_core::Timestamp;
use distributor_store::records::AttemptRecord;

use super::committer::Committer;
use super::message::{AttemptChange, Message};
use super::queue::next_due_of;
use super::work::{Waiting, Work};

impl Committer {
    pub(super) fn publish(&mut self, mut work: Work) {
        let settled = self.settle_tasks(&mut work);
        let mut due = earlier(earliest_delay(&work), next_due_of(&work.batch, work.now));
        for mut record in std::mem::take(&mut work.batch.attempts) {
            record.version += 1;
            due = earlier(due, record.wake_at());
            // Nobody listening is fine.
            let _nobody = self.changes.send(change_of(&record));
            self.attempts.put(record.id, record);
        }
        for record in work.unchanged() {
            self.attempts.put(record.id, record);
        }
        for quest in work.batch.quests.drain(..) {
            self.descs.put(quest.id, quest.desc);
        }
        if work.forget {
            self.forget();
        }
        for waiting in work.waiting.drain(..) {
            match waiting {
                Waiting::Ensure(reply, answer) => {
                    let _gone = reply.send(answer);
                }
                Waiting::Call(reply, answer) => {
                    let _gone = reply.send(answer);
                }
                Waiting::Order(reply, answer) => {
                    let _gone = reply.send(answer);
                }
                Waiting::Received(reply, received) => {
                    let _gone = reply.send(Ok(received));
                }
                Waiting::Flush(reply) => {
                    let _gone = reply.send(());
                }
            }
        }
        self.release(&mut work);
        if let Err(error) = settled.and_then(|()| self.dispatch(&mut work)) {
            self.dispatcher.begin_anew();
            self.failed(&error);
            return;
        }
        if self.starts_at.is_some_and(|at| at <= work.now) {
            self.starts_at = None;
        }
        if self.can_start_more(&work) || !self.dispatcher.obsolete.is_empty() {
            let _stopped = self.inbox.send(Message::Again);
        }
        self.arm(due, work.tick);
    }

    /// Tells the ticker when to come back.
    fn arm(&mut self, due: Option<Timestamp>, tick: bool) {
        let mut due = earlier(due, self.starts_at);
        if tick {
            let task = self.next_task_due();
            match task.and_then(|task| Ok(earlier(task, self.stored_due()?))) {
                Ok(stored) => due = earlier(due, stored),
                Err(error) => return self.failed(&error),
            }
            self.next_due.send_replace(due);
        } else {
            self.next_due.send_if_modified(|armed| {
                let next = earlier(*armed, due);
                let changed = next != *armed;
                *armed = next;
                changed
            });
        }
    }

    /// Lets backends forget ended tasks, away from this thread: it is their code.
    fn release(&mut self, work: &mut Work) {
        if work.released.is_empty() {
            return;
        }
        let released = std::mem::take(&mut work.released);
        let source = self.source.clone();
        self.dispatcher.runtime.spawn_blocking(move || {
            for (config, token) in released {
                if let Ok(distributor) = source.distributor(&config) {
                    distributor.release(&token);
                }
            }
        });
    }
}

fn earliest_delay(work: &Work) -> Option<Timestamp> {
    let delayed = work.batch.journal_delayed.iter().map(|row| row.due);
    let added = work.batch.journal_added.iter().filter_map(|row| row.due);
    delayed.chain(added).min()
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

fn change_of(record: &AttemptRecord) -> AttemptChange {
    AttemptChange {
        id: record.id,
        state: record.state,
        execution: record.current_execution,
        execution_state: record.execution.as_ref().map(|execution| execution.state),
    }
}
