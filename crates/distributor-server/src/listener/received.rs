//! The body of a request, as far as its sender is patient and this process has room.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use distributor_api::{Code, Status};
use http_body::{Body, Frame, SizeHint};

use super::limits;
use crate::time::{Moment, Time};

/// How many bytes of all requests are being received. Clones are the same count.
#[derive(Debug, Clone, Default)]
pub(super) struct Room(Arc<AtomicUsize>);

/// A body that fails with a [`Status`] when it takes too long, or when there is no room for it.
pub(super) struct Received<B> {
    body: B,
    time: Time,
    /// Begins when the sender lets us wait.
    deadline: Option<Moment>,
    room: Room,
    length: usize,
    counted: usize,
}

impl<B> Received<B> {
    pub(super) fn new(body: B, time: Time, room: Room) -> Self {
        Received {
            body,
            time,
            deadline: None,
            room,
            length: 0,
            counted: 0,
        }
    }

    fn count(&mut self, more: usize) -> Result<(), Status> {
        self.length = self.length.saturating_add(more);
        let countable = self.length.saturating_sub(limits::UNCOUNTED_BYTES);
        let more = countable.saturating_sub(self.counted);
        self.counted += more;
        let before = self.room.0.fetch_add(more, Ordering::Relaxed);
        if before.saturating_add(more) <= limits::RECEIVED_BYTES || more == 0 {
            return Ok(());
        }
        let message = "too many large requests are being received; try again later";
        Err(Status::new(Code::Unavailable, message))
    }
}

impl<B> Drop for Received<B> {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

impl<B> Body for Received<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            let frame = frame.map(|frame| {
                let frame = frame.map_err(Into::into)?;
                this.count(frame.data_ref().map_or(0, Buf::remaining))?;
                Ok(frame)
            });
            return Poll::Ready(frame);
        }
        let deadline = this
            .deadline
            .get_or_insert_with(|| this.time.after(limits::REQUEST_TIME));
        match deadline.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                let message = format!(
                    "the request did not arrive within {} seconds",
                    limits::REQUEST_TIME.as_secs()
                );
                let late = Status::new(Code::DeadlineExceeded, message);
                Poll::Ready(Some(Err(late.into())))
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
