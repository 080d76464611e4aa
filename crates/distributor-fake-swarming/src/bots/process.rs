//! Runs one task as a process of this machine, in a process group of its own.
//!
//! A farm that is killed itself leaves its processes behind: they are not the farm's any more, and their
//! tasks are as dead as those of a bot that lost its connection.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::sync::Notify;

use super::workspace::{Workspace, output_file};
use crate::clock::{Clock, Micros, SECOND};
use crate::model::{End, Properties, State, Task, TaskId};
use crate::shared::Shared;

/// Runs the task that a bot has taken, and says how it ended.
pub(super) async fn run(shared: Arc<Shared>, id: TaskId) {
    let task = shared.lock().model.task(id).cloned();
    let kill = shared.expect_kill(id);
    if let Some(task) = task {
        let end = match execute(&shared, &task, &kill).await {
            Ok(end) => end,
            Err(error) => {
                tracing::warn!("task {id} could not be run: {error}");
                End::completed(-1)
            }
        };
        while let Err(error) = shared.step(|model, now| ((), model.ended(id, end, now))) {
            tracing::error!("cannot store the end of {id}, so it is tried again: {error}");
            let clock = shared.clock();
            clock.sleep_until(clock.now().saturating_add(SECOND)).await;
        }
    }
    shared.no_more_kill(id);
}

async fn execute(shared: &Shared, task: &Task, kill: &Notify) -> io::Result<End> {
    let Some(slice) = task.request.slice(task.status.slice) else {
        return Err(io::Error::other("it has no such slice"));
    };
    let properties = &slice.properties;
    let workspace = Workspace::make(&shared.settings, task.id, properties)?;
    let mut output = Output {
        file: File::create(output_file(&shared.settings, task.id))?,
        room: shared.settings.output_cap,
    };
    let variables = workspace.variables(task, properties, &shared.url);
    let (reader, writer) = io::pipe()?;
    let child = spawn(properties, &workspace, variables, writer);
    let child = match child {
        Ok(child) => child,
        Err(error) => {
            // As a bot does: what cannot be started has run and failed.
            output.write(format!("cannot run the command: {error}\n").as_bytes())?;
            return Ok(End::completed(-1));
        }
    };
    let pipe = Receiver::from_owned_fd(OwnedFd::from(reader))?;
    let clock = shared.clock();
    let began = clock.now();
    let mut running = Running {
        group: Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed()))),
        child,
        pipe,
        output,
        deadline: began.saturating_add(properties.execution_timeout_secs.saturating_mul(SECOND)),
        silent_from: began,
        stopping: None,
    };
    running.wait(shared, task, properties, kill, &*clock).await
}

fn spawn(
    properties: &Properties,
    workspace: &Workspace,
    variables: Vec<(String, String)>,
    writer: io::PipeWriter,
) -> io::Result<Child> {
    let Some((program, arguments)) = properties.command.split_first() else {
        return Err(io::Error::other("there is none"));
    };
    Command::new(program)
        .args(arguments)
        .envs(variables)
        .current_dir(&workspace.start)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
}

/// A process group; what is left of it is killed when this is dropped.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Group {
    /// A group that is gone needs no signal, so there is no error to report.
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            let _gone = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Where output goes, up to a limit; what is beyond is read and dropped.
#[derive(Debug)]
struct Output {
    file: File,
    room: u64,
}

impl Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = usize::try_from(self.room).unwrap_or(usize::MAX);
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.room = self.room.saturating_sub(kept.len() as u64);
        self.file.write_all(kept)
    }
}

#[derive(Debug)]
struct Running {
    // Before the child, so that the group is killed before its leader is forgotten.
    group: Group,
    child: Child,
    pipe: Receiver,
    output: Output,
    /// When it has run for too long, or, once it is being stopped, when its grace is over.
    deadline: Micros,
    silent_from: Micros,
    /// As what it ends, if it was told to stop.
    stopping: Option<State>,
}

impl Running {
    async fn wait(
        &mut self,
        shared: &Shared,
        task: &Task,
        properties: &Properties,
        kill: &Notify,
        clock: &dyn Clock,
    ) -> io::Result<End> {
        let mut buffer = vec![0; 64 * 1024];
        let mut open = true;
        let grace = properties.grace_period_secs.saturating_mul(SECOND);
        let status = loop {
            let silence_ends = match (properties.io_timeout_secs, self.stopping) {
                (0, _) | (_, Some(_)) => Micros::MAX,
                (limit, None) => self
                    .silent_from
                    .saturating_add(limit.saturating_mul(SECOND)),
            };
            let alarm = self.deadline.min(silence_ends);
            tokio::select! {
                ended = self.child.wait() => break ended?,
                read = self.pipe.read(&mut buffer), if open => {
                    self.silent_from = clock.now();
                    let read = read?;
                    open = read > 0;
                    self.output.write(buffer.get(..read).unwrap_or_default())?;
                }
                () = kill.notified() => {
                    let running = {
                        let state = shared.lock();
                        let now = state.model.task(task.id);
                        now.is_some_and(|task| task.status.state == State::Running)
                    };
                    match running {
                        true => self.stop_as(State::Killed, clock.now().saturating_add(grace)),
                        // Its bot has died, and nobody cares any more.
                        false => self.group.signal(Signal::KILL),
                    }
                }
                () = clock.sleep_until(alarm) => match self.stopping {
                    Some(_) => {
                        self.group.signal(Signal::KILL);
                        self.deadline = Micros::MAX;
                    }
                    None => {
                        let until = clock.now().saturating_add(grace);
                        self.stop_as(State::TimedOut, until);
                    }
                },
            }
        };
        // Children that it left behind. The group's number is not given to others while one is there; if
        // none is, it became free only this moment.
        self.group.signal(Signal::KILL);
        self.group.0 = None;
        while open {
            match self.pipe.try_read(&mut buffer) {
                Ok(read) if read > 0 => {
                    self.output.write(buffer.get(..read).unwrap_or_default())?;
                }
                _ => open = false,
            }
        }
        Ok(self.end(status))
    }

    fn stop_as(&mut self, state: State, until: Micros) {
        if self.stopping.is_none() {
            self.stopping = Some(state);
            self.deadline = until;
            self.group.signal(Signal::TERM);
        }
    }

    fn end(&self, status: ExitStatus) -> End {
        let signal = status.signal().map(|signal| -i64::from(signal));
        let exit_code = status.code().map(i64::from).or(signal).unwrap_or(-1);
        match self.stopping {
            None => End::completed(exit_code),
            Some(state) => End {
                exit_code: Some(exit_code),
                ..End::plain(state)
            },
        }
    }
}
