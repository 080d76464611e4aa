//! Ends tasks: TERM to the group at once, KILL to what is left of it when the grace is over.
//!
//! It refuses to signal a group of which it cannot be sure that it is the task's.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::process;
use crate::supervisor::state::Supervisor;

/// A KILL that falls due: when, whom, and the group that was told to end.
type Deadline = (Instant, String, i32);

/// Sends TERM to the task, if it runs and was not sent one, and arranges for the KILL.
pub(super) fn cancel(
    supervisor: &Supervisor,
    deadlines: &Sender<Deadline>,
    id: String,
    grace: Duration,
) {
    let mut state = supervisor.lock();
    let Some(pid) = supervisor.cancelling(&mut state, &id) else {
        return;
    };
    signal_group(pid, Signal::TERM);
    // A grace beyond the range of the clock means that there is no KILL.
    if let Some(deadline) = Instant::now().checked_add(grace)
        && deadlines.send((deadline, id, pid)).is_ok()
    {
        state.kills_due += 1;
    }
}

/// Sends the KILLs when they are due, until the process ends.
pub(super) fn kill_when_due(supervisor: &Supervisor, new: &Receiver<Deadline>) {
    let mut deadlines: BinaryHeap<Reverse<Deadline>> = BinaryHeap::new();
    loop {
        let received = match deadlines.peek() {
            Some(Reverse((deadline, ..))) => {
                new.recv_timeout(deadline.saturating_duration_since(Instant::now()))
            }
            None => new.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(deadline) => deadlines.push(Reverse(deadline)),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                if let Some(Reverse((_, id, pid))) = deadlines.pop() {
                    kill(supervisor, &id, pid);
                }
            }
        }
    }
}

fn kill(supervisor: &Supervisor, id: &str, pid: i32) {
    let mut state = supervisor.lock();
    state.kills_due -= 1;
    // The leader may be gone and its children not: then the group's number is still theirs. If
    // they are gone too, the number may be anybody's.
    if state.pids.get(id) == Some(&pid) || process::group_belongs_to(pid, id) {
        signal_group(pid, Signal::KILL);
    }
    drop(state);
    supervisor.changed.notify_all();
}

/// A group that is gone needs no signal, so there is no error to report.
pub(crate) fn signal_group(group: i32, signal: Signal) {
    if let Some(group) = Pid::from_raw(group) {
        let _gone = kill_process_group(group, signal);
    }
}
