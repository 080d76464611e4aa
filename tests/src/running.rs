//! A command that is still going on.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::place::Done;

/// Longest time to wait for something that must come: a guard against hanging, not a measure.
pub(crate) const GUARD: Duration = Duration::from_secs(120);

/// A started command; killed if it is dropped before its end.
#[derive(Debug)]
pub struct Running {
    command: String,
    child: Child,
    lines: Receiver<String>,
    seen: String,
    stdout: Option<JoinHandle<String>>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let called = format!("{command:?}");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut out = child.stdout.take().expect("piped");
        let stdout = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _cut_off = out.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let lines = lines_of(child.stderr.take().expect("piped"));
        Running {
            command: called,
            child,
            lines,
            seen: String::new(),
            stdout: Some(stdout),
        }
    }

    /// Waits for a line of standard error that has `text` in it, and gives it.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(GUARD) {
                Ok(line) => {
                    self.seen.push_str(&line);
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(error) => panic!(
                    "{text:?} never came ({error})\n{}\n{}",
                    self.command, self.seen
                ),
            }
        }
    }

    /// Waits for any `count` lines of standard error. False if it ended before.
    pub fn wait_for_lines(&mut self, count: usize) -> bool {
        for _ in 0..count {
            match self.lines.recv_timeout(GUARD) {
                Ok(line) => self.seen.push_str(&line),
                Err(_) => return false,
            }
        }
        true
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to this process alone.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let _already_gone = kill_process(pid.expect("a process id"), signal);
    }

    /// kill -9, and waits until it is gone.
    pub fn kill(mut self) {
        let _already_gone = self.child.kill();
        let _status = self.child.wait();
    }

    /// Waits for its end.
    pub fn end(mut self) -> Done {
        let status = self.child.wait().expect("it can be waited for");
        while let Ok(line) = self.lines.recv_timeout(GUARD) {
            self.seen.push_str(&line);
        }
        let stdout = self.stdout.take().and_then(|it| it.join().ok());
        Done {
            command: self.command.clone(),
            code: status.code(),
            stdout: stdout.unwrap_or_default(),
            stderr: self.seen.clone(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _status = self.child.wait();
    }
}

fn lines_of(stderr: ChildStderr) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stderr);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(length) if length > 0) {
            if sender
                .send(String::from_utf8_lossy(&line).into_owned())
                .is_err()
            {
                return;
            }
            line.clear();
        }
    });
    lines
}
