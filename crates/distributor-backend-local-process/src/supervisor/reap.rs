//! The thread that waits for children.
//!
//! It refuses to reap outside the lock: until a zombie's end is recorded its pid stays taken.

use std::io;

use crate::supervisor::state::{State, Supervisor, complain};
use crate::supervisor::wait;

/// How many ends go into one write of the log at most.
const BATCH: usize = 64;

/// Runs until the supervisor is done.
pub(super) fn reap_children(supervisor: &Supervisor) {
    loop {
        let spawned = supervisor.lock().spawned;
        match wait::peek(true) {
            Ok(_some_zombie) => collect(supervisor),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                if error.raw_os_error() != Some(libc::ECHILD) {
                    complain(&format!("failed to wait for children: {error}"));
                }
                let state =
                    supervisor.wait_while(|state| state.spawned == spawned && !state.is_done());
                if state.is_done() {
                    return;
                }
            }
        }
    }
}

fn collect(supervisor: &Supervisor) {
    let mut state = supervisor.lock();
    let mut ended = Vec::new();
    let mut unknown = None;
    while ended.len() < BATCH {
        let Ok(Some(pid)) = wait::peek(false) else {
            break;
        };
        if !state.running.contains_key(&pid) && state.spawning > 0 {
            // Either its start is about to be recorded, or it never became a program, and then
            // posix_spawn takes it away itself.
            unknown = Some(pid);
            break;
        }
        match wait::reap(pid) {
            Ok(Some(reaped)) => ended.push((pid, reaped)),
            Ok(None) | Err(_) => break,
        }
    }
    let files = supervisor.exited(&mut state, ended);
    drop(state);
    supervisor.slots_freed();
    supervisor.remove(&files);
    if let Some(pid) = unknown {
        let spawned = |state: &State| state.spawning == 0 || state.running.contains_key(&pid);
        let spawning = supervisor.lock().spawning;
        drop(supervisor.wait_while(|state| !spawned(state) && state.spawning == spawning));
    }
}
