//! A store that fails when it is told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use distributor_core::{AttemptId, ConfigSnapshot, QuestId, Timestamp};
use distributor_store::records::{
    AttemptRecord, DependencyRecord, ExecutionRecord, JournalRecord, QuestRecord,
};
use distributor_store::{
    AttemptFilter, AttemptPage, Batch, Collected, DueTask, EdgeCursor, EdgePage,
    PendingNotifications, QueueCounts, QueuePage, QueueRecord, QueueState, Result, StateCounts,
    Store, StoreError,
};
use tokio::sync::watch;

/// How a commit goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommitFault {
    /// Nothing is written.
    Lost,
    /// All is written, and the caller is told otherwise.
    Doubtful,
}

#[derive(Debug, Default)]
struct Plan {
    commits: u64,
    /// By number of the commit, from 1.
    commit_faults: Vec<(u64, CommitFault)>,
    /// Commits after this one fail: the process has died.
    dies_after: Option<u64>,
    /// Method and how many of its next calls fail.
    read_faults: Vec<(&'static str, usize)>,
    reads: BTreeMap<&'static str, usize>,
    /// Attempts that were asked for.
    attempts: usize,
    /// Most attempts that one batch held.
    largest: usize,
    /// The next commit waits for the other end of this to go.
    hold: Option<mpsc::Receiver<()>>,
    /// The next read with this method waits likewise.
    hold_read: Option<(&'static str, mpsc::Receiver<()>)>,
    /// How many further reads succeed before one fails.
    reads_left: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct FaultyStore {
    inner: Arc<dyn Store>,
    plan: Mutex<Plan>,
    failed: watch::Sender<usize>,
    held: watch::Sender<bool>,
}

/// Holds a commit or a read back until it is dropped.
pub(crate) struct Hold {
    _open: mpsc::Sender<()>,
}

impl FaultyStore {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        FaultyStore {
            inner,
            plan: Mutex::default(),
            failed: watch::Sender::new(0),
            held: watch::Sender::new(false),
        }
    }

    /// The next commit waits, and with it the host's only writer.
    pub(crate) fn hold_next_commit(&self) -> Hold {
        let (open, wait) = mpsc::channel();
        self.held.send_replace(false);
        self.plan.lock().expect("plan").hold = Some(wait);
        Hold { _open: open }
    }

    /// The next read with this method waits, and with it whoever reads.
    pub(crate) fn hold_next_read(&self, method: &'static str) -> Hold {
        let (open, wait) = mpsc::channel();
        self.held.send_replace(false);
        self.plan.lock().expect("plan").hold_read = Some((method, wait));
        Hold { _open: open }
    }

    /// Returns once a commit or a read is held.
    pub(crate) async fn held(&self) {
        let mut held = self.held.subscribe();
        held.wait_for(|held| *held).await.expect("the store lives");
    }

    /// Commits that succeeded so far.
    pub(crate) fn commits(&self) -> u64 {
        self.plan.lock().expect("plan").commits
    }

    /// The next commit goes wrong.
    pub(crate) fn fail_next_commit(&self, fault: CommitFault) {
        let mut plan = self.plan.lock().expect("plan");
        let next = plan.commits + 1;
        plan.commit_faults.push((next, fault));
    }

    /// The commit with this number, from 1, goes wrong.
    pub(crate) fn fail_commit(&self, number: u64, fault: CommitFault) {
        let mut plan = self.plan.lock().expect("plan");
        plan.commit_faults.push((number, fault));
    }

    /// After `reads` further reads one fails.
    pub(crate) fn fail_read_after(&self, reads: u64) {
        self.plan.lock().expect("plan").reads_left = Some(reads);
    }

    /// No commit but the first `commits` will succeed.
    pub(crate) fn die_after(&self, commits: u64) {
        self.plan.lock().expect("plan").dies_after = Some(commits);
    }

    pub(crate) fn die_now(&self) {
        self.die_after(0);
    }

    /// Works again.
    pub(crate) fn heal(&self) {
        self.plan.lock().expect("plan").dies_after = None;
    }

    /// The next `times` reads with this method fail.
    pub(crate) fn fail_reads(&self, method: &'static str, times: usize) {
        let mut plan = self.plan.lock().expect("plan");
        plan.read_faults.push((method, times));
    }

    /// Returns once `times` calls have failed since the beginning.
    pub(crate) async fn failed(&self, times: usize) {
        let mut failed = self.failed.subscribe();
        let wait = failed.wait_for(|failed| *failed >= times).await;
        wait.expect("the store lives");
    }

    pub(crate) fn failures(&self) -> usize {
        *self.failed.borrow()
    }

    /// How often this method was called so far.
    pub(crate) fn reads(&self, method: &'static str) -> usize {
        let plan = self.plan.lock().expect("plan");
        plan.reads.get(method).copied().unwrap_or(0)
    }

    /// Most attempts that one commit wrote since the last time.
    pub(crate) fn largest_commit(&self) -> usize {
        std::mem::take(&mut self.plan.lock().expect("plan").largest)
    }

    /// How many attempts were asked for since the last time.
    pub(crate) fn count_attempts(&self) -> usize {
        std::mem::take(&mut self.plan.lock().expect("plan").attempts)
    }

    fn fail(&self) -> StoreError {
        self.failed.send_modify(|failed| *failed += 1);
        StoreError::Engine("scripted failure".into())
    }

    fn read(&self, method: &'static str) -> Result<()> {
        let mut plan = self.plan.lock().expect("plan");
        if let Some((_, hold)) = plan.hold_read.take_if(|(held, _)| *held == method) {
            drop(plan);
            self.held.send_replace(true);
            let _gone = hold.recv();
            plan = self.plan.lock().expect("plan");
        }
        *plan.reads.entry(method).or_default() += 1;
        match plan.reads_left {
            Some(0) => {
                plan.reads_left = None;
                drop(plan);
                return Err(self.fail());
            }
            Some(left) => plan.reads_left = Some(left - 1),
            None => {}
        }
        let fault = plan.read_faults.iter_mut();
        for (name, times) in fault {
            if *name == method && *times > 0 {
                *times -= 1;
                drop(plan);
                return Err(self.fail());
            }
        }
        Ok(())
    }
}

/// Reads that may fail and are passed on otherwise.
macro_rules! pass_on {
    ($(fn $method:ident(&self $(, $argument:ident: $type:ty)*) -> $result:ty;)*) => {
        $(fn $method(&self $(, $argument: $type)*) -> $result {
            self.read(stringify!($method))?;
            self.inner.$method($($argument),*)
        })*
    };
}

impl Store for FaultyStore {
    fn commit(&self, batch: &Batch) -> Result<()> {
        let hold = self.plan.lock().expect("plan").hold.take();
        if let Some(hold) = hold {
            self.held.send_replace(true);
            let _gone = hold.recv();
        }
        let mut plan = self.plan.lock().expect("plan");
        let number = plan.commits + 1;
        let dead = plan.dies_after.is_some_and(|last| number > last);
        let fault = plan.commit_faults.iter().position(|(at, _)| *at == number);
        let fault = fault.map(|at| plan.commit_faults.remove(at).1);
        let fault = if dead { Some(CommitFault::Lost) } else { fault };
        if fault != Some(CommitFault::Lost) {
            self.inner.commit(batch)?;
            plan.commits = number;
            plan.largest = plan.largest.max(batch.attempts.len());
        }
        drop(plan);
        match fault {
            Some(_) => Err(self.fail()),
            None => Ok(()),
        }
    }

    fn attempts(&self, ids: &[AttemptId]) -> Result<Vec<Option<AttemptRecord>>> {
        self.read("attempts")?;
        self.plan.lock().expect("plan").attempts += ids.len();
        self.inner.attempts(ids)
    }

    pass_on! {
        fn quests(&self, ids: &[QuestId]) -> Result<Vec<Option<QuestRecord>>>;
        fn quests_with_prefix(&self, prefix: &str, limit: usize) -> Result<Vec<QuestId>>;
        fn attempt_numbers(&self, quest: QuestId) -> Result<Vec<u32>>;
        fn executions(&self, attempt: AttemptId, limit: usize) -> Result<Vec<ExecutionRecord>>;
        fn execution(&self, attempt: AttemptId, number: u32) -> Result<Option<ExecutionRecord>>;
        fn dependencies(&self, dependent: AttemptId) -> Result<Vec<DependencyRecord>>;
        fn untold_dependents(&self, dependency: AttemptId, limit: usize)
            -> Result<Vec<DependencyRecord>>;
        fn have_untold_dependents(&self, dependencies: &[AttemptId]) -> Result<Vec<bool>>;
        fn untold_dependencies_of(&self, of: &[EdgeCursor], limit: usize)
            -> Result<Vec<EdgePage>>;
        fn untold_dependents_of(&self, of: &[EdgeCursor], limit: usize)
            -> Result<Vec<EdgePage>>;
        fn have_dependencies(&self, dependent: AttemptId, dependencies: &[AttemptId])
            -> Result<Vec<bool>>;
        fn dependents(&self, dependency: AttemptId, limit: usize)
            -> Result<Vec<DependencyRecord>>;
        fn ready(&self, config_name: &str, limit: usize) -> Result<Vec<AttemptId>>;
        fn ready_config_names(&self) -> Result<Vec<String>>;
        fn configurations(&self) -> Result<Vec<Arc<ConfigSnapshot>>>;
        fn due_attempts(&self, now: Timestamp, limit: usize) -> Result<Vec<AttemptId>>;
        fn due_journal(&self, now: Timestamp, limit: usize) -> Result<Vec<JournalRecord>>;
        fn next_due(&self) -> Result<Option<Timestamp>>;
        fn journal(&self, after: u64, limit: usize) -> Result<Vec<JournalRecord>>;
        fn due_queue(&self, now: Timestamp, limit: usize) -> Result<Vec<DueTask>>;
        fn queue_records(&self, ids: &[u64]) -> Result<Vec<Option<QueueRecord>>>;
        fn list_queue(&self, state: QueueState, before: Option<u64>, limit: usize)
            -> Result<QueuePage>;
        fn queue_counts(&self) -> Result<QueueCounts>;
        fn journal_rows(&self, ids: &[u64]) -> Result<Vec<Option<JournalRecord>>>;
        fn pending_notifications(&self) -> Result<Vec<PendingNotifications>>;
        fn high_marks(&self) -> Result<(u64, u64)>;
        fn unfinished(&self, after: u64, limit: usize)
            -> Result<(Vec<AttemptRecord>, Option<u64>)>;
        fn list(&self, filter: AttemptFilter, before: Option<u64>, limit: usize)
            -> Result<AttemptPage>;
        fn counts(&self) -> Result<StateCounts>;
        fn collect(&self, now: Timestamp, older_than: Duration) -> Result<Collected>;
        fn would_collect(&self, now: Timestamp, older_than: Duration) -> Result<Collected>;
    }
}
