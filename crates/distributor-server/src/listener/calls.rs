//! How many calls a connection has under way, and when it has been idle for too long.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::watch;

use crate::time::Time;

/// The count of one connection.
#[derive(Debug)]
pub(super) struct Calls(Arc<watch::Sender<usize>>);

/// A call under way, until it is dropped.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<watch::Sender<usize>>);

impl Calls {
    pub(super) fn new() -> Self {
        Calls(Arc::new(watch::Sender::new(0)))
    }

    pub(super) fn begin(&self) -> UnderWay {
        self.0.send_modify(|count| *count = count.saturating_add(1));
        UnderWay(self.0.clone())
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
    /// The answer, which the call lasts as long as.
    pub(super) fn until_answered(self, body: Body) -> Body {
        Body::new(Counted {
            body,
            _under_way: self,
        })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

struct Counted {
    body: Body,
    _under_way: UnderWay,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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
        let second = calls.begin().until_answered(Body::empty());
        let mut idle = Box::pin(calls.idle(&past, LONG));
        for over in [Box::new(first) as Box<dyn Send>, Box::new(second)] {
            tokio::select! { biased;
                () = &mut idle => panic!("a call is under way"),
                () = tokio::task::yield_now() => {}
            }
            drop(over);
        }
        idle.await;
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
