//! The body of a request, as far as its sender is patient and this process has room.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tonic::Status;

use crate::time::{Moment, Time};

/// For a whole request to arrive.
const REQUEST_TIME: Duration = Duration::from_secs(120);

/// Bytes of all requests together that are being received. What is beyond is refused.
const RECEIVED_BYTES: usize = 512 * 1024 * 1024;

/// What a request may have received without counting, so that small ones always get through.
const UNCOUNTED_BYTES: usize = 16 * 1024;

/// Longest message of a request, in bytes.
pub(super) const LONGEST_MESSAGE: usize = 32 * 1024 * 1024;

/// Before each message there are a byte about compression and the length, in four bytes.
const PREFIX_BYTES: usize = 5;

/// How many bytes of all requests are being received. Clones are the same count.
#[derive(Debug, Clone, Default)]
pub(super) struct Room(Arc<AtomicUsize>);

/// A body that fails when it takes too long, when it is too long, or when there is no room for it.
pub(super) struct Received {
    body: Body,
    time: Time,
    /// Begins when the sender lets us wait.
    deadline: Option<Moment>,
    room: Room,
    /// Of the first message, as far as it has come.
    prefix: Vec<u8>,
    length: usize,
    counted: usize,
}

impl Received {
    pub(super) fn new(body: Body, time: Time, room: Room) -> Self {
        Received {
            body,
            time,
            deadline: None,
            room,
            prefix: Vec::with_capacity(PREFIX_BYTES),
            length: 0,
            counted: 0,
        }
    }

    fn look_at(&mut self, data: &[u8]) -> Result<(), Status> {
        self.check_announced(data)?;
        self.count(data.len())
    }

    /// What is too long is refused before it is received. Only the first message is looked at: no
    /// method of ours takes more.
    fn check_announced(&mut self, data: &[u8]) -> Result<(), Status> {
        let missing = PREFIX_BYTES - self.prefix.len();
        if missing == 0 {
            return Ok(());
        }
        self.prefix.extend(data.iter().take(missing));
        let [_, a, b, c, d] = self.prefix[..] else {
            return Ok(());
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        if usize::try_from(length).is_ok_and(|length| length <= LONGEST_MESSAGE) {
            return Ok(());
        }
        Err(Status::resource_exhausted(format!(
            "the message has {length} bytes, and may have {LONGEST_MESSAGE}; send it in several"
        )))
    }

    fn count(&mut self, more: usize) -> Result<(), Status> {
        self.length = self.length.saturating_add(more);
        let countable = self.length.saturating_sub(UNCOUNTED_BYTES);
        let more = countable.saturating_sub(self.counted);
        self.counted += more;
        let before = self.room.0.fetch_add(more, Ordering::Relaxed);
        if before.saturating_add(more) <= RECEIVED_BYTES || more == 0 {
            return Ok(());
        }
        let message = "too many large requests are being received; try again later";
        Err(Status::unavailable(message))
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            let frame = frame.map(|frame| {
                let frame = frame.map_err(|error| Status::from_error(error.into_inner()))?;
                if let Some(data) = frame.data_ref() {
                    this.look_at(data)?;
                }
                Ok(frame)
            });
            return Poll::Ready(frame);
        }
        let deadline = this
            .deadline
            .get_or_insert_with(|| this.time.after(REQUEST_TIME));
        match deadline.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                let message = format!(
                    "the request did not arrive within {} seconds",
                    REQUEST_TIME.as_secs()
                );
                Poll::Ready(Some(Err(Status::deadline_exceeded(message))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
