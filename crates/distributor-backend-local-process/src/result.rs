//! What the end of a process means, as the contract's result.
//!
//! One total match over the ways to end. It reads the tail of the outputs and refuses to keep it:
//! asked again, it reads again and says the same.

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{LogStream, TaskResult};
use serde::Serialize;

use crate::layout::Layout;
use crate::output;
use crate::supervisor::protocol::Exit;
use crate::tasks::End;

/// Largest result, in bytes of JSON; the host takes 256 KiB.
const MOST_RESULT: usize = 200 * 1024;
/// Longest line of standard error in a reason, in bytes.
const MOST_REASON: usize = 500;
/// How much of standard error is searched for its last line, in bytes.
const REASON_TAIL: usize = 4096;

/// The data of a task that ended normally.
#[derive(Debug, Serialize)]
struct Data {
    exit_code: Option<i32>,
    signal: Option<i32>,
    wall_seconds: f64,
    cpu_seconds: f64,
    max_rss_bytes: u64,
    stdout_tail: String,
    stderr_tail: String,
}

/// The result of the task `id` that ended like this.
pub(crate) fn task_result(
    layout: &Layout,
    tail_bytes: usize,
    id: &str,
    end: &End,
    cancelled: bool,
) -> TaskResult {
    let last_words = || {
        let path = layout.output(id, LogStream::Stderr);
        match last_line(&output::tail(&path, REASON_TAIL)) {
            Some(line) => format!(": {line}"),
            None => String::new(),
        }
    };
    match end {
        _ if cancelled => TaskResult::abnormal(Status::Cancelled, cancel_reason(end)),
        End::MachineRestarted => restarted(),
        End::SupervisorDied => {
            TaskResult::abnormal(Status::Crashed, "its supervisor died; exit status unknown")
        }
        End::Exited(exit) => match (exit.code, exit.signal) {
            (Some(0), _) => TaskResult::data(data(layout, tail_bytes, id, exit)),
            (Some(code), _) => {
                TaskResult::abnormal(Status::Failed, format!("exit code {code}{}", last_words()))
            }
            (None, Some(signal)) => TaskResult::abnormal(
                Status::Crashed,
                format!("ended by {}{}", signal_name(signal), last_words()),
            ),
            (None, None) => TaskResult::abnormal(Status::Crashed, "ended in an unknown way"),
        },
    }
}

/// The result of a task whose end nobody could record.
pub(crate) fn restarted() -> TaskResult {
    TaskResult::abnormal(Status::Crashed, "the machine restarted while it ran")
}

fn cancel_reason(end: &End) -> String {
    match end {
        End::Exited(exit) => match (exit.code, exit.signal) {
            (Some(code), _) => format!("cancelled; exit code {code}"),
            (None, Some(signal)) => format!("cancelled; ended by {}", signal_name(signal)),
            (None, None) => "cancelled".to_owned(),
        },
        End::SupervisorDied | End::MachineRestarted => "cancelled; exit status unknown".to_owned(),
    }
}

fn signal_name(signal: i32) -> String {
    match signal_hook::low_level::signal_name(signal) {
        Some(name) => format!("signal {signal} ({name})"),
        None => format!("signal {signal}"),
    }
}

fn data(layout: &Layout, tail_bytes: usize, id: &str, exit: &Exit) -> String {
    let tail = |stream| output::tail(&layout.output(id, stream), tail_bytes);
    let mut data = Data {
        exit_code: exit.code,
        signal: exit.signal,
        wall_seconds: seconds(exit.wall_us),
        cpu_seconds: seconds(exit.cpu_us),
        max_rss_bytes: exit.max_rss_bytes,
        stdout_tail: tail(LogStream::Stdout),
        stderr_tail: tail(LogStream::Stderr),
    };
    loop {
        // Numbers, strings and null always can be written.
        let text = serde_json::to_string(&data).unwrap_or_else(|_| "{}".to_owned());
        if text.len() <= MOST_RESULT {
            return text;
        }
        // Escapes may make a tail six times as long. Less of the longer one, then.
        let longer = if data.stdout_tail.len() >= data.stderr_tail.len() {
            &mut data.stdout_tail
        } else {
            &mut data.stderr_tail
        };
        let middle =
            (longer.len() / 2..=longer.len()).find(|index| longer.is_char_boundary(*index));
        longer.drain(..middle.unwrap_or(longer.len()));
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact to the microsecond for the first 285 years"
)]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

fn last_line(text: &str) -> Option<String> {
    let line = text
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())?;
    let end = line.floor_char_boundary(MOST_REASON);
    Some(match end < line.len() {
        true => format!("{}…", &line[..end]),
        false => line.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const ID: &str = "q|1|1";

    fn exit(code: Option<i32>, signal: Option<i32>) -> End {
        End::Exited(Exit {
            id: ID.to_owned(),
            code,
            signal,
            wall_us: 1_500_000,
            cpu_us: 10_000,
            max_rss_bytes: 4096,
        })
    }

    fn with_output(stdout: &[u8], stderr: &[u8]) -> (tempfile::TempDir, Layout) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_owned());
        let path = layout.output(ID, LogStream::Stdout);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, stdout).unwrap();
        fs::write(layout.output(ID, LogStream::Stderr), stderr).unwrap();
        (folder, layout)
    }

    #[test]
    fn each_way_to_end_has_one_meaning() {
        let (_folder, layout) = with_output(b"", b"warning\nno such file\n\n");
        let table = [
            (
                exit(Some(3), None),
                false,
                Status::Failed,
                "exit code 3: no such file",
            ),
            (
                exit(None, Some(11)),
                false,
                Status::Crashed,
                "ended by signal 11 (SIGSEGV): no such file",
            ),
            (
                exit(Some(0), None),
                true,
                Status::Cancelled,
                "cancelled; exit code 0",
            ),
            (
                exit(None, Some(15)),
                true,
                Status::Cancelled,
                "cancelled; ended by signal 15 (SIGTERM)",
            ),
            (
                End::SupervisorDied,
                false,
                Status::Crashed,
                "its supervisor died; exit status unknown",
            ),
            (
                End::SupervisorDied,
                true,
                Status::Cancelled,
                "cancelled; exit status unknown",
            ),
            (
                End::MachineRestarted,
                false,
                Status::Crashed,
                "the machine restarted while it ran",
            ),
        ];
        for (end, cancelled, status, reason) in table {
            assert_eq!(
                task_result(&layout, 4096, ID, &end, cancelled),
                TaskResult::abnormal(status, reason)
            );
        }
    }

    #[test]
    fn exit_code_zero_gives_data_with_the_tails() {
        let (_folder, layout) = with_output(b"one\ntwo\n", b"\xff");
        assert_eq!(
            task_result(&layout, 5, ID, &exit(Some(0), None), false),
            TaskResult::data(
                r#"{"exit_code":0,"signal":null,"wall_seconds":1.5,"cpu_seconds":0.01,"max_rss_bytes":4096,"stdout_tail":"\ntwo\n","stderr_tail":"�"}"#
            )
        );
    }

    #[test]
    fn a_result_never_grows_too_large() {
        let (_folder, layout) = with_output(&[1; 65536], &[0xff; 65536]);
        let TaskResult::Data(data) = task_result(&layout, 65536, ID, &exit(Some(0), None), false)
        else {
            panic!("no data");
        };
        assert!(data.object.len() <= MOST_RESULT);
        assert!(data.object.len() > MOST_RESULT / 4);
    }

    #[test]
    fn a_long_last_line_is_cut_between_characters() {
        let line = last_line(&format!("x{}", "é".repeat(400))).unwrap();
        assert!(line.ends_with("é…"));
        assert!(line.len() <= MOST_REASON + "…".len());
    }
}
