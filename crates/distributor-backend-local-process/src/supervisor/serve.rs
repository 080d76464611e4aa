//! The supervisor's main function and its threads.
//!
//! One reads requests, one or a few make processes (the kernel stops a thread that does so until
//! the child has its program), one reaps, one kills what outlives its grace, one writes events.

use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::process;
use crate::supervisor::log::STARTS_PER_SEGMENT;
use crate::supervisor::protocol::{Header, Request};
use crate::supervisor::state::{Supervisor, complain};
use crate::supervisor::{kill, reap, spawn};

/// Option for tests: how many tasks are started per log segment.
const STARTS_OPTION: &str = "--starts-per-segment=";

/// Option: how many tasks run at once. What is asked for beyond that waits here for its turn, so that a
/// free slot never waits for the service.
pub(crate) const SLOTS_OPTION: &str = "--slots=";

/// More threads that make processes than this do not pay.
const MOST_SPAWNERS: usize = 4;

/// Main function of the supervisor. The last argument is the folder for the log.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    match serve(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &[OsString]) -> io::Result<()> {
    leave_session()?;
    let usage =
        || io::Error::other("usage: supervisor [--slots=N] [--starts-per-segment=N] LOG-DIRECTORY");
    let (directory, options) = arguments.split_last().ok_or_else(usage)?;
    let mut starts_per_segment = STARTS_PER_SEGMENT;
    let mut slots = usize::MAX;
    for option in options {
        let option = option.to_str().ok_or_else(usage)?;
        if let Some(number) = option.strip_prefix(SLOTS_OPTION) {
            slots = number.parse().map_err(|_| usage())?;
        } else if let Some(number) = option.strip_prefix(STARTS_OPTION) {
            starts_per_segment = number.parse().map_err(|_| usage())?;
        } else {
            return Err(usage());
        }
    }
    let pid = i32::try_from(std::process::id()).map_err(io::Error::other)?;
    let header = Header {
        boot_id: process::boot_id()?,
        pid,
        start_time: process::stat(pid).map_or(0, |stat| stat.start_time),
    };

    let (event_sender, events) = mpsc::channel();
    let directory = PathBuf::from(directory);
    let supervisor = Supervisor::new(directory, header, slots, starts_per_segment, event_sender)?;
    let supervisor = Arc::new(supervisor);
    thread::Builder::new()
        .name("events".to_owned())
        .spawn(move || write_events(&events))?;
    in_thread(&supervisor, "reaper", reap::reap_children)?;
    let spawners = thread::available_parallelism().map_or(1, |count| count.get());
    for _ in 0..spawners.min(MOST_SPAWNERS) {
        in_thread(&supervisor, "spawner", spawn_tasks)?;
    }
    in_thread(&supervisor, "killer", kill::kill_when_due)?;

    read_requests(|request| match request {
        Request::Start(start) => supervisor.enqueue(*start),
        Request::Cancel { id, grace_ms } => {
            let grace = Duration::from_millis(grace_ms);
            kill::cancel(&supervisor, id, grace);
        }
    });
    supervisor.detach();
    drop(supervisor.wait_while(|state| !state.is_done()));
    kill::wait_for_leftovers(&supervisor);
    Ok(())
}

/// Makes sure that a terminal's Ctrl-C or hang-up does not end the supervisor: it has to write
/// down how its tasks end. The signals are caught and not ignored, as the tasks would inherit that.
fn leave_session() -> io::Result<()> {
    // Fails for the leader of a process group, which then has its own group already.
    let _leader_already = rustix::process::setsid();
    for signal in [
        signal_hook::consts::SIGINT,
        signal_hook::consts::SIGHUP,
        signal_hook::consts::SIGQUIT,
    ] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    Ok(())
}

fn in_thread(
    supervisor: &Arc<Supervisor>,
    name: &str,
    run: impl FnOnce(&Supervisor) + Send + 'static,
) -> io::Result<()> {
    let supervisor = Arc::clone(supervisor);
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || run(&supervisor))?;
    Ok(())
}

fn spawn_tasks(supervisor: &Supervisor) {
    while let Some(begun) = supervisor.next() {
        match spawn::spawn(&begun.start) {
            Ok(child) => {
                let pid = i32::try_from(child.id()).unwrap_or(0);
                let start_time = process::stat(pid).map_or(0, |stat| stat.start_time);
                supervisor.started(begun, pid, start_time);
            }
            Err(refusal) => supervisor.refused(begun, refusal),
        }
    }
}

/// Returns at end of file, which is the service's death or its wish to be left.
fn read_requests(mut handle: impl FnMut(Request)) {
    let mut input = io::BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut line = Vec::new();
    loop {
        line.clear();
        match input.read_until(b'\n', &mut line) {
            Ok(_) if line.last() == Some(&b'\n') => match serde_json::from_slice(&line) {
                Ok(request) => handle(request),
                Err(error) => complain(&format!("failed to read a request: {error}")),
            },
            // A line without its end is what a killed service was about to write.
            Ok(_) | Err(_) => return,
        }
    }
}

/// Writes what is there, many events at a time, until the service stops listening.
fn write_events(events: &mpsc::Receiver<Vec<u8>>) {
    const ENOUGH: usize = 1 << 16;
    let mut output = io::stdout().lock();
    while let Ok(mut lines) = events.recv() {
        while lines.len() < ENOUGH
            && let Ok(more) = events.try_recv()
        {
            lines.extend(more);
        }
        if output
            .write_all(&lines)
            .and_then(|()| output.flush())
            .is_err()
        {
            return;
        }
    }
}
