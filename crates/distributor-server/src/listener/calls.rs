//! How many calls of a connection wait for this process, and when it has been idle for too long.
//!
//! A call whose answer waits for the peer does not count. So a peer that does not read what it asked for
//! cannot keep its connection for ever, and one that waits for what is still to come can.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::watch;

use crate::time::Time;

/// The count of one connection.
#[derive(Debug, Clone)]
pub(super) struct Calls(Arc<watch::Sender<usize>>);

/// A call that waits for this process, until it is dropped.
#[derive(Debug)]
pub(super) struct UnderWay(Calls);

impl Calls {
    pub(super) fn new() -> Self {
        Calls(Arc::new(watch::Sender::new(0)))
    }

    pub(super) fn begin(&self) -> UnderWay {
        self.0.send_modify(|count| *count = count.saturating_add(1));
        UnderWay(self.clone())
    }

    /// Returns once no call has been under way for so long.
    pub(super) async fn idle(&self, time: &Time, long: Duration) {
        let mut count = self.0.subscribe();
        // An error would mean that the count is gone, and it is ours.
        while count.wait_for(|count| *count == 0).await.is_ok() {
            tokio::select! {
                biased;
                // Also one that is over already.
                _another = count.changed() => {}
                () = time.after(long) => return,
            }
        }
    }
}

impl UnderWay {
    /// The answer. From now on the call is under way while the answer has nothing that could be sent.
    pub(super) fn until_answered(self, body: Body) -> Body {
        let calls = self.0.clone();
        Body::new(Counted { body, calls })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Calls(count) = &self.0;
        count.send_modify(|count| *count = count.saturating_sub(1));
    }
}

struct Counted {
    body: Body,
    calls: Calls,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let turn = Arc::new(OurTurn {
            call: Mutex::new(Some(self.calls.begin())),
            waker: context.waker().clone(),
        });
        let waker = Waker::from(turn.clone());
        let frame = Pin::new(&mut self.body).poll_frame(&mut Context::from_waker(&waker));
        if frame.is_ready() {
            turn.end();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Lasts until there is something to send: then it depends on the peer when the answer is looked at
/// again, if at all.
struct OurTurn {
    call: Mutex<Option<UnderWay>>,
    waker: Waker,
}

impl OurTurn {
    fn end(&self) {
        let mut call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        drop(call.take());
    }
}

impl Wake for OurTurn {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.end();
        self.waker.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn only_a_connection_without_calls_is_idle() {
        let past = Time::new(|_| Box::pin(std::future::ready(())));
        let calls = Calls::new();
        calls.idle(&past, LONG).await;

        let first = calls.begin();
        let second = calls.begin();
        let mut idle = Box::pin(calls.idle(&past, LONG));
        for over in [first, second] {
            tokio::select! { biased;
                () = &mut idle => panic!("a call is under way"),
                () = tokio::task::yield_now() => {}
            }
            drop(over);
        }
        idle.await;
    }

    #[tokio::test]
    async fn a_call_is_under_way_while_its_answer_has_nothing_to_send() {
        let calls = Calls::new();
        let count = || *calls.0.borrow();
        let (part, parts) = tokio::sync::mpsc::channel(1);
        let mut body = calls.begin().until_answered(Body::new(Parts(parts)));
        // It is not known yet if there is something.
        assert_eq!(count(), 0);
        for _ in 0..3 {
            let mut frame = poll(&mut body);
            assert!(frame.is_pending());
            assert_eq!(count(), 1);
            part.send(Bytes::from_static(b"x")).await.unwrap();
            // The peer may take it, or not.
            assert_eq!(count(), 0);
            frame = poll(&mut body);
            assert!(frame.is_ready());
            assert_eq!(count(), 0);
        }
        assert!(poll(&mut body).is_pending());
        drop(body);
        assert_eq!(count(), 0);
    }

    fn poll(body: &mut Body) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        use http_body::Body as _;
        Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()))
    }

    struct Parts(tokio::sync::mpsc::Receiver<Bytes>);

    impl http_body::Body for Parts {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            let part = self.0.poll_recv(context);
            part.map(|part| part.map(|part| Ok(Frame::data(part))))
        }
    }

    #[tokio::test]
    async fn a_call_begins_the_waiting_anew() {
        let (asked, mut asks) = tokio::sync::mpsc::unbounded_channel();
        let time = Time::new(move |delay| {
            let _unheard = asked.send(delay);
            Time::never()
        });
        let calls = Calls::new();
        let mut idle = Box::pin(calls.idle(&time, LONG));
        for _ in 0..3 {
            tokio::select! { biased;
                () = &mut idle => panic!("the time does not pass"),
                asked = asks.recv() => assert_eq!(asked, Some(LONG)),
            }
            drop(calls.begin());
        }
    }
}
