//! Runs the program that hands out access tokens.
//!
//! It refuses to use a shell, to read without bound, and to repeat what the program prints on its
//! standard output: that is the secret.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use distributor_core::{Clock, Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// How long it may take. Less than a host waits for an answer, so that the reason is told.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of its standard output.
const MOST_OUTPUT: usize = 64 * 1024;
/// Bytes of its standard error that are looked at.
const MOST_COMPLAINT: usize = 4 * 1024;
/// Characters of its standard error that are told.
const TOLD: usize = 300;

/// Runs it to its end and gives its standard output. Dropping the future kills it.
///
/// # Errors
/// Transient and not applied: an operator can repair it while work waits.
pub(super) async fn run(program: &str, arguments: &[String], clock: &dyn Clock) -> Result<Vec<u8>> {
    let deadline = clock.now().after(TIMEOUT);
    tokio::select! {
        biased;
        output = output(program, arguments) => output,
        () = clock.sleep_until(deadline) => {
            let message = format!("did not end within {} s and was killed", TIMEOUT.as_secs());
            Err(failed(program, ErrorKind::Timeout, &message))
        }
    }
}

async fn output(program: &str, arguments: &[String]) -> Result<Vec<u8>> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            failed(program, ErrorKind::Unauthenticated, "cannot be started").because(error)
        })?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = tokio::join!(head(stdout, MOST_OUTPUT), head(stderr, MOST_COMPLAINT));
    let status = child.wait().await;
    let unreadable =
        |error| failed(program, ErrorKind::Unauthenticated, "cannot be read").because(error);
    let status = status.map_err(unreadable)?;
    if !status.success() {
        return Err(failed(
            program,
            ErrorKind::Unauthenticated,
            &complaint(status, stderr),
        ));
    }
    let (output, is_all) = stdout.map_err(unreadable)?;
    if !is_all {
        return Err(failed(
            program,
            ErrorKind::Unauthenticated,
            "printed more than 64 KiB",
        ));
    }
    Ok(output)
}

/// The first bytes, and whether they are all. What follows is read and dropped, so that the program
/// does not stop in the middle.
async fn head<R: AsyncRead + Unpin>(
    pipe: Option<R>,
    most: usize,
) -> std::io::Result<(Vec<u8>, bool)> {
    let mut kept = Vec::new();
    let Some(mut pipe) = pipe else {
        return Ok((kept, true));
    };
    let mut is_all = true;
    let mut buffer = vec![0; 4096];
    loop {
        let count = pipe.read(&mut buffer).await?;
        if count == 0 {
            return Ok((kept, is_all));
        }
        let room = most.saturating_sub(kept.len());
        is_all &= count <= room;
        kept.extend(buffer.iter().take(count.min(room)));
    }
}

/// How it failed, with the first line of what it says about it.
fn complaint(status: ExitStatus, stderr: std::io::Result<(Vec<u8>, bool)>) -> String {
    let (stderr, _) = stderr.unwrap_or_default();
    let stderr = String::from_utf8_lossy(&stderr);
    let first = stderr.lines().map(str::trim).find(|line| !line.is_empty());
    let first: String = first.unwrap_or_default().chars().take(TOLD).collect();
    let first: String = first.chars().filter(|c| !c.is_control()).collect();
    match first.is_empty() {
        true => format!("failed ({status}) and said nothing"),
        false => format!("failed ({status}): {first}"),
    }
}

/// The arguments may hold secrets, so only the program is named.
pub(super) fn failed(program: &str, kind: ErrorKind, text: &str) -> Error {
    Error::new(
        kind,
        format!("the program for access tokens, `{program}`, {text}"),
    )
    .transient()
    .not_applied()
}
