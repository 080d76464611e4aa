//! Ends tasks: TERM to the group at once, KILL to what is left of it when the grace is over.
//!
//! It refuses to signal a group of which it cannot be sure that it is the task's.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::process;
use crate::supervisor::state::Supervisor;

/// How often a supervisor without tasks looks whether what it is to kill is still there.
const LEFTOVER_INTERVAL: Duration = Duration::from_millis(100);

/// Takes the task out of the queue, or sends TERM to it, if it runs and was not sent one, and arranges for the KILL.
pub(super) fn cancel(supervisor: &Supervisor, id: String, grace: Duration) {
    let mut state = supervisor.lock();
    if supervisor.call_off(&mut state, &id) {
        return;
    }
    let Some(pid) = supervisor.cancelling(&mut state, &id) else {
        return;
    };
    signal_group(pid, Signal::TERM);
    // A grace beyond the range of the clock means that there is no KILL.
    if let Some(deadline) = Instant::now().checked_add(grace) {
        state.deadlines.insert((deadline, id, pid));
        supervisor.new_deadline.notify_one();
    }
}

/// Sends the KILLs when they are due, until the process ends.
pub(super) fn kill_when_due(supervisor: &Supervisor) {
    let mut state = supervisor.lock();
    loop {
        let now = Instant::now();
        state = match state.deadlines.first() {
            Some((deadline, ..)) if *deadline <= now => {
                if let Some((_, id, pid)) = state.deadlines.pop_first() {
                    // The leader may be gone and its children not: then the group's number is
                    // still theirs. If they are gone too, the number may be anybody's.
                    let leads = state.pids.get(&id) == Some(&pid);
                    if leads || process::group_belongs_to(pid, &id) {
                        signal_group(pid, Signal::KILL);
                    }
                }
                state
            }
            Some((deadline, ..)) => {
                let left = *deadline - now;
                supervisor
                    .new_deadline
                    .wait_timeout(state, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
            None => supervisor
                .new_deadline
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner),
        };
    }
}

/// Returns when nothing is left that would have to be killed.
///
/// The rare case: the service is gone, all tasks are over, and one that was cancelled has left
/// children behind that take their time.
pub(super) fn wait_for_leftovers(supervisor: &Supervisor) {
    loop {
        let mut state = supervisor.lock();
        state
            .deadlines
            .retain(|(_, id, pid)| process::group_belongs_to(*pid, id));
        if state.deadlines.is_empty() {
            return;
        }
        let waited = supervisor.changed.wait_timeout(state, LEFTOVER_INTERVAL);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

/// A group that is gone needs no signal, so there is no error to report.
pub(crate) fn signal_group(group: i32, signal: Signal) {
    if let Some(group) = Pid::from_raw(group) {
        let _gone = kill_process_group(group, signal);
    }
}
