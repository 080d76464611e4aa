//! Makes one process, the cheap way.
//!
//! It refuses everything that turns std's posix_spawn path into a fork (`pre_exec`, a uid, a
//! program looked up in a changed PATH): a fork copies the page tables of its parent.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::supervisor::protocol::Start;

/// Why no process was made.
#[derive(Debug)]
pub(super) struct Refusal {
    /// For people.
    pub(super) reason: String,
    /// True if another try may succeed.
    pub(super) temporary: bool,
}

/// Starts the process, as the leader of its own group.
pub(super) fn spawn(start: &Start) -> Result<Child, Refusal> {
    let stdin = match &start.stdin {
        Some(path) => File::open(path)
            .map(Stdio::from)
            .map_err(|error| refuse_file(path, &error))?,
        None => Stdio::null(),
    };
    let stdout = output_file(&start.stdout).map_err(|error| refuse_file(&start.stdout, &error))?;
    let stderr = output_file(&start.stderr).map_err(|error| refuse_file(&start.stderr, &error))?;
    let mut command = Command::new(&start.program);
    let (name, arguments) = start.arguments.split_first().unzip();
    if let Some(name) = name {
        command.arg0(name);
    }
    command
        .args(arguments.unwrap_or_default())
        .envs(start.environment.iter().map(|(name, value)| (name, value)))
        .stdin(stdin)
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0);
    if let Some(directory) = &start.directory {
        command.current_dir(directory);
    }
    command
        .spawn()
        .map_err(|error| refuse_program(start, &error))
}

fn output_file(path: &Path) -> io::Result<File> {
    let open = || {
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
    };
    match (open(), path.parent()) {
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(parent)?;
            open()
        }
        (opened, _) => opened,
    }
}

/// A file of ours that cannot be had: not the job's fault, so worth another try.
fn refuse_file(path: &Path, error: &io::Error) -> Refusal {
    Refusal {
        reason: format!("failed to open {}: {error}", path.display()),
        temporary: true,
    }
}

fn refuse_program(start: &Start, error: &io::Error) -> Refusal {
    let program = start.program.display();
    if let Some(directory) = &start.directory
        && let Err(error) = enter(Path::new(directory))
    {
        return Refusal {
            reason: format!("cannot run {program} in directory {directory}: {error}"),
            temporary: false,
        };
    }
    let hint = match error.kind() {
        io::ErrorKind::NotFound if start.program.exists() => {
            "; the file exists, so the interpreter named in its first line may be missing"
        }
        _ => "",
    };
    let temporary = matches!(
        error.raw_os_error(),
        Some(
            libc::EAGAIN
                | libc::ENOMEM
                | libc::EMFILE
                | libc::ENFILE
                | libc::ETXTBSY
                | libc::EIO
                | libc::EINTR
        )
    );
    Refusal {
        reason: format!("cannot start program {program}: {error}{hint}"),
        temporary,
    }
}

/// posix_spawn does not say whether the directory or the program was at fault.
fn enter(directory: &Path) -> io::Result<()> {
    if !fs::metadata(directory)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    rustix::fs::access(directory, rustix::fs::Access::EXEC_OK)?;
    Ok(())
}
