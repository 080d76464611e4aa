//! The table of tasks: who waits, who runs, how each ended, and which slots are taken.
//!
//! Pure bookkeeping: it refuses to touch files, processes and locks. A slot belongs to the task
//! and not to the caller who waits for it, so no dropped future can leak one.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use distributor_core::{Error, ErrorKind};
use tokio::sync::oneshot;

use crate::process::Process;
use crate::supervisor::protocol::{Exit, Start};

/// What a waiting `run` is told: the process exists, or why there is none.
pub(crate) type Answer = Result<(), Failure>;

/// Why a task was not started. A cloneable half of [`Error`], as many may wait for one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    pub(crate) temporary: bool,
}

impl Failure {
    /// Another try may succeed.
    pub(crate) fn temporary(message: impl Into<String>) -> Self {
        Failure {
            kind: ErrorKind::Unavailable,
            message: message.into(),
            temporary: true,
        }
    }

    /// Nobody wants the task any more.
    pub(crate) fn cancelled() -> Self {
        Failure {
            kind: ErrorKind::Cancelled,
            message: "called off while it waited for a slot".to_owned(),
            temporary: false,
        }
    }

    /// From an error that says that nothing was started.
    pub(crate) fn from_error(error: &Error) -> Self {
        Failure {
            kind: error.kind(),
            message: error.to_string(),
            temporary: error.is_transient(),
        }
    }

    /// The contract's error. In every case nothing was started.
    pub(crate) fn into_error(self) -> Error {
        let error = Error::new(self.kind, self.message);
        match self.temporary {
            true => error.transient().not_applied(),
            false => error,
        }
    }
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// Its supervisor saw it end.
    Exited(Exit),
    /// Its supervisor was killed, and now the process is gone.
    SupervisorDied,
    /// The machine was restarted before the end was recorded.
    MachineRestarted,
}

/// Where a task stands.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Its files are being written.
    Preparing,
    /// It waits for a slot.
    Waiting(Box<Start>),
    /// Its process is being made; the request is kept while this service may have to repeat it.
    Starting(Option<Box<Start>>),
    /// It runs.
    Running(Process),
    /// It is over.
    Ended(End),
}

/// A task that somebody asked for and nobody has released.
#[derive(Debug)]
pub(crate) struct Task {
    /// Where it stands.
    pub(crate) phase: Phase,
    /// TERM was sent because its end was asked for.
    pub(crate) cancelled: bool,
    /// The log segment that holds its records, once it has some.
    pub(crate) segment: Option<Arc<str>>,
    waiters: Vec<(u64, oneshot::Sender<Answer>)>,
    cancellers: Vec<oneshot::Sender<()>>,
    finishers: Vec<oneshot::Sender<()>>,
    /// Nobody wants it any more; it may be started all the same, if it is too late.
    called_off: bool,
    /// Another supervisor than the present one has it.
    pub(crate) foreign: bool,
}

impl Task {
    fn new(phase: Phase) -> Self {
        Task {
            phase,
            cancelled: false,
            segment: None,
            waiters: Vec::new(),
            cancellers: Vec::new(),
            finishers: Vec::new(),
            called_off: false,
            foreign: false,
        }
    }

    fn occupies_slot(&self) -> bool {
        matches!(self.phase, Phase::Starting(_) | Phase::Running(_))
    }

    fn answer(&mut self, answer: &Answer) {
        for (_, waiter) in self.waiters.drain(..) {
            // The caller may have given up at the same moment.
            let _gone = waiter.send(answer.clone());
        }
    }

    fn confirm_cancel(&mut self) {
        for canceller in self.cancellers.drain(..) {
            let _gone = canceller.send(());
        }
    }
}

/// What a `run` finds.
#[derive(Debug)]
pub(crate) enum Joined {
    /// The process exists already, or existed.
    Known,
    /// Another caller is at it: wait with it.
    Wait(u64, oneshot::Receiver<Answer>),
    /// The caller has to prepare the task and to submit or withdraw it.
    Prepare(u64, oneshot::Receiver<Answer>),
}

/// What the end of a task means for the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// It was known.
    Old,
    /// A `run` that has not answered yet will say so.
    Answered,
    /// The host must be told.
    New,
}

/// All tasks of one configuration.
#[derive(Debug)]
pub(crate) struct Tasks {
    tasks: HashMap<String, Task>,
    waiting: VecDeque<String>,
    slots: usize,
    /// How many more may be handed to the supervisor, which has them wait.
    ahead: usize,
    occupied: usize,
    /// Of these, the ones that the present supervisor does not know.
    foreign: usize,
    next_waiter: u64,
}

impl Tasks {
    /// At most `slots` tasks are started at once.
    pub(crate) fn new(slots: usize, ahead: usize) -> Self {
        Tasks {
            tasks: HashMap::new(),
            waiting: VecDeque::new(),
            slots,
            ahead,
            occupied: 0,
            foreign: 0,
            next_waiter: 0,
        }
    }

    /// The task of an execution.
    pub(crate) fn get(&self, id: &str) -> Option<&Task> {
        self.tasks.get(id)
    }

    /// The ids of tasks that `wanted` picks.
    pub(crate) fn ids(&self, wanted: impl Fn(&Task) -> bool) -> Vec<String> {
        self.tasks
            .iter()
            .filter(|(_, task)| wanted(task))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Enters the caller of a `run`.
    pub(crate) fn join(&mut self, id: &str) -> Joined {
        let known = self.tasks.get(id).map(|task| &task.phase);
        let new = match known {
            Some(Phase::Running(_) | Phase::Ended(_)) => return Joined::Known,
            Some(Phase::Preparing | Phase::Waiting(_) | Phase::Starting(_)) => false,
            None => true,
        };
        let task = self
            .tasks
            .entry(id.to_owned())
            .or_insert_with(|| Task::new(Phase::Preparing));
        let key = self.next_waiter;
        self.next_waiter += 1;
        let (sender, receiver) = oneshot::channel();
        task.waiters.push((key, sender));
        match new {
            true => Joined::Prepare(key, receiver),
            false => Joined::Wait(key, receiver),
        }
    }

    /// A prepared task goes to the end of the queue.
    pub(crate) fn submit(&mut self, start: Start) {
        let id = start.id.clone();
        if let Some(task) = self.tasks.get_mut(&id)
            && matches!(task.phase, Phase::Preparing)
        {
            task.phase = Phase::Waiting(Box::new(start));
            self.waiting.push_back(id);
        }
    }

    /// Removes a task that was not started, tells its waiters why, and gives its files back.
    pub(crate) fn fail(&mut self, id: &str, failure: Failure) -> Vec<PathBuf> {
        let Some(mut task) = self.tasks.remove(id) else {
            return Vec::new();
        };
        if task.occupies_slot() {
            self.vacate(task.foreign);
        }
        task.answer(&Err(failure));
        task.confirm_cancel();
        match task.phase {
            Phase::Waiting(start) | Phase::Starting(Some(start)) => start.work_files,
            _ => Vec::new(),
        }
    }

    /// A caller gave up. A task that nobody waits for any more is not started; gives its files.
    pub(crate) fn leave(&mut self, id: &str, key: u64) -> Vec<PathBuf> {
        let Some(task) = self.tasks.get_mut(id) else {
            return Vec::new();
        };
        task.waiters.retain(|(waiter, _)| *waiter != key);
        if task.waiters.is_empty() && matches!(task.phase, Phase::Waiting(_)) {
            return self.fail(id, Failure::cancelled());
        }
        Vec::new()
    }

    /// True if the task can still be taken back without a trace.
    pub(crate) fn is_waiting(&self, id: &str) -> bool {
        self.get(id)
            .is_some_and(|task| matches!(task.phase, Phase::Preparing | Phase::Waiting(_)))
    }

    /// The next task to start, if there is one and a slot for it. It has the slot from now on.
    pub(crate) fn start_next(&mut self) -> Option<&Start> {
        while self.has_slot() {
            let id = self.waiting.pop_front()?;
            // An id stays in the queue when its task is taken back.
            let Some(task) = self.tasks.get_mut(&id) else {
                continue;
            };
            match std::mem::replace(&mut task.phase, Phase::Preparing) {
                Phase::Waiting(start) => {
                    task.phase = Phase::Starting(Some(start));
                    self.occupied += 1;
                    return match &self.tasks.get(&id)?.phase {
                        Phase::Starting(start) => start.as_deref(),
                        _ => None,
                    };
                }
                other => task.phase = other,
            }
        }
        None
    }

    /// True if some task could be started.
    pub(crate) fn can_start(&self) -> bool {
        self.has_slot() && !self.waiting.is_empty()
    }

    /// The supervisor keeps to the slots itself, but it counts only its own tasks.
    fn has_slot(&self) -> bool {
        let ahead = if self.foreign == 0 { self.ahead } else { 0 };
        self.occupied < self.slots.saturating_add(ahead)
    }

    /// Gives the slot of a task back.
    fn vacate(&mut self, foreign: bool) {
        self.occupied -= 1;
        self.foreign -= usize::from(foreign);
    }

    /// The task's supervisor is no longer the present one.
    pub(crate) fn orphan(&mut self, id: &str) {
        if let Some(task) = self.tasks.get_mut(id)
            && task.occupies_slot()
            && !std::mem::replace(&mut task.foreign, true)
        {
            self.foreign += 1;
        }
    }

    /// Nobody wants the task any more.
    pub(crate) fn call_off(&mut self, id: &str) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.called_off = true;
        }
    }

    /// True if nobody wants the task any more.
    pub(crate) fn is_called_off(&self, id: &str) -> bool {
        self.get(id).is_some_and(|task| task.called_off)
    }

    /// Back to the head of the queue: the supervisor died before it made the process.
    pub(crate) fn start_again(&mut self, id: &str) {
        if let Some(task) = self.tasks.get_mut(id)
            && let Phase::Starting(Some(start)) = &mut task.phase
        {
            let start = start.clone();
            task.phase = Phase::Waiting(start);
            task.segment = None;
            let foreign = std::mem::take(&mut task.foreign);
            self.vacate(foreign);
            self.waiting.push_front(id.to_owned());
        }
    }

    /// Some segment speaks of the task. True if that ties the two together for the first time.
    pub(crate) fn recorded(&mut self, id: &str, segment: &Arc<str>) -> bool {
        let task = match self.tasks.get_mut(id) {
            Some(task) => task,
            None => {
                self.occupied += 1;
                self.foreign += 1;
                let task = Task {
                    foreign: true,
                    ..Task::new(Phase::Starting(None))
                };
                self.tasks.entry(id.to_owned()).or_insert(task)
            }
        };
        if task.segment.is_some() {
            return false;
        }
        task.segment = Some(Arc::clone(segment));
        true
    }

    /// The process exists. True if its end was asked for before that was known.
    pub(crate) fn started(&mut self, id: &str, process: Process) -> bool {
        let Some(task) = self.tasks.get_mut(id) else {
            return false;
        };
        if !matches!(task.phase, Phase::Starting(_)) {
            return false;
        }
        task.phase = Phase::Running(process);
        task.answer(&Ok(()));
        !task.cancellers.is_empty()
    }

    /// TERM is sent because the end of the task was asked for.
    pub(crate) fn cancelling(&mut self, id: &str) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.cancelled = true;
            task.confirm_cancel();
        }
    }

    /// Tells the caller when the task's supervisor has confirmed that it sent TERM.
    pub(crate) fn await_cancel(&mut self, id: &str) -> Option<oneshot::Receiver<()>> {
        let task = self.tasks.get_mut(id)?;
        let (sender, receiver) = oneshot::channel();
        task.cancellers.push(sender);
        Some(receiver)
    }

    /// The supervisor that was to confirm is gone: callers look again.
    pub(crate) fn drop_cancellers(&mut self, id: &str) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.cancellers.clear();
        }
    }

    /// Tells the caller of a `run` when the task is over; `None` if it is already.
    pub(crate) fn await_end(&mut self, id: &str) -> Option<oneshot::Receiver<()>> {
        let task = self.tasks.get_mut(id)?;
        if matches!(task.phase, Phase::Ended(_)) {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        task.finishers.push(sender);
        Some(receiver)
    }

    /// The task is over.
    pub(crate) fn ended(&mut self, id: &str, end: End) -> News {
        let Some(task) = self.tasks.get_mut(id) else {
            return News::Old;
        };
        if matches!(task.phase, Phase::Ended(_)) {
            return News::Old;
        }
        let vacated = task.occupies_slot().then_some(task.foreign);
        task.phase = Phase::Ended(end);
        task.answer(&Ok(()));
        task.confirm_cancel();
        let mut answered = false;
        for finisher in task.finishers.drain(..) {
            answered |= finisher.send(()).is_ok();
        }
        if let Some(foreign) = vacated {
            self.vacate(foreign);
        }
        match answered {
            true => News::Answered,
            false => News::New,
        }
    }

    /// Forgets a task that is over.
    pub(crate) fn release(&mut self, id: &str) -> Option<Task> {
        let ended = matches!(self.tasks.get(id)?.phase, Phase::Ended(_));
        if ended { self.tasks.remove(id) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(id: &str) -> Start {
        Start {
            id: id.to_owned(),
            program: PathBuf::from("/bin/true"),
            arguments: vec!["true".to_owned()],
            directory: None,
            environment: Vec::new(),
            stdin: None,
            stdout: PathBuf::from("/out"),
            stderr: PathBuf::from("/err"),
            work_files: vec![PathBuf::from(id)],
        }
    }

    fn submit(tasks: &mut Tasks, id: &str) -> (u64, oneshot::Receiver<Answer>) {
        let Joined::Prepare(key, receiver) = tasks.join(id) else {
            panic!("{id} is known");
        };
        tasks.submit(start(id));
        (key, receiver)
    }

    fn next(tasks: &mut Tasks) -> Option<String> {
        tasks.start_next().map(|start| start.id.clone())
    }

    const PROCESS: Process = Process {
        pid: 1,
        start_time: 2,
    };

    #[test]
    fn no_more_than_the_slots_are_started_and_in_order() {
        let mut tasks = Tasks::new(2, 0);
        let _waiting = ["a", "b", "c"].map(|id| submit(&mut tasks, id));
        assert_eq!(next(&mut tasks).as_deref(), Some("a"));
        assert_eq!(next(&mut tasks).as_deref(), Some("b"));
        assert_eq!(next(&mut tasks), None);
        assert!(!tasks.started("a", PROCESS));
        assert_eq!(next(&mut tasks), None);
        assert_eq!(tasks.ended("a", End::SupervisorDied), News::New);
        assert_eq!(tasks.ended("a", End::SupervisorDied), News::Old);
        assert_eq!(next(&mut tasks).as_deref(), Some("c"));
        assert_eq!(next(&mut tasks), None);
    }

    #[test]
    fn a_task_found_in_a_log_takes_a_slot_until_it_ends() {
        let mut tasks = Tasks::new(1, 0);
        let segment = Arc::from("s");
        assert!(tasks.recorded("old", &segment));
        assert!(!tasks.recorded("old", &segment));
        let _waiting = submit(&mut tasks, "a");
        assert_eq!(next(&mut tasks), None);
        tasks.started("old", PROCESS);
        assert_eq!(next(&mut tasks), None);
        tasks.ended("old", End::SupervisorDied);
        assert_eq!(next(&mut tasks).as_deref(), Some("a"));
    }

    #[test]
    fn dc_26_all_who_run_one_execution_wait_for_one_process() {
        let mut tasks = Tasks::new(1, 0);
        let (_, mut first) = submit(&mut tasks, "a");
        let Joined::Wait(_, mut second) = tasks.join("a") else {
            panic!("started twice");
        };
        assert_eq!(next(&mut tasks).as_deref(), Some("a"));
        tasks.started("a", PROCESS);
        assert_eq!(first.try_recv().unwrap(), Ok(()));
        assert_eq!(second.try_recv().unwrap(), Ok(()));
        assert!(matches!(tasks.join("a"), Joined::Known));
    }

    #[test]
    fn a_task_is_taken_back_when_the_last_who_waited_leaves() {
        let mut tasks = Tasks::new(1, 0);
        let (first, _receiver) = submit(&mut tasks, "a");
        let Joined::Wait(second, _receiver) = tasks.join("a") else {
            panic!("started twice");
        };
        assert!(tasks.leave("a", first).is_empty());
        assert!(tasks.is_waiting("a"));
        assert_eq!(tasks.leave("a", second), [PathBuf::from("a")]);
        assert!(tasks.get("a").is_none());
        assert_eq!(next(&mut tasks), None);

        let (key, _receiver) = submit(&mut tasks, "a");
        assert_eq!(next(&mut tasks).as_deref(), Some("a"));
        assert!(tasks.leave("a", key).is_empty());
        assert!(tasks.get("a").is_some(), "a started task stays");
    }

    #[test]
    fn a_task_whose_supervisor_died_before_the_start_comes_first_again() {
        let mut tasks = Tasks::new(1, 0);
        let _waiting = ["a", "b"].map(|id| submit(&mut tasks, id));
        assert_eq!(next(&mut tasks).as_deref(), Some("a"));
        tasks.start_again("a");
        assert_eq!(next(&mut tasks).as_deref(), Some("a"));
        assert_eq!(next(&mut tasks), None);
    }

    #[test]
    fn a_failed_start_frees_its_slot_and_may_be_tried_again() {
        let mut tasks = Tasks::new(1, 0);
        let (_, mut receiver) = submit(&mut tasks, "a");
        assert_eq!(next(&mut tasks).as_deref(), Some("a"));
        tasks.fail("a", Failure::temporary("no memory"));
        let failure = receiver.try_recv().unwrap().unwrap_err();
        assert!(failure.into_error().is_transient());
        let _again = submit(&mut tasks, "a");
        assert_eq!(next(&mut tasks).as_deref(), Some("a"));
    }

    #[test]
    fn a_cancel_during_the_start_is_due_as_soon_as_the_process_exists() {
        let mut tasks = Tasks::new(1, 0);
        let _waiting = submit(&mut tasks, "a");
        next(&mut tasks);
        let mut confirmed = tasks.await_cancel("a").unwrap();
        assert!(tasks.started("a", PROCESS));
        assert!(confirmed.try_recv().is_err());
        tasks.cancelling("a");
        confirmed.try_recv().unwrap();
    }

    #[test]
    fn only_what_is_over_can_be_released() {
        let mut tasks = Tasks::new(1, 0);
        let _waiting = submit(&mut tasks, "a");
        next(&mut tasks);
        assert!(tasks.release("a").is_none());
        tasks.ended("a", End::MachineRestarted);
        assert!(tasks.release("a").is_some());
        assert!(tasks.get("a").is_none());
    }
}
