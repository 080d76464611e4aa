//! The processes that work in a folder: the program, its supervisors and their jobs. Needs `/proc`.
//!
//! It refuses to know a process by its name alone: only its folder makes it one of a test's own.

use std::fs;
use std::path::Path;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::running::GUARD;

/// A process of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// Its arguments, separated by blanks.
    pub command: String,
}

impl Process {
    /// All processes whose working directory is in `folder`.
    pub fn all_in(folder: &Path) -> Vec<Self> {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
                let works_in = fs::read_link(entry.path().join("cwd")).ok()?;
                let command = fs::read(entry.path().join("cmdline")).ok()?;
                let command = String::from_utf8_lossy(&command).replace('\0', " ");
                works_in
                    .starts_with(&folder)
                    .then_some(Process { pid, command })
            })
            .collect()
    }

    /// True for a supervisor of tasks, which outlives the program and leads a session. Its children
    /// have its arguments too, for a moment before they become a job.
    pub fn is_supervisor(&self) -> bool {
        let session = || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
            let (_, fields) = stat.rsplit_once(')')?;
            fields.split_whitespace().nth(3)?.parse::<i32>().ok()
        };
        self.command.contains(" __helper local-process-supervisor ") && session() == Some(self.pid)
    }

    /// kill -9 of this process alone.
    pub fn kill(&self) {
        if let Some(pid) = Pid::from_raw(self.pid) {
            let _already_gone = kill_process(pid, Signal::KILL);
        }
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// If it does not end.
    #[track_caller]
    pub fn wait_until_gone(&self) {
        let Some(pid) = Pid::from_raw(self.pid) else {
            return;
        };
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
            return;
        };
        let deadline = Instant::now() + GUARD;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).expect("minutes");
            let mut ends = [PollFd::new(&handle, PollFlags::IN)];
            match poll(&mut ends, Some(&left)) {
                Ok(0) => panic!("{self:?} does not end"),
                Err(Errno::INTR) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }
}
