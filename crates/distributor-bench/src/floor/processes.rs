//! Starting and reaping `/bin/true`, with nothing written down.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::child::{Outcome, peak_rss_bytes};

/// The program that does nothing.
pub(crate) const PROGRAM: &str = "/bin/true";

/// Some threads that each spawn, wait, and spawn the next.
pub(crate) fn spawn_and_wait(count: u64, threads: usize) -> Result<Outcome> {
    let started = AtomicU64::new(0);
    let work = || -> Result<()> {
        while started.fetch_add(1, Ordering::Relaxed) < count {
            let status = Command::new(PROGRAM).stdin(Stdio::null()).status();
            let status = status.with_context(|| format!("starting {PROGRAM}"))?;
            ensure!(status.success(), "{PROGRAM} failed ({status})");
        }
        Ok(())
    };
    let begin = Instant::now();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| {
            let outcome = thread.join();
            outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })?;
    Ok(Outcome {
        duration: begin.elapsed(),
        peak_rss_bytes: Some(peak_rss_bytes()?),
        ..Outcome::default()
    })
}

/// `xargs`, which gets one word for each process.
pub(crate) fn xargs(count: u64, processes: usize) -> Result<Outcome> {
    let words: String = (1..=count).map(|number| format!("{number}\n")).collect();
    let begin = Instant::now();
    let mut child = Command::new("xargs")
        .args([&format!("-P{processes}"), "-n1", PROGRAM])
        .stdin(Stdio::piped())
        .spawn()
        .context("starting xargs")?;
    // Taken, so that it is closed before the wait: the end of the input is the end of xargs.
    if let Some(mut input) = child.stdin.take() {
        input
            .write_all(words.as_bytes())
            .context("writing to xargs")?;
    }
    let status = child.wait().context("waiting for xargs")?;
    let duration = begin.elapsed();
    ensure!(status.success(), "xargs failed ({status})");
    Ok(Outcome {
        duration,
        ..Outcome::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_run_to_the_end() {
        assert!(spawn_and_wait(5, 2).is_ok());
        assert!(xargs(5, 2).is_ok());
    }
}
