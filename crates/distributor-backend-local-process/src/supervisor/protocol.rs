//! What service and supervisor say to each other, and what the log holds: one JSON value a line.
//!
//! The log and the event stream share [`Record`], so a service that lost its supervisor learns
//! from the file what it would have learnt from the pipe. Enums are externally tagged on purpose:
//! other forms of tagging break when some crate turns on serde_json's `arbitrary_precision`.

use std::io;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// From the service, on the supervisor's standard input. End of file means that the service is
/// gone: what has not been started by then never will be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// Start a task, now.
    Start(Box<Start>),
    /// TERM to the task's process group, KILL after `grace_ms` milliseconds.
    Cancel {
        /// The execution.
        id: String,
        /// From TERM to KILL.
        grace_ms: u64,
    },
}

/// A task, ready to be started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Start {
    /// The execution, `QUEST|N|E`.
    pub(crate) id: String,
    /// The resolved program file.
    pub(crate) program: PathBuf,
    /// The whole argument vector, with the name the program was called by.
    pub(crate) arguments: Vec<String>,
    /// Working directory; the supervisor's own (the service's) if absent.
    pub(crate) directory: Option<String>,
    /// Variables set on top of the supervisor's own environment.
    pub(crate) environment: Vec<(String, String)>,
    /// File read as standard input; the null device if absent.
    pub(crate) stdin: Option<PathBuf>,
    /// File made for standard output.
    pub(crate) stdout: PathBuf,
    /// File made for standard error.
    pub(crate) stderr: PathBuf,
    /// Files removed once the task is over, and folders, with everything in them.
    pub(crate) work_files: Vec<PathBuf>,
}

/// From the supervisor, on its standard output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    /// A new log segment. The first event of all.
    Opened {
        /// Its number, unique to this supervisor.
        segment: u32,
        /// Its file name.
        name: String,
    },
    /// Nothing will be added to this segment any more.
    Closed {
        /// Its number.
        segment: u32,
    },
    /// Something that was written to the log.
    Record {
        /// The number of the segment.
        segment: u32,
        /// What was written.
        record: Record,
    },
}

/// One line of a log segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    /// The first line.
    Header(Header),
    /// A process is about to be made for this execution.
    Starting {
        /// The execution.
        id: String,
    },
    /// The process exists.
    Started {
        /// The execution.
        id: String,
        /// Process id and process group.
        pid: i32,
        /// With the pid the identity of a process; 0 if it was over before anyone looked.
        start_time: u64,
    },
    /// No process was made.
    Refused {
        /// The execution.
        id: String,
        /// Why.
        reason: String,
        /// True if the machine was short of something: another try may succeed.
        temporary: bool,
    },
    /// TERM was sent because the service asked for the end.
    Cancelling {
        /// The execution.
        id: String,
    },
    /// The process is over.
    Exited(Exit),
    /// The service is gone and nothing will be started any more. Written to the newest segment.
    Detached,
}

/// Whose segment it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The kernel's id of the boot during which the supervisor runs.
    pub(crate) boot_id: String,
    /// The supervisor's process id.
    pub(crate) pid: i32,
    /// The supervisor's start time, in clock ticks since boot.
    pub(crate) start_time: u64,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exit {
    /// The execution.
    pub(crate) id: String,
    /// Exit code, unless it was ended by a signal.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    /// Microseconds from start to end.
    pub(crate) wall_us: u64,
    /// User and system time of it and the children it waited for, in microseconds.
    pub(crate) cpu_us: u64,
    /// Largest resident set of it or of one of those children, in bytes.
    pub(crate) max_rss_bytes: u64,
}

/// What the service itself adds about a segment, in a file beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Note {
    /// The end of this execution is recorded elsewhere and needs no record here any more.
    Released(String),
    /// The service itself sent TERM to a task whose supervisor it does not control.
    Cancelling(String),
}

/// Appends `value` as one line.
///
/// # Errors
/// If a path in it is not UTF-8.
pub(crate) fn append_line<T: Serialize>(lines: &mut Vec<u8>, value: &T) -> io::Result<()> {
    let length = lines.len();
    if let Err(error) = serde_json::to_writer(&mut *lines, value) {
        lines.truncate(length);
        return Err(error.into());
    }
    lines.push(b'\n');
    Ok(())
}

/// Reads the complete lines of `text`, and says how many bytes they take.
///
/// A last line without its end is left for later, as a crash or a slow writer makes one. A line
/// that is no `T` is skipped: it was torn by a full disk, and what it said is lost.
pub(crate) fn parse_lines<T: DeserializeOwned>(text: &[u8]) -> (Vec<T>, usize) {
    let complete = text
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let values = text[..complete]
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect();
    (values, complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn released(id: &str) -> Note {
        Note::Released(id.to_owned())
    }

    #[test]
    fn a_torn_last_line_is_left_for_later() {
        let mut text = Vec::new();
        append_line(&mut text, &released("a|1|1")).unwrap();
        let whole = text.len();
        append_line(&mut text, &released("b|1|1")).unwrap();
        for end in whole..text.len() {
            let (notes, used) = parse_lines::<Note>(&text[..end]);
            assert_eq!((notes, used), (vec![released("a|1|1")], whole));
        }
    }

    #[test]
    fn a_damaged_line_hides_no_other() {
        let text = b"{\"released\":\"a\"}\n{\"relea\n\x00\x00\n\n{\"released\":\"b\"}\n";
        let (notes, used) = parse_lines::<Note>(text);
        assert_eq!(notes, [released("a"), released("b")]);
        assert_eq!(used, text.len());
    }

    #[test]
    fn records_keep_their_written_form() {
        let samples = [
            (
                r#"{"starting":{"id":"q|1|1"}}"#,
                Record::Starting { id: "q|1|1".into() },
            ),
            (
                r#"{"started":{"id":"q|1|1","pid":7,"start_time":99}}"#,
                Record::Started {
                    id: "q|1|1".into(),
                    pid: 7,
                    start_time: 99,
                },
            ),
            (r#""detached""#, Record::Detached),
            (
                r#"{"exited":{"id":"q|1|1","code":0,"signal":null,"wall_us":1,"cpu_us":2,"max_rss_bytes":3}}"#,
                Record::Exited(Exit {
                    id: "q|1|1".into(),
                    code: Some(0),
                    signal: None,
                    wall_us: 1,
                    cpu_us: 2,
                    max_rss_bytes: 3,
                }),
            ),
        ];
        for (text, record) in samples {
            assert_eq!(serde_json::from_str::<Record>(text).unwrap(), record);
            assert_eq!(serde_json::to_string(&record).unwrap(), text);
        }
    }
}
