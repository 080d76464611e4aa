//! `logs`: what an execution has written, from its backend, also while it still writes.
//!
//! It builds the backend from the configuration that the execution was started with, and needs no
//! host: reading must not disturb whoever runs the job.

use std::sync::Arc;
use std::time::Duration;

use distributor_core::{
    AttemptId, Clock, Distributor, DistributorSource, Error, ErrorKind, ExecutionId, LogStream,
    SystemClock,
};
use distributor_store::records::ExecutionRecord;
use serde_json::json;

use super::args::{Global, Logs};
use super::exit::{Exit, Failure};
use super::ids::{self, Id};
use super::output::{self, Reader};
use super::place::Place;
use super::records::Records;

/// How often an unfinished output is looked at.
const INTERVAL: Duration = Duration::from_millis(100);
/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

pub(super) fn logs(global: &Global, arguments: &Logs) -> Result<Exit, Failure> {
    let place = Place::of_service(global)?;
    let store = place.records()?;
    let store = store.as_ref();
    let (attempt, only) = match ids::find(store, &place, &arguments.id)? {
        Id::Quest(quest) => (ids::newest_attempt(store, &place, quest)?, None),
        Id::Attempt(attempt) => (attempt, None),
        Id::Execution(execution) => (execution.attempt, Some(execution.number)),
    };
    let (_entrance, backends) = place.stored_backends()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::system("start the runtime"))?;
    runtime.block_on(async {
        let printer = Printer {
            store,
            backends: backends.as_ref(),
            arguments,
        };
        match only {
            Some(number) => printer.execution(attempt, number).await.map(|_reader| ()),
            None => printer.newest(attempt).await,
        }
    })?;
    Ok(Exit::Finished)
}

struct Printer<'p> {
    store: &'p dyn Records,
    backends: &'p dyn DistributorSource,
    arguments: &'p Logs,
}

impl Printer<'_> {
    /// The newest execution; with `--follow` also those that come after it.
    async fn newest(&self, attempt: AttemptId) -> Result<(), Failure> {
        let mut printed = 0;
        loop {
            // Read before its executions: a final attempt gets no further ones.
            let is_final = self.is_final(attempt)?;
            let newest = self.store.executions(attempt, 1)?.pop();
            match newest.map(|execution| execution.number) {
                Some(number) if number > printed => {
                    if printed > 0 {
                        output::note(format_args!("--- {} ---", attempt.execution(number)));
                    }
                    printed = number;
                    if self.execution(attempt, number).await? == Reader::Gone {
                        return Ok(());
                    }
                    if !self.arguments.follow {
                        return Ok(());
                    }
                }
                _ if is_final && printed > 0 => return Ok(()),
                _ if is_final || !self.arguments.follow => return Err(self.nothing_yet(attempt)),
                _ => pause().await,
            }
        }
    }

    /// One execution, to the end of what there is or, with `--follow`, of what there will be.
    async fn execution(&self, attempt: AttemptId, number: u32) -> Result<Reader, Failure> {
        let id = attempt.execution(number);
        let record = self.record(id)?;
        let backend = self
            .backends
            .distributor(&record.config)
            .map_err(backend_failure)?;
        let mut streams: Vec<(LogStream, u64, bool)> = self
            .wanted()
            .into_iter()
            .map(|stream| (stream, 0, false))
            .collect();
        loop {
            // Asked before the logs are read: what was written until then is read below.
            let over = self.record(id)?.outcome.is_some();
            for (stream, offset, complete) in &mut streams {
                if *complete {
                    continue;
                }
                let (reader, end) = self.drain(&backend, &record, id, *stream, offset).await?;
                if reader == Reader::Gone {
                    return Ok(Reader::Gone);
                }
                *complete = end || over;
            }
            let complete = streams.iter().all(|(_, _, complete)| *complete);
            if complete || !self.arguments.follow {
                return Ok(Reader::There);
            }
            pause().await;
        }
    }

    /// Prints a stream from `offset` on as far as it is written. True if that was all of it.
    async fn drain(
        &self,
        backend: &Arc<dyn Distributor>,
        record: &ExecutionRecord,
        id: ExecutionId,
        stream: LogStream,
        offset: &mut u64,
    ) -> Result<(Reader, bool), Failure> {
        loop {
            let read = backend
                .read_log(&record.token, stream, *offset, CHUNK)
                .await;
            let chunk = read.map_err(backend_failure)?;
            let bytes = match self.arguments.json.json {
                // A character that is not all there yet is left for the next time.
                true if !chunk.complete => whole_characters(&chunk.data),
                _ => chunk.data.as_slice(),
            };
            if bytes.is_empty() {
                return Ok((Reader::There, chunk.complete));
            }
            if self.print(id, stream, *offset, bytes)? == Reader::Gone {
                return Ok((Reader::Gone, false));
            }
            *offset += bytes.len() as u64;
        }
    }

    fn print(
        &self,
        id: ExecutionId,
        stream: LogStream,
        offset: u64,
        bytes: &[u8],
    ) -> Result<Reader, Failure> {
        if self.arguments.json.json {
            let object = json!({
                "execution": id.to_string(),
                "stream": match stream {
                    LogStream::Stdout => "stdout",
                    LogStream::Stderr => "stderr",
                },
                "offset": offset,
                "text": String::from_utf8_lossy(bytes),
            });
            return output::line(object);
        }
        match stream {
            LogStream::Stdout => output::data(|out| out.write_all(bytes).or_else(output::noticed)),
            LogStream::Stderr => {
                output::raw_note(bytes);
                Ok(Reader::There)
            }
        }
    }

    fn wanted(&self) -> Vec<LogStream> {
        match (self.arguments.stdout, self.arguments.stderr) {
            (true, _) => vec![LogStream::Stdout],
            (false, true) => vec![LogStream::Stderr],
            (false, false) => vec![LogStream::Stdout, LogStream::Stderr],
        }
    }

    fn record(&self, id: ExecutionId) -> Result<ExecutionRecord, Failure> {
        let record = self.store.execution(id.attempt, id.number)?;
        record.ok_or_else(|| Failure::Input(format!("execution {id} was removed meanwhile")))
    }

    fn is_final(&self, attempt: AttemptId) -> Result<bool, Failure> {
        match self.store.attempts(&[attempt])?.pop().flatten() {
            Some(record) => Ok(record.is_final()),
            None => Err(Failure::Input(format!(
                "attempt {attempt} was removed meanwhile"
            ))),
        }
    }

    fn nothing_yet(&self, attempt: AttemptId) -> Failure {
        let help = if self.arguments.follow {
            ""
        } else {
            "; --follow waits for one"
        };
        Failure::Input(format!("attempt {attempt} has had no execution{help}"))
    }
}

async fn pause() {
    SystemClock
        .sleep_until(SystemClock.now().after(INTERVAL))
        .await;
}

fn backend_failure(error: Error) -> Failure {
    match error.kind() {
        ErrorKind::Unsupported | ErrorKind::NotFound | ErrorKind::Config => {
            Failure::Input(error.to_string())
        }
        _ => Failure::Internal(format!("the backend cannot give the log: {error}")),
    }
}

/// The bytes up to a last character that is cut off.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    let mut start = bytes.len().saturating_sub(3);
    while start < bytes.len() {
        let wanted = match bytes[start] {
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            _ => 1,
        };
        if start + wanted > bytes.len() {
            return &bytes[..start];
        }
        start += wanted;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_in_two_pieces_is_not_printed_in_halves() {
        for (bytes, whole) in [
            ("abc".as_bytes(), 3),
            ("ab€".as_bytes(), 5),
            (&"ab€".as_bytes()[..4], 2),
            (&"ab€".as_bytes()[..3], 2),
            (&"😀".as_bytes()[..3], 0),
            (&"a😀".as_bytes()[..2], 1),
            (b"\xff\xff\xff\xff", 4),
            (b"", 0),
        ] {
            assert_eq!(whole_characters(bytes).len(), whole, "{bytes:?}");
        }
    }
}
