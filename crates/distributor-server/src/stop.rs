//! The end that is coming: long-lived streams learn of it here, and end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use tokio::sync::watch;

/// Tells whether the server shall stop. Clones tell the same.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// Tells it, when it is sent `true` or dropped.
pub(crate) type Stopper = watch::Sender<bool>;

impl Stop {
    /// Not yet.
    pub(crate) fn new() -> (Stopper, Stop) {
        let (stopper, stop) = watch::channel(false);
        (stopper, Stop(stop))
    }

    /// Returns once the server shall stop.
    pub(crate) async fn wait(mut self) {
        // An error means that the server is gone.
        let _gone = self.0.wait_for(|stop| *stop).await;
    }
}

/// What makes a body end before its time, and the trailers that it then has.
pub(crate) type End = Pin<Box<dyn Future<Output = HeaderMap> + Send>>;

/// A body that ends early when `end` is ready. What it had ready then still goes, in one frame.
pub(crate) struct Ending<B> {
    body: B,
    state: State,
}

enum State {
    Open(End),
    /// Comes to the trailers next.
    Last(HeaderMap),
    Over,
}

impl<B> Ending<B> {
    pub(crate) fn new(body: B, end: End) -> Self {
        let state = State::Open(end);
        Ending { body, state }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Ending<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        match &mut this.state {
            State::Open(end) => {
                let ended = end.as_mut().poll(context);
                let frame = Pin::new(&mut this.body).poll_frame(context);
                let Poll::Ready(trailers) = ended else {
                    return frame;
                };
                match frame {
                    Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                        this.state = State::Last(trailers);
                        Poll::Ready(Some(Ok(frame)))
                    }
                    Poll::Ready(frame) => {
                        this.state = State::Over;
                        Poll::Ready(frame)
                    }
                    Poll::Pending => {
                        this.state = State::Over;
                        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
                    }
                }
            }
            State::Last(trailers) => {
                let trailers = std::mem::take(trailers);
                this.state = State::Over;
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            State::Over => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self.state {
            State::Open(_) => self.body.is_end_stream(),
            State::Last(_) => false,
            State::Over => true,
        }
    }
}

#[cfg(test)]
mod tests;
