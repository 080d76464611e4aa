//! The one place that writes to the terminal: data to standard output, all else to standard error.
//!
//! A closed pipe is not an error: whoever closed it has seen enough. It refuses to decide what is
//! written.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use super::exit::Failure;

/// Whether anybody still reads standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// As far as can be told.
    There,
    /// The pipe was closed.
    Gone,
}

/// Writes data to standard output.
///
/// # Errors
/// If standard output cannot take it, or `write` itself fails; a closed pipe is no error.
pub(crate) fn data(
    write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
) -> Result<Reader, Failure> {
    let mut sink = Sink {
        out: BufWriter::with_capacity(64 * 1024, io::stdout().lock()),
        error: None,
    };
    let written = write(&mut sink);
    if sink.error.is_none() {
        sink.error = sink.out.flush().err();
    }
    match sink.error.take() {
        None => written.map(|()| Reader::There),
        Some(error) => {
            // What is still in the buffer must not be tried again when it is dropped.
            let (_stdout, _unwritten) = sink.out.into_parts();
            match error.kind() {
                io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
                _ => Err(Failure::system("write to standard output")(error)),
            }
        }
    }
}

/// Writes one text and a line end.
pub(crate) fn line(text: impl fmt::Display) -> Result<Reader, Failure> {
    data(|out| writeln!(out, "{text}").or_else(noticed))
}

/// Writes one JSON value: on one line for programs, indented for people.
pub(crate) fn json(value: &impl Serialize) -> Result<Reader, Failure> {
    let pretty = io::stdout().is_terminal();
    data(|mut out| {
        let written = match pretty {
            true => serde_json::to_writer_pretty(&mut out, value),
            false => serde_json::to_writer(&mut out, value),
        };
        match written {
            Ok(()) => writeln!(out).or_else(noticed),
            Err(error) if error.is_io() => Ok(()),
            Err(error) => Err(Failure::Internal(format!("cannot write JSON: {error}"))),
        }
    })
}

/// Tells people something on standard error. If nobody listens, nothing can be done about it.
pub(crate) fn note(text: impl fmt::Display) {
    let _nobody_listens = writeln!(io::stderr().lock(), "{text}");
}

/// Passes bytes on to standard error as they are.
pub(crate) fn raw_note(bytes: &[u8]) {
    let _nobody_listens = io::stderr().lock().write_all(bytes);
}

/// Whether standard output shows colours: a terminal that does not say otherwise (`NO_COLOR`).
pub(crate) fn colours() -> bool {
    AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

/// For `or_else`: an error of the writer was noticed by [`data`] already.
pub(crate) fn noticed(_error: io::Error) -> Result<(), Failure> {
    Ok(())
}

/// Remembers the first error, so that whoever writes needs not to pass it on.
struct Sink<W: Write> {
    out: BufWriter<W>,
    error: Option<io::Error>,
}

impl<W: Write> Sink<W> {
    fn keep<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.error.get_or_insert(error);
            }
            kind.into()
        })
    }
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.keep(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.keep(flushed)
    }
}
