//! The reading side of the log: which segments there are, what they say, when they may go.
//!
//! Segments of this service's own supervisor are only counted here, as their records come through
//! the pipe; all others are read, also while their supervisor still writes. It refuses to change a
//! segment: what the service has to add goes into a file of notes beside it.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};

use crate::supervisor::log::SEGMENT_EXTENSION;
use crate::supervisor::protocol::{Header, Note, Record, append_line, parse_lines};

const NOTES_EXTENSION: &str = "notes";

/// One log file.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Whose it is.
    pub(crate) header: Header,
    /// Nobody writes to it any more.
    pub(crate) finished: bool,
    /// Executions whose end it does not hold.
    pub(crate) open: HashSet<String>,
    /// How many of its executions may still be asked for.
    unreleased: usize,
    reader: Option<Reader>,
    notes: Option<File>,
}

#[derive(Debug)]
struct Reader {
    file: File,
    offset: u64,
    released: HashSet<String>,
}

/// All segments of one configuration.
#[derive(Debug)]
pub(crate) struct Segments {
    directory: PathBuf,
    segments: BTreeMap<Arc<str>, Segment>,
    detached: HashSet<Header>,
    /// True once this process is known to be the service: an onlooker deletes nothing.
    pub(crate) may_delete: bool,
}

impl Segments {
    /// Knows nothing yet and touches nothing.
    pub(crate) fn new(directory: PathBuf) -> Self {
        Segments {
            directory,
            segments: BTreeMap::new(),
            detached: HashSet::new(),
            may_delete: false,
        }
    }

    /// A segment by name.
    pub(crate) fn get(&self, name: &str) -> Option<&Segment> {
        self.segments.get(name)
    }

    /// All segments that are read, with their names.
    pub(crate) fn foreign(&self) -> impl Iterator<Item = (&Arc<str>, &Segment)> {
        self.segments
            .iter()
            .filter(|(_, segment)| segment.reader.is_some())
    }

    /// True if the records of this segment come through the pipe.
    pub(crate) fn is_own(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|segment| segment.reader.is_none())
    }

    /// Enters a segment of the service's own supervisor.
    pub(crate) fn add_own(&mut self, name: Arc<str>, header: Header) {
        self.segments.insert(
            name,
            Segment {
                header,
                finished: false,
                open: HashSet::new(),
                unreleased: 0,
                reader: None,
                notes: None,
            },
        );
    }

    /// The supervisor of these segments died: from now on they are read, from their beginning.
    pub(crate) fn disown(&mut self, supervisor: &Header) -> io::Result<()> {
        for (name, segment) in &mut self.segments {
            if segment.header == *supervisor && segment.reader.is_none() && !segment.finished {
                let (reader, _) = open(&self.directory, name)?;
                segment.reader = Some(reader);
            }
        }
        Ok(())
    }

    /// Finds segments that are not known yet, except those of the supervisor `own`. Gives the
    /// executions that were cancelled by notes.
    pub(crate) fn discover(&mut self, own: Option<i32>, boot: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut cancelled = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path
                .extension()
                .is_none_or(|extension| extension != SEGMENT_EXTENSION)
            {
                continue;
            }
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            if self.segments.contains_key(name) {
                continue;
            }
            // A service may delete the file at any moment, and an onlooker must not mind.
            let Ok((reader, notes)) = open(&self.directory, name) else {
                continue;
            };
            let Some(header) = read_header(&reader.file)? else {
                continue;
            };
            if header.boot_id == boot && Some(header.pid) == own {
                continue;
            }
            cancelled.extend(notes);
            self.segments.insert(
                Arc::from(name),
                Segment {
                    header,
                    finished: false,
                    open: HashSet::new(),
                    unreleased: 0,
                    reader: Some(reader),
                    notes: None,
                },
            );
        }
        Ok(cancelled)
    }

    /// What was added to the segments that are read since the last call.
    pub(crate) fn poll(&mut self) -> io::Result<Vec<(Arc<str>, Record)>> {
        let mut news = Vec::new();
        for (name, segment) in &mut self.segments {
            let Some(reader) = segment.reader.as_mut().filter(|_| !segment.finished) else {
                continue;
            };
            // First the lock, then the content: so nothing can come after what is read.
            let finished = !is_locked(&self.directory.join(&**name));
            for record in reader.read_on()? {
                match &record {
                    Record::Header(_) => {}
                    Record::Detached => {
                        self.detached.insert(segment.header.clone());
                    }
                    Record::Starting { id }
                    | Record::Started { id, .. }
                    | Record::Refused { id, .. }
                    | Record::Cancelling { id } => {
                        if !reader.released.contains(id) {
                            news.push((Arc::clone(name), record));
                        }
                    }
                    Record::Exited(exit) => {
                        if !reader.released.contains(&exit.id) {
                            news.push((Arc::clone(name), record));
                        }
                    }
                }
            }
            segment.finished = finished;
        }
        Ok(news)
    }

    /// True if another supervisor may still start tasks.
    pub(crate) fn someone_may_start(&self) -> bool {
        self.foreign()
            .any(|(_, segment)| !segment.finished && !self.detached.contains(&segment.header))
    }

    /// An execution is recorded in this segment.
    pub(crate) fn began(&mut self, name: &str, id: &str) {
        if let Some(segment) = self.segments.get_mut(name)
            && segment.open.insert(id.to_owned())
        {
            segment.unreleased += 1;
        }
    }

    /// Its end is known.
    pub(crate) fn ended(&mut self, name: &str, id: &str) {
        if let Some(segment) = self.segments.get_mut(name) {
            segment.open.remove(id);
        }
    }

    /// Its record is needed no more. Notes that, unless there is nothing worth noting.
    pub(crate) fn released(&mut self, name: &str, id: &str, note: bool) -> io::Result<()> {
        let Some(segment) = self.segments.get_mut(name) else {
            return Ok(());
        };
        segment.open.remove(id);
        segment.unreleased = segment.unreleased.saturating_sub(1);
        if segment.finished && segment.unreleased == 0 {
            self.delete(name);
            return Ok(());
        }
        match note {
            true => self.note(name, &Note::Released(id.to_owned())),
            false => Ok(()),
        }
    }

    /// The supervisor has closed the segment.
    pub(crate) fn closed(&mut self, name: &str) {
        if let Some(segment) = self.segments.get_mut(name) {
            segment.finished = true;
            if segment.unreleased == 0 {
                self.delete(name);
            }
        }
    }

    /// Adds a note beside the segment.
    pub(crate) fn note(&mut self, name: &str, note: &Note) -> io::Result<()> {
        let Some(segment) = self.segments.get_mut(name) else {
            return Ok(());
        };
        let file = match &mut segment.notes {
            Some(file) => file,
            empty => {
                let path = self.directory.join(name).with_extension(NOTES_EXTENSION);
                let file = fs::OpenOptions::new()
                    .append(true)
                    .create(true)
                    .mode(0o600)
                    .open(path)?;
                empty.insert(file)
            }
        };
        let mut line = Vec::new();
        append_line(&mut line, note)?;
        file.write_all(&line)
    }

    /// Deletes finished segments that nobody needs, or nobody has touched since `oldest`: the
    /// releases of their executions were lost in a crash. Gives the ids that are forgotten.
    pub(crate) fn collect_garbage(&mut self, oldest: Option<SystemTime>) {
        let names: Vec<Arc<str>> = self
            .foreign()
            .filter(|(name, segment)| {
                let forgotten = || {
                    let path = self.directory.join(&***name);
                    let changed = fs::metadata(path).and_then(|metadata| metadata.modified());
                    oldest
                        .zip(changed.ok())
                        .is_some_and(|(oldest, changed)| changed < oldest)
                };
                segment.finished
                    && segment.open.is_empty()
                    && (segment.unreleased == 0 || forgotten())
            })
            .map(|(name, _)| Arc::clone(name))
            .collect();
        for name in names {
            self.delete(&name);
        }
    }

    fn delete(&mut self, name: &str) {
        if !self.may_delete {
            return;
        }
        self.segments.remove(name);
        let path = self.directory.join(name);
        // What cannot be deleted now is garbage again after the next start. The notes go last:
        // a segment without them would look as if nothing in it had been released.
        if fs::remove_file(&path).is_ok() {
            let _no_notes = fs::remove_file(path.with_extension(NOTES_EXTENSION));
        }
    }
}

impl Reader {
    fn read_on(&mut self) -> io::Result<Vec<Record>> {
        let length = self.file.metadata()?.len();
        let Ok(new) = usize::try_from(length.saturating_sub(self.offset)) else {
            return Ok(Vec::new());
        };
        if new == 0 {
            return Ok(Vec::new());
        }
        let mut text = vec![0; new];
        self.file.read_exact_at(&mut text, self.offset)?;
        let (records, used) = parse_lines(&text);
        self.offset += used as u64;
        Ok(records)
    }
}

/// Opens a segment, with what its notes say: whom to skip, and who was cancelled.
fn open(directory: &Path, name: &str) -> io::Result<(Reader, Vec<String>)> {
    let path = directory.join(name);
    let file = File::open(&path)?;
    let mut released = HashSet::new();
    let mut cancelled = Vec::new();
    let notes = match fs::read(path.with_extension(NOTES_EXTENSION)) {
        Ok(notes) => notes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    for note in parse_lines::<Note>(&notes).0 {
        match note {
            Note::Released(id) => {
                released.insert(id);
            }
            Note::Cancelling(id) => cancelled.push(id),
        }
    }
    let reader = Reader {
        file,
        offset: 0,
        released,
    };
    Ok((reader, cancelled))
}

fn read_header(file: &File) -> io::Result<Option<Header>> {
    let mut text = [0; 512];
    let length = file.read_at(&mut text, 0)?;
    let first = text[..length].split_inclusive(|byte| *byte == b'\n').next();
    let (records, _) = parse_lines::<Record>(first.unwrap_or_default());
    Ok(match records.into_iter().next() {
        Some(Record::Header(header)) => Some(header),
        _ => None,
    })
}

/// The supervisor locks a segment before it gets its name, so asking cannot get into its way.
fn is_locked(path: &Path) -> bool {
    match File::open(path) {
        Ok(file) => flock(&file, FlockOperation::NonBlockingLockShared).is_err(),
        Err(_) => false,
    }
}
