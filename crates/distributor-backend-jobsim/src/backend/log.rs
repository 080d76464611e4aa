//! The log of tasks: what must be known after a restart, in a file that is only appended to.
//!
//! One JSON object a line: a task began, with all that it takes to begin it again; it ended; the host
//! needs it no more. A line is written at once and without fsync: a killed service loses nothing, a
//! power cut the last seconds. The file is written anew, without what nobody needs, when it is opened
//! and when that is most of it. It holds activation tokens: mode 0600.
//!
//! It refuses to interpret: what the lines mean together is said in [`replay`] and nowhere else.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use distributor_core::{ExecutionId, Secret};
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use crate::task::Order;

/// The form of the records; a file of another one is refused.
const FORMAT: u32 = 1;

/// A smaller file is not written anew.
const SMALLEST_REWRITE: u64 = 8 * 1024 * 1024;

/// A line of the file. It has no `Debug`: it holds a token.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record<'a> {
    Header {
        format: u32,
    },
    Started {
        id: ExecutionId,
        activation_token: String,
        config_name: Cow<'a, str>,
        parameters: Cow<'a, str>,
        previous: Option<Cow<'a, str>>,
    },
    Ended {
        id: ExecutionId,
        key: Cow<'a, str>,
        outcome: Cow<'a, Outcome>,
    },
    Released {
        id: ExecutionId,
    },
}

/// What is known of a task that the host may still ask for.
#[derive(Debug, Clone)]
pub(super) enum Known<'a> {
    /// It is to be executed.
    Started(Cow<'a, Order>),
    /// It is over. The key tells whether a repeated `run` means the same task.
    Ended {
        /// See [`super::table::Task::key`].
        key: Cow<'a, str>,
        /// How.
        outcome: Cow<'a, Outcome>,
    },
}

/// The open file.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    /// The last write may have been cut short.
    torn: bool,
    written: u64,
    /// Bytes of records that a rewrite would leave out.
    dead: u64,
}

impl Log {
    /// Opens the file, or makes it, and gives what is in it.
    ///
    /// # Errors
    /// The file or its folder cannot be used, or it is of another form.
    pub(super) fn open(path: &Path) -> io::Result<(Log, BTreeMap<ExecutionId, Known<'static>>)> {
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
        }
        let known = match File::open(path) {
            Ok(file) => replay(BufReader::new(file))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        let records = known.iter().map(|(id, known)| (*id, known.borrowed()));
        let (file, written) = write_anew(path, records)?;
        let log = Log {
            path: path.to_owned(),
            file,
            torn: false,
            written,
            dead: 0,
        };
        Ok((log, known))
    }

    /// Adds what is known of a task now; gives the length of the record.
    ///
    /// # Errors
    /// It could not be written: after a restart it may be unknown.
    pub(super) fn append(&mut self, id: ExecutionId, known: &Known<'_>) -> io::Result<u64> {
        self.write(&record(id, known))
    }

    /// Adds that the host needs a task no more. If that is lost, it is kept for longer.
    pub(super) fn append_release(&mut self, id: ExecutionId) {
        let length = self.write(&Record::Released { id }).unwrap_or_default();
        self.waste(length);
    }

    fn write(&mut self, record: &Record<'_>) -> io::Result<u64> {
        let mut line = Vec::with_capacity(512);
        if self.torn {
            // What a failed write left behind must not swallow this record.
            line.push(b'\n');
        }
        append_line(&mut line, record)?;
        self.torn = true;
        self.file.write_all(&line)?;
        self.torn = false;
        let length = line.len() as u64;
        self.written += length;
        Ok(length)
    }

    /// A record of this length is needed no more.
    pub(super) fn waste(&mut self, length: u64) {
        self.dead += length;
    }

    /// True if writing the file anew is worth it: then it costs no more than the appends did.
    pub(super) fn is_mostly_dead(&self) -> bool {
        self.written > SMALLEST_REWRITE && self.dead > self.written / 2
    }

    /// Writes the file anew with `known`, which is everything. If that fails the old one goes on,
    /// and the next try is when as much again has been wasted.
    pub(super) fn rewrite<'a>(&mut self, known: impl Iterator<Item = (ExecutionId, Known<'a>)>) {
        self.dead = 0;
        if let Ok((file, written)) = write_anew(&self.path, known) {
            self.file = file;
            self.written = written;
            self.torn = false;
        }
    }
}

impl Known<'_> {
    fn borrowed(&self) -> Known<'_> {
        match self {
            Known::Started(order) => Known::Started(Cow::Borrowed(order)),
            Known::Ended { key, outcome } => Known::Ended {
                key: Cow::Borrowed(key),
                outcome: Cow::Borrowed(outcome),
            },
        }
    }
}

/// What the lines mean together: the last word on each task. A line that does not parse is one that
/// a crash cut short.
fn replay(mut lines: impl BufRead) -> io::Result<BTreeMap<ExecutionId, Known<'static>>> {
    let mut known = BTreeMap::new();
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        match serde_json::from_slice::<Record<'static>>(&line) {
            Ok(Record::Header { format: FORMAT }) | Err(_) => {}
            Ok(Record::Header { format }) => {
                let message = format!("form {format} is not the {FORMAT} that this build knows");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            Ok(Record::Started {
                id,
                activation_token,
                config_name,
                parameters,
                previous,
            }) => {
                let Ok(token) = STANDARD_NO_PAD.decode(activation_token) else {
                    continue;
                };
                let order = Order {
                    execution: id,
                    activation_token: Secret::new(token),
                    config_name: config_name.into_owned(),
                    parameters: parameters.into_owned(),
                    previous: previous.map(Cow::into_owned),
                };
                known.insert(id, Known::Started(Cow::Owned(order)));
            }
            Ok(Record::Ended { id, key, outcome }) => {
                known.insert(id, Known::Ended { key, outcome });
            }
            Ok(Record::Released { id }) => {
                known.remove(&id);
            }
        }
        line.clear();
    }
    Ok(known)
}

fn record<'a>(id: ExecutionId, known: &'a Known<'_>) -> Record<'a> {
    match known {
        Known::Started(order) => Record::Started {
            id,
            activation_token: STANDARD_NO_PAD.encode(order.activation_token.expose()),
            config_name: Cow::Borrowed(&order.config_name),
            parameters: Cow::Borrowed(&order.parameters),
            previous: order.previous.as_deref().map(Cow::Borrowed),
        },
        Known::Ended { key, outcome } => Record::Ended {
            id,
            key: Cow::Borrowed(key),
            outcome: Cow::Borrowed(outcome),
        },
    }
}

fn append_line(line: &mut Vec<u8>, record: &Record<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *line, record)?;
    line.push(b'\n');
    Ok(())
}

/// A file with these records takes the place of the old one, at once and as a whole.
fn write_anew<'a>(
    path: &Path,
    known: impl Iterator<Item = (ExecutionId, Known<'a>)>,
) -> io::Result<(File, u64)> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    let mut buffer = Vec::new();
    let mut written = 0;
    append_line(&mut buffer, &Record::Header { format: FORMAT })?;
    for (id, known) in known {
        append_line(&mut buffer, &record(id, &known))?;
        if buffer.len() > 64 * 1024 {
            file.write_all(&buffer)?;
            written += buffer.len() as u64;
            buffer.clear();
        }
    }
    file.write_all(&buffer)?;
    written += buffer.len() as u64;
    // Seldom, and a power cut must not leave an empty file where a full one was.
    file.sync_data()?;
    fs::rename(&new, path)?;
    Ok((file, written))
}

#[cfg(test)]
mod tests;
