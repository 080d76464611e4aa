//! Waits for changes at a service, with the program's own `watch`, instead of asking again and again.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What changed before `watch` was there is not told: then it is looked at again after so long.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// A running `distributor watch`; killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Changes {
    child: Child,
    lines: Mutex<Receiver<()>>,
    /// Kept, so that waiting never fails at once when `watch` has ended.
    _open: Sender<()>,
}

impl Changes {
    /// Starts `command`, which prints a line for each change.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let (sender, lines) = channel();
        let open = sender.clone();
        let out = BufReader::new(child.stdout.take().expect("piped"));
        std::thread::spawn(move || {
            for _line in out.lines().map_while(Result::ok) {
                if sender.send(()).is_err() {
                    return;
                }
            }
        });
        Changes {
            child,
            lines: Mutex::new(lines),
            _open: open,
        }
    }

    /// Returns when something has changed since the last time, or when it is time to look again.
    pub(crate) fn wait(&self) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let _either = lines.recv_timeout(LOOK_AGAIN);
        while lines.try_recv().is_ok() {}
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _status = self.child.wait();
    }
}
