//! The two system calls that no safe library offers: `waitid` that names the process, `wait4`.
//!
//! This is the only unsafe code of the crate. It refuses to do anything but wait.

#![expect(
    unsafe_code,
    reason = "rustix's waitid hides the pid, and only wait4 gives the resources that a child used"
)]

use std::io;

/// What the kernel says of a reaped process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reaped {
    /// Exit code, unless it was ended by a signal.
    pub(super) code: Option<i32>,
    /// The signal that ended it.
    pub(super) signal: Option<i32>,
    /// User and system time, in microseconds.
    pub(super) cpu_us: u64,
    /// Largest resident set, in bytes. A process made by vfork never shows less than its parent
    /// had, as it shared its memory for a moment.
    pub(super) max_rss_bytes: u64,
}

/// The pid of some child that is over, which stays a zombie: its pid cannot be taken by another
/// process before [`reap`]. Waits for one if `block`; `None` if there is none.
///
/// # Errors
/// `ECHILD` without any child.
pub(super) fn peek(block: bool) -> io::Result<Option<i32>> {
    let mut options = libc::WEXITED | libc::WNOWAIT;
    if !block {
        options |= libc::WNOHANG;
    }
    // SAFETY: siginfo_t is plain data for which all zeroes is a value (POSIX asks for it with
    // WNOHANG), waitid writes only to it, and si_pid is the member that waitid fills in.
    let (status, pid) = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let status = libc::waitid(libc::P_ALL, 0, &raw mut info, options);
        (status, info.si_pid())
    };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((pid != 0).then_some(pid))
}

/// Takes the zombie `pid` away; `None` if it is not one.
///
/// # Errors
/// `ECHILD` if it is not a child.
pub(super) fn reap(pid: i32) -> io::Result<Option<Reaped>> {
    let mut status = 0;
    // SAFETY: rusage is plain data for which all zeroes is a value; wait4 writes only to the two
    // places it is given, which live until it returns.
    let (reaped, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let reaped = libc::wait4(pid, &raw mut status, libc::WNOHANG, &raw mut usage);
        (reaped, usage)
    };
    if reaped < 0 {
        return Err(io::Error::last_os_error());
    }
    if reaped == 0 {
        return Ok(None);
    }
    Ok(Some(Reaped {
        code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
        signal: libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
        cpu_us: micros(usage.ru_utime) + micros(usage.ru_stime),
        max_rss_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
    }))
}

fn micros(time: libc::timeval) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000 + u64::try_from(time.tv_usec).unwrap_or(0)
}
