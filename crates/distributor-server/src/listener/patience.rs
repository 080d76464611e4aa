//! A connection whose peer must greet in time and must read what it is sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::limits;
use crate::time::{Moment, Time};

/// Length of the HTTP/2 preface; no HTTP/1.1 request is shorter.
const GREETING_BYTES: usize = 24;

/// Fails with `TimedOut` when the peer does not send [`GREETING_BYTES`] within
/// [`limits::GREETING_TIME`], or takes nothing for [`limits::WRITE_TIME`]. That is what the HTTP
/// implementation has no limit for.
pub(super) struct Patient<I> {
    io: I,
    time: Time,
    /// Until the peer has greeted.
    greeting: Option<Moment>,
    received: usize,
    /// While the peer takes nothing.
    writing: Option<Moment>,
}

impl<I> Patient<I> {
    pub(super) fn new(io: I, time: Time) -> Self {
        Patient {
            greeting: Some(time.after(limits::GREETING_TIME)),
            io,
            time,
            received: 0,
            writing: None,
        }
    }

    fn written<T>(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.writing = None;
            return result;
        }
        let deadline = self
            .writing
            .get_or_insert_with(|| self.time.after(limits::WRITE_TIME));
        ready!(deadline.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Patient<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let result = Pin::new(&mut this.io).poll_read(context, buffer);
        let Some(greeting) = &mut this.greeting else {
            return result;
        };
        this.received += buffer.filled().len().saturating_sub(before);
        if this.received >= GREETING_BYTES {
            this.greeting = None;
        } else if result.is_pending() {
            ready!(greeting.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        result
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Patient<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(context, bytes);
        self.written(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(context, slices);
        self.written(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_flush(context);
        self.written(context, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_shutdown(context);
        self.written(context, result)
    }
}

#[cfg(test)]
mod tests;
