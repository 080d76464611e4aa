//! The table of tasks, together with its log: who runs, how each ended.
//!
//! Bookkeeping only: it refuses to start anything and to talk to the host. Each change is one call,
//! and the log has it first.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use distributor_core::{ExecutionId, Secret};
use sha2::{Digest, Sha256};
use tokio::task::AbortHandle;

use super::log::{Known, Log};
use super::outcome::Outcome;
use crate::task::Order;

/// Sets these keys apart from all else that is derived from an activation token.
const KEY_DOMAIN: &[u8] = b"jobsim task key v1\0";

/// A task that the host may ask for.
#[derive(Debug)]
struct Task {
    key: String,
    phase: Phase,
    /// Length of its record that counts.
    logged: u64,
}

#[derive(Debug)]
enum Phase {
    Running(Arc<Order>, AbortHandle),
    Ended(Outcome),
}

/// All tasks of one pool that the host has not released.
#[derive(Debug, Default)]
pub(super) struct Table {
    tasks: HashMap<ExecutionId, Task>,
    log: Option<Log>,
}

/// Tells whether two `run`s of one execution mean the same task: a digest of its activation token.
/// The tokens of one execution differ only if the host has forgotten the first, and then that task
/// is nobody's (DC-27).
pub(super) fn key(activation_token: &Secret) -> String {
    let mut digest = Sha256::new();
    digest.update(KEY_DOMAIN);
    digest.update(activation_token.expose());
    let digest = digest.finalize();
    STANDARD_NO_PAD.encode(digest.get(..16).unwrap_or(&digest))
}

impl Table {
    /// The table that the log describes. `start` begins the execution of a task again.
    ///
    /// # Errors
    /// The log cannot be used.
    pub(super) fn open(
        path: &Path,
        start: impl Fn(&Arc<Order>) -> AbortHandle,
    ) -> io::Result<Self> {
        let (log, known) = Log::open(path)?;
        let mut tasks = HashMap::with_capacity(known.len());
        for (id, known) in known {
            let (key, phase) = match known {
                Known::Started(order) => {
                    let order = Arc::new(order.into_owned());
                    let handle = start(&order);
                    (key(&order.activation_token), Phase::Running(order, handle))
                }
                Known::Ended { key, outcome } => {
                    (key.into_owned(), Phase::Ended(outcome.into_owned()))
                }
            };
            // What is not counted as logged is only written anew a little later.
            let logged = 0;
            tasks.insert(id, Task { key, phase, logged });
        }
        let log = Some(log);
        Ok(Table { tasks, log })
    }

    /// How the task stands: `None` if it is not here, else its outcome once it has one.
    pub(super) fn get(&self, id: ExecutionId) -> Option<Option<&Outcome>> {
        self.tasks.get(&id).map(|task| match &task.phase {
            Phase::Running(..) => None,
            Phase::Ended(outcome) => Some(outcome),
        })
    }

    /// The same, if it is the task that `key` means.
    pub(super) fn find(&self, id: ExecutionId, key: &str) -> Option<Option<&Outcome>> {
        let same = self.tasks.get(&id).is_some_and(|task| task.key == key);
        if same { self.get(id) } else { None }
    }

    /// Enters a task, in place of another one of the same execution, and starts it.
    ///
    /// # Errors
    /// The log could not be written; nothing was started.
    pub(super) fn start(
        &mut self,
        order: Arc<Order>,
        start: impl FnOnce(&Arc<Order>) -> AbortHandle,
    ) -> io::Result<()> {
        let id = order.execution;
        let logged = match &mut self.log {
            Some(log) => log.append(id, &Known::Started(Cow::Borrowed(&order)))?,
            None => 0,
        };
        let key = key(&order.activation_token);
        let handle = start(&order);
        let phase = Phase::Running(order, handle);
        let task = Task { key, phase, logged };
        if let Some(former) = self.tasks.insert(id, task) {
            former.abort();
            self.waste(former.logged);
        }
        Ok(())
    }

    /// Records how the task that `key` means has ended. False if there is nothing to record: it is
    /// over already, or nobody's.
    pub(super) fn end(&mut self, id: ExecutionId, key: &str, outcome: &Outcome) -> bool {
        let Some(task) = self.tasks.get_mut(&id) else {
            return false;
        };
        if task.key != key || matches!(task.phase, Phase::Ended(_)) {
            return false;
        }
        task.abort();
        task.phase = Phase::Ended(outcome.clone());
        let ended = Known::Ended {
            key: Cow::Borrowed(key),
            outcome: Cow::Borrowed(outcome),
        };
        // If this is lost in a crash, the task is executed again and finds that it is over.
        let logged = self
            .log
            .as_mut()
            .and_then(|log| log.append(id, &ended).ok());
        let wasted = std::mem::replace(&mut task.logged, logged.unwrap_or_default());
        self.waste(wasted);
        true
    }

    /// Ends whichever task the execution has, if it runs.
    pub(super) fn end_any(&mut self, id: ExecutionId, outcome: &Outcome) -> bool {
        match self.tasks.get(&id).map(|task| task.key.clone()) {
            Some(key) => self.end(id, &key, outcome),
            None => false,
        }
    }

    /// Forgets a task.
    pub(super) fn release(&mut self, id: ExecutionId) {
        let Some(task) = self.tasks.remove(&id) else {
            return;
        };
        task.abort();
        if let Some(log) = &mut self.log {
            log.append_release(id);
        }
        self.waste(task.logged);
    }

    /// The tasks that are over.
    pub(super) fn ended(&self) -> Vec<ExecutionId> {
        let ended = self
            .tasks
            .iter()
            .filter(|(_, task)| matches!(task.phase, Phase::Ended(_)));
        ended.map(|(id, _)| *id).collect()
    }

    /// Stops all that runs, without a word in the log: the next life goes on with it.
    pub(super) fn abort_all(&mut self) {
        for task in self.tasks.values() {
            task.abort();
        }
        self.tasks.clear();
        self.log = None;
    }

    /// So many bytes of the log are needed no more.
    fn waste(&mut self, length: u64) {
        let Some(log) = &mut self.log else {
            return;
        };
        log.waste(length);
        if log.is_mostly_dead() {
            let tasks = self.tasks.iter().map(|(id, task)| (*id, task.known()));
            log.rewrite(tasks);
        }
    }
}

impl Task {
    fn abort(&self) {
        if let Phase::Running(_, handle) = &self.phase {
            handle.abort();
        }
    }

    fn known(&self) -> Known<'_> {
        match &self.phase {
            Phase::Running(order, _) => Known::Started(Cow::Borrowed(order)),
            Phase::Ended(outcome) => Known::Ended {
                key: Cow::Borrowed(&self.key),
                outcome: Cow::Borrowed(outcome),
            },
        }
    }
}
