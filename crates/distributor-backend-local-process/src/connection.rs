//! The service's side of its supervisor: starts it, writes requests, reads events.
//!
//! Two threads per supervisor, as pipes want blocking reads and the host's runtime must not wait
//! for them. It refuses to wait for the supervisor: requests are queued, and sent once it has
//! opened its log.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use crate::pool::{Applied, Inner, Pool};
use crate::process;
use crate::supervisor::SLOTS_OPTION;
use crate::supervisor::protocol::{Event, Header, Request, append_line, parse_lines};
use crate::tasks::{Failure, Phase};
use crate::work;

/// Name under which the supervisor is registered as a helper.
pub(crate) const HELPER: &str = "local-process-supervisor";

/// A living supervisor.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Who it is.
    pub(crate) supervisor: Header,
    requests: Sender<Vec<u8>>,
    /// Requests made before it has opened its log.
    backlog: Option<Vec<u8>>,
    /// Segment names by number.
    segments: Vec<(u32, Arc<str>)>,
}

impl Connection {
    fn send(&mut self, request: &Request) -> io::Result<()> {
        let mut lines = Vec::new();
        append_line(&mut lines, request)?;
        match &mut self.backlog {
            Some(backlog) => backlog.extend(lines),
            // The writer is gone when the supervisor is, which the reader will report.
            None => drop(self.requests.send(lines)),
        }
        Ok(())
    }

    fn segment(&self, number: u32) -> Option<Arc<str>> {
        // The newest are at the end and asked for most.
        self.segments
            .iter()
            .rev()
            .find(|(known, _)| *known == number)
            .map(|(_, name)| Arc::clone(name))
    }
}

impl Inner {
    /// Asks the own supervisor to end a task.
    pub(crate) fn send_cancel(&mut self, id: &str, grace: Duration) {
        let request = Request::Cancel {
            id: id.to_owned(),
            grace_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
        };
        if let Some(connection) = &mut self.connection {
            // Strings always can be written.
            let _infallible = connection.send(&request);
        }
    }
}

impl Pool {
    /// Starts tasks as long as there are slots, and a supervisor if there is none.
    pub(crate) fn start_tasks(self: &Arc<Self>, inner: &mut Inner) {
        if !inner.tasks.can_start() {
            return;
        }
        if inner.connection.is_none() {
            match self.connect(inner) {
                Ok(connection) => inner.connection = Some(connection),
                Err(failure) => {
                    fail_waiting(inner, &failure);
                    return;
                }
            }
        }
        let Inner {
            tasks, connection, ..
        } = inner;
        let Some(connection) = connection else {
            return;
        };
        let mut failed = Vec::new();
        while let Some(start) = tasks.start_next() {
            if let Err(error) = connection.send(&Request::Start(Box::new(start.clone()))) {
                failed.push((start.id.clone(), error));
            }
        }
        for (id, error) in failed {
            let failure = Failure {
                kind: distributor_core::ErrorKind::InvalidArgument,
                message: format!("a path of the task is not UTF-8: {error}"),
                temporary: false,
            };
            work::remove_all(&tasks.fail(&id, failure));
        }
    }

    fn connect(self: &Arc<Self>, inner: &mut Inner) -> Result<Connection, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::temporary(format!("failed to start the supervisor of tasks: {error}"))
        };
        let boot_id = inner.this_boot().map_err(|error| failed(&error))?.id;
        let helper = self.host.helper(HELPER).map_err(|error| failed(&error))?;
        let stderr = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(self.layout.supervisor_stderr())
            .map_err(|error| failed(&error))?;
        let mut child = Command::new(&helper.program)
            .args(&helper.arguments)
            .arg(format!("{SLOTS_OPTION}{}", self.settings.slots))
            .arg(self.layout.log())
            .env_clear()
            .envs(self.settings.environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .map_err(|error| failed(&format!("{}: {error}", helper.program.display())))?;
        let pid = i32::try_from(child.id()).unwrap_or(0);
        let supervisor = Header {
            boot_id,
            pid,
            start_time: process::stat(pid).map_or(0, |stat| stat.start_time),
        };
        let (requests, queue) = mpsc::channel();
        if let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) {
            let pool = Arc::downgrade(self);
            let who = supervisor.clone();
            thread::Builder::new()
                .name("supervisor requests".to_owned())
                .spawn(move || write_requests(stdin, &queue))
                .map_err(|error| failed(&error))?;
            thread::Builder::new()
                .name("supervisor events".to_owned())
                .spawn(move || read_events(&pool, &who, stdout, child))
                .map_err(|error| failed(&error))?;
        }
        Ok(Connection {
            supervisor,
            requests,
            backlog: Some(Vec::new()),
            segments: Vec::new(),
        })
    }

    fn take_events(self: &Arc<Self>, supervisor: &Header, events: Vec<Event>) {
        let mut ended = Vec::new();
        let mut inner = self.lock();
        for event in events {
            let Some(connection) = &mut inner.connection else {
                return;
            };
            match event {
                Event::Opened { segment, name } => {
                    let name: Arc<str> = Arc::from(name);
                    connection.segments.push((segment, Arc::clone(&name)));
                    if let Some(backlog) = connection.backlog.take() {
                        let _gone = connection.requests.send(backlog);
                    }
                    inner.segments.add_own(name, supervisor.clone());
                }
                Event::Closed { segment } => {
                    if let Some(name) = connection.segment(segment) {
                        connection.segments.retain(|(number, _)| *number != segment);
                        inner.segments.closed(&name);
                    }
                }
                Event::Record { segment, record } => {
                    let Some(name) = connection.segment(segment) else {
                        continue;
                    };
                    match inner.apply(&name, record) {
                        Applied::Nothing => {}
                        Applied::Ended(id) => ended.push(id),
                        Applied::CancelNow(id) => inner.send_cancel(&id, self.settings.grace),
                    }
                }
            }
        }
        self.start_tasks(&mut inner);
        drop(inner);
        self.notify(ended);
    }

    /// The supervisor is gone although this service lives: it was killed, or could not work.
    fn supervisor_ended(self: &Arc<Self>) {
        let mut inner = self.lock();
        let Some(connection) = inner.connection.take() else {
            return;
        };
        if connection.backlog.is_some() {
            let failure = Failure::temporary(format!(
                "the supervisor of tasks ended before it was ready; see {}",
                self.layout.supervisor_stderr().display()
            ));
            fail_waiting(&mut inner, &failure);
            return;
        }
        let tasks = inner.tasks.ids(|task| match &task.phase {
            Phase::Starting(_) | Phase::Running(_) => task
                .segment
                .as_deref()
                .is_none_or(|name| inner.segments.is_own(name)),
            _ => false,
        });
        for id in &tasks {
            inner.tasks.drop_cancellers(id);
            inner.tasks.orphan(id);
        }
        inner.bereaved.push((connection.supervisor, tasks));
        // If that fails, the watcher tries again.
        let ended = self.refresh(&mut inner).unwrap_or_default();
        self.watch(&mut inner);
        self.start_tasks(&mut inner);
        drop(inner);
        self.notify(ended);
    }
}

fn fail_waiting(inner: &mut Inner, failure: &Failure) {
    let ids = inner.tasks.ids(|task| {
        matches!(task.phase, Phase::Waiting(_) | Phase::Starting(Some(_))) && task.segment.is_none()
    });
    for id in ids {
        work::remove_all(&inner.tasks.fail(&id, failure.clone()));
    }
}

/// Ends, and closes the pipe, when the pool is dropped or the supervisor is gone.
fn write_requests(mut stdin: ChildStdin, queue: &Receiver<Vec<u8>>) {
    const ENOUGH: usize = 1 << 16;
    while let Ok(mut lines) = queue.recv() {
        while lines.len() < ENOUGH
            && let Ok(more) = queue.try_recv()
        {
            lines.extend(more);
        }
        if stdin.write_all(&lines).is_err() {
            return;
        }
    }
}

fn read_events(pool: &Weak<Pool>, supervisor: &Header, stdout: ChildStdout, mut child: Child) {
    let mut input = BufReader::with_capacity(1 << 16, stdout);
    let mut text = Vec::new();
    loop {
        let read = match input.fill_buf() {
            Ok([]) | Err(_) => break,
            Ok(new) => {
                text.extend_from_slice(new);
                new.len()
            }
        };
        input.consume(read);
        let (events, used) = parse_lines(&text);
        text.drain(..used);
        // Without a pool there is nobody to tell, but a supervisor that is read from ends in peace.
        if let Some(pool) = pool.upgrade() {
            pool.take_events(supervisor, events);
        }
    }
    let _reaped = child.wait();
    if let Some(pool) = pool.upgrade() {
        pool.supervisor_ended();
    }
}
