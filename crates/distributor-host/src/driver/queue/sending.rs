//! What backends send to themselves.
//!
//! A task that is sent while the host waits for the backend's answer to a call is stored with that
//! answer, or vanishes with it (DC-17). One that is sent from anywhere else is stored by itself.

use std::sync::{Arc, Mutex, PoisonError};

use distributor_core::{Clock, ConfigSnapshot, Error, ErrorKind, QueueTask, Result, Timestamp};
use distributor_store::{QueueRecord, QueueState};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::room::{Reservation, Room};
use crate::driver::committer::Committer;
use crate::driver::message::Message;
use crate::driver::work::Work;

/// Headers and body of one task, together, in bytes.
const LARGEST: usize = 1 << 20;

tokio::task_local! {
    /// What was sent during the call that this task makes.
    static SENT: Mutex<Vec<NewTask>>;
}

/// A task that is accepted and not stored yet.
#[derive(Debug)]
pub(in crate::driver) struct NewTask {
    config: Arc<ConfigSnapshot>,
    content: QueueTask,
    created: Timestamp,
    due: Timestamp,
    place: Reservation,
}

/// Takes tasks from backends.
#[derive(Debug)]
pub(in crate::driver) struct Sender {
    pub(in crate::driver) room: Arc<Room>,
    pub(in crate::driver) inbox: UnboundedSender<Message>,
    pub(in crate::driver) clock: Arc<dyn Clock>,
}

impl Sender {
    /// Within a call of the host, the task is stored with the call's success. Outside, it is stored
    /// when this returns.
    ///
    /// # Errors
    /// `InvalidArgument` for a task that is too large; `ResourceExhausted` if the queue is full, and
    /// `Unavailable` if the task could not be stored, both transient.
    pub(in crate::driver) async fn enqueue(
        &self,
        config: &ConfigSnapshot,
        task: QueueTask,
    ) -> Result<()> {
        let task = self.accept(config, task)?;
        let mut task = Some(task);
        let _outside = SENT.try_with(|sent| {
            let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
            sent.extend(task.take());
        });
        match task {
            None => Ok(()),
            Some(task) => self.store(task).await,
        }
    }

    fn accept(&self, config: &ConfigSnapshot, task: QueueTask) -> Result<NewTask> {
        let named = task.headers.iter();
        let named: usize = named.map(|(name, value)| name.len() + value.len()).sum();
        let size = named.saturating_add(task.body.len());
        if size > LARGEST {
            let message = format!(
                "queue task: body ({} bytes) and headers ({named} bytes) are larger than {LARGEST} \
                 bytes; keep the data elsewhere and send its name",
                task.body.len()
            );
            return Err(Error::new(ErrorKind::InvalidArgument, message).not_applied());
        }
        let now = self.clock.now();
        Ok(NewTask {
            config: Arc::new(config.clone()),
            created: now,
            due: now.after(task.delay),
            content: task,
            place: self.room.reserve(size as u64)?,
        })
    }

    async fn store(&self, task: NewTask) -> Result<()> {
        let (reply, stored) = oneshot::channel();
        let sent = self.inbox.send(Message::Enqueue { task, reply });
        let stopped = || Error::new(ErrorKind::Unavailable, "the host has stopped").transient();
        sent.map_err(|_| stopped().not_applied())?;
        let stored = stored.await.map_err(|_| stopped())?;
        stored.map_err(|error| {
            let message = "the queue task could not be stored";
            let unstored = Error::new(ErrorKind::Unavailable, message);
            unstored.because(error).transient()
        })
    }
}

/// Performs a call, and collects what it sends.
pub(in crate::driver) async fn collecting<T>(call: impl Future<Output = T>) -> (T, Vec<NewTask>) {
    let collected = async {
        let answer = call.await;
        let sent = SENT
            .with(|sent| std::mem::take(&mut *sent.lock().unwrap_or_else(PoisonError::into_inner)));
        (answer, sent)
    };
    SENT.scope(Mutex::default(), collected).await
}

/// The message of an answer, with what was sent during the call if the call succeeded.
pub(in crate::driver) fn with_tasks((answer, tasks): (Message, Vec<NewTask>)) -> Message {
    if tasks.is_empty() || !answer.is_success() {
        return answer;
    }
    let answer = Box::new(answer);
    Message::WithTasks { answer, tasks }
}

impl Committer {
    pub(in crate::driver) fn enqueue(&mut self, work: &mut Work, tasks: Vec<NewTask>) {
        for task in tasks {
            self.next_journal += 1;
            work.batch.queue_added.push(QueueRecord {
                id: self.next_journal,
                config: task.config,
                headers: task.content.headers,
                body: task.content.body,
                created: task.created,
                due: task.due,
                tries: 0,
                state: QueueState::Pending,
                last_error: None,
            });
            work.reserved.push(task.place);
        }
    }
}
