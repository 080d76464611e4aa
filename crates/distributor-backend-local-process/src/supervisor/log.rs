//! The writing side of the log: append-only segments, each locked by its supervisor.
//!
//! A segment appears under its name only when it is locked and has its header, so a reader that
//! finds no lock knows that the writer is done or dead. The lock is inherited by a child between
//! fork and exec and by nobody after it: a free lock also means that no start is half done. It
//! refuses to read anything (see [`crate::segments`]).

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::supervisor::protocol::{Header, Record, append_line};

/// File name extension of a segment.
pub(crate) const SEGMENT_EXTENSION: &str = "log";

/// How many tasks are started per segment.
pub(crate) const STARTS_PER_SEGMENT: u32 = 4096;

/// A log file that this process writes.
#[derive(Debug)]
pub(super) struct Segment {
    /// File name inside the log directory.
    pub(super) name: String,
    /// How many tasks were started in it.
    pub(super) starts: u32,
    /// How many of them have not ended.
    pub(super) unfinished: u32,
    file: File,
    torn: bool,
}

impl Segment {
    /// Makes the supervisor's segment number `number`, locked, with its header.
    pub(super) fn create(directory: &Path, header: &Header, number: u32) -> io::Result<Segment> {
        let boot = header.boot_id.get(..8).unwrap_or(&header.boot_id);
        let name = format!(
            "{boot}-{}-{}-{number:06}.{SEGMENT_EXTENSION}",
            header.pid, header.start_time
        );
        let hidden = directory.join(format!("{name}.new"));
        let file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&hidden)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        let mut segment = Segment {
            name,
            starts: 0,
            unfinished: 0,
            file,
            torn: false,
        };
        segment.append(&[Record::Header(header.clone())])?;
        fs::rename(hidden, directory.join(&segment.name))?;
        Ok(segment)
    }

    /// Appends the records in one write.
    pub(super) fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let mut lines = Vec::with_capacity(records.len() * 128);
        if self.torn {
            // What a failed write left behind must not swallow the next record.
            lines.push(b'\n');
        }
        for record in records {
            append_line(&mut lines, record)?;
        }
        self.torn = true;
        self.file.write_all(&lines)?;
        self.torn = false;
        Ok(())
    }
}
