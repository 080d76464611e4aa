//! What the supervisor's threads share: the queue, the running tasks and the open segments.
//!
//! Whatever concerns one process happens under one lock: it is recorded, signalled and reaped
//! there, so a signal can never reach a stranger that got the same pid. It refuses to wait for
//! anything under that lock.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::supervisor::log::Segment;
use crate::supervisor::protocol::{Event, Exit, Header, Record, Start, append_line};
use crate::supervisor::spawn::Refusal;
use crate::supervisor::wait::Reaped;
use crate::work;

/// The supervisor.
#[derive(Debug)]
pub(super) struct Supervisor {
    state: Mutex<State>,
    /// The queue got something, or the service is gone.
    work: Condvar,
    /// A spawn or a task ended, or the service is gone.
    pub(super) changed: Condvar,
    /// There is a new deadline.
    pub(super) new_deadline: Condvar,
    events: Sender<Vec<u8>>,
    directory: PathBuf,
    header: Header,
    slots: usize,
    starts_per_segment: u32,
}

/// What the lock protects.
#[derive(Debug)]
pub(super) struct State {
    /// How many processes are being made.
    pub(super) spawning: u32,
    /// How many processes were made so far.
    pub(super) spawned: u64,
    /// By pid.
    pub(super) running: HashMap<i32, Running>,
    /// The pid of every running execution.
    pub(super) pids: HashMap<String, i32>,
    /// No more requests will come.
    pub(super) service_gone: bool,
    /// Batches of files that are being removed.
    pub(super) removing: u32,
    /// Cancelled tasks of which something may have to be killed.
    pub(super) deadlines: BTreeSet<Deadline>,
    queue: VecDeque<Start>,
    segments: HashMap<u32, Segment>,
    current: u32,
}

/// A running task.
#[derive(Debug)]
pub(super) struct Running {
    /// The execution.
    pub(super) id: String,
    /// TERM was sent.
    pub(super) cancelled: bool,
    began: Instant,
    segment: u32,
    work_files: Vec<PathBuf>,
}

/// A KILL that falls due: when, whom, and the group that was told to end.
pub(super) type Deadline = (Instant, String, i32);

/// A start that was recorded and is to be performed.
#[derive(Debug)]
pub(super) struct Begun {
    /// What to start.
    pub(super) start: Start,
    segment: u32,
    began: Instant,
}

impl State {
    /// True once no task will ever run again, and nothing is left of those that ran.
    pub(super) fn is_done(&self) -> bool {
        self.service_gone && self.spawning == 0 && self.running.is_empty() && self.removing == 0
    }
}

impl Supervisor {
    /// Opens the first segment and announces it.
    pub(super) fn new(
        directory: PathBuf,
        header: Header,
        slots: usize,
        starts_per_segment: u32,
        events: Sender<Vec<u8>>,
    ) -> io::Result<Self> {
        let first = Segment::create(&directory, &header, 0)?;
        let opened = Event::Opened {
            segment: 0,
            name: first.name.clone(),
        };
        let supervisor = Supervisor {
            state: Mutex::new(State {
                spawning: 0,
                spawned: 0,
                running: HashMap::new(),
                pids: HashMap::new(),
                service_gone: false,
                removing: 0,
                deadlines: BTreeSet::new(),
                queue: VecDeque::new(),
                segments: HashMap::from([(0, first)]),
                current: 0,
            }),
            work: Condvar::new(),
            changed: Condvar::new(),
            new_deadline: Condvar::new(),
            events,
            directory,
            header,
            slots,
            starts_per_segment,
        };
        supervisor.emit([opened]);
        Ok(supervisor)
    }

    /// The lock. A thread that panicked left no half-made state worth stopping for.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `condition` to end.
    pub(super) fn wait_while(&self, condition: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        self.changed
            .wait_while(self.lock(), |state| condition(state))
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a task.
    pub(super) fn enqueue(&self, start: Start) {
        self.lock().queue.push_back(start);
        self.work.notify_one();
    }

    /// A slot became free.
    pub(super) fn slots_freed(&self) {
        self.work.notify_all();
        self.changed.notify_all();
    }

    /// Takes a task out of the queue, if it is still there; it will never be started.
    pub(super) fn call_off(&self, state: &mut State, id: &str) -> bool {
        let Some(place) = state.queue.iter().position(|start| start.id == id) else {
            return false;
        };
        if let Some(start) = state.queue.remove(place) {
            remove_files(&start.work_files);
        }
        self.emit([Event::Record {
            segment: state.current,
            record: Record::Refused {
                id: id.to_owned(),
                reason: "called off while it waited for a slot".to_owned(),
                temporary: false,
            },
        }]);
        true
    }

    /// Forgets what is queued, waits for what is being made, and records that nothing will follow:
    /// from that record on another service may start the same executions.
    pub(super) fn detach(&self) {
        let forgotten = {
            let mut state = self.lock();
            state.service_gone = true;
            std::mem::take(&mut state.queue)
        };
        self.work.notify_all();
        self.changed.notify_all();
        // Before the record: after it they may be those of another service's start.
        for start in forgotten {
            remove_files(&start.work_files);
        }
        let mut state = self.wait_while(|state| state.spawning > 0);
        let current = state.current;
        append(&mut state, current, &[Record::Detached]);
    }

    /// The next task to start, recorded as such; `None` once there will be no more.
    pub(super) fn next(&self) -> Option<Begun> {
        let mut state = self.lock();
        loop {
            let busy = state.running.len() + state.spawning as usize;
            if busy < self.slots
                && let Some(start) = state.queue.pop_front()
            {
                match self.begin(&mut state, &start) {
                    Ok(segment) => {
                        state.spawning += 1;
                        return Some(Begun {
                            start,
                            segment,
                            began: Instant::now(),
                        });
                    }
                    Err(error) => self.emit([Event::Record {
                        segment: state.current,
                        record: Record::Refused {
                            id: start.id,
                            reason: format!("failed to write the log: {error}"),
                            temporary: true,
                        },
                    }]),
                }
            } else if state.service_gone {
                return None;
            } else {
                state = self
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn begin(&self, state: &mut State, start: &Start) -> io::Result<u32> {
        let full = state
            .segments
            .get(&state.current)
            .is_none_or(|segment| segment.starts >= self.starts_per_segment);
        if full {
            let next = state.current + 1;
            let segment = Segment::create(&self.directory, &self.header, next)?;
            self.emit([Event::Opened {
                segment: next,
                name: segment.name.clone(),
            }]);
            state.segments.insert(next, segment);
            let before = std::mem::replace(&mut state.current, next);
            self.close_if_finished(state, before);
        }
        let current = state.current;
        if let Some(segment) = state.segments.get_mut(&current) {
            segment.append(&[Record::Starting {
                id: start.id.clone(),
            }])?;
            segment.starts += 1;
            segment.unfinished += 1;
        }
        Ok(current)
    }

    /// Records that the process exists.
    pub(super) fn started(&self, begun: Begun, pid: i32, start_time: u64) {
        let Begun {
            start,
            segment,
            began,
        } = begun;
        let record = Record::Started {
            id: start.id.clone(),
            pid,
            start_time,
        };
        let mut state = self.lock();
        append(&mut state, segment, std::slice::from_ref(&record));
        self.emit([Event::Record { segment, record }]);
        state.pids.insert(start.id.clone(), pid);
        state.running.insert(
            pid,
            Running {
                id: start.id,
                cancelled: false,
                began,
                segment,
                work_files: start.work_files,
            },
        );
        state.spawning -= 1;
        state.spawned += 1;
        drop(state);
        self.changed.notify_all();
    }

    /// Records that there is no process.
    pub(super) fn refused(&self, begun: Begun, refusal: Refusal) {
        let record = Record::Refused {
            id: begun.start.id,
            reason: refusal.reason,
            temporary: refusal.temporary,
        };
        {
            let mut state = self.lock();
            let segment = begun.segment;
            append(&mut state, segment, std::slice::from_ref(&record));
            self.emit([Event::Record { segment, record }]);
            self.finish_one(&mut state, begun.segment);
            state.spawning -= 1;
            state.removing += 1;
        }
        self.slots_freed();
        self.remove(&begun.start.work_files);
    }

    /// Removes files that [`Supervisor::exited`] gave: until then the process must not end.
    pub(super) fn remove(&self, files: &[PathBuf]) {
        remove_files(files);
        self.lock().removing -= 1;
        self.changed.notify_all();
    }

    /// Records that TERM is sent to `id`; gives the pid if that is still to be done.
    pub(super) fn cancelling(&self, state: &mut State, id: &str) -> Option<i32> {
        let pid = *state.pids.get(id)?;
        let task = state.running.get_mut(&pid)?;
        let first = !std::mem::replace(&mut task.cancelled, true);
        let segment = task.segment;
        let record = Record::Cancelling { id: id.to_owned() };
        if first {
            append(state, segment, std::slice::from_ref(&record));
        }
        self.emit([Event::Record { segment, record }]);
        first.then_some(pid)
    }

    /// Records the ends of reaped processes, and gives back the files that may go: the caller hands
    /// them to [`Supervisor::remove`].
    pub(super) fn exited(&self, state: &mut State, ended: Vec<(i32, Reaped)>) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut records: HashMap<u32, Vec<Record>> = HashMap::new();
        for (pid, reaped) in ended {
            let Some(task) = state.running.remove(&pid) else {
                continue;
            };
            state.pids.remove(&task.id);
            let wall = task.began.elapsed().as_micros();
            records
                .entry(task.segment)
                .or_default()
                .push(Record::Exited(Exit {
                    id: task.id,
                    code: reaped.code,
                    signal: reaped.signal,
                    wall_us: u64::try_from(wall).unwrap_or(u64::MAX),
                    cpu_us: reaped.cpu_us,
                    max_rss_bytes: reaped.max_rss_bytes,
                }));
            files.extend(task.work_files);
        }
        for (segment, records) in records {
            append(state, segment, &records);
            let count = records.len();
            self.emit(
                records
                    .into_iter()
                    .map(|record| Event::Record { segment, record }),
            );
            for _ in 0..count {
                self.finish_one(state, segment);
            }
        }
        state.removing += 1;
        files
    }

    fn finish_one(&self, state: &mut State, segment: u32) {
        if let Some(open) = state.segments.get_mut(&segment) {
            open.unfinished -= 1;
        }
        self.close_if_finished(state, segment);
    }

    /// Dropping a segment frees its lock.
    fn close_if_finished(&self, state: &mut State, number: u32) {
        if number == state.current {
            return;
        }
        if let Some(segment) = state.segments.get(&number)
            && segment.unfinished == 0
        {
            state.segments.remove(&number);
            self.emit([Event::Closed { segment: number }]);
        }
    }

    /// Never blocks: another thread does the writing, and nobody may be reading.
    fn emit(&self, events: impl IntoIterator<Item = Event>) {
        let mut lines = Vec::new();
        for event in events {
            if let Err(error) = append_line(&mut lines, &event) {
                complain(&format!("failed to encode an event: {error}"));
            }
        }
        // The writer is gone when the service is.
        let _service_gone = self.events.send(lines);
    }
}

fn append(state: &mut State, segment: u32, records: &[Record]) {
    if let Some(segment) = state.segments.get_mut(&segment)
        && let Err(error) = segment.append(records)
    {
        // The task is there all the same, and a living service hears of it by the pipe.
        complain(&format!("failed to write {}: {error}", segment.name));
    }
}

/// Removes what a task has read.
fn remove_files(files: &[PathBuf]) {
    for file in files {
        if let Err(error) = work::remove(file) {
            complain(&format!("failed to remove {}: {error}", file.display()));
        }
    }
}

/// One line on standard error, which the service has sent to a file.
pub(super) fn complain(message: &str) {
    let _nowhere_else_to_say_it = writeln!(io::stderr(), "supervisor: {message}");
}
