//! When a body ends.

use http_body_util::{BodyExt, Empty, Full, StreamBody};

use super::*;

fn trailers() -> HeaderMap {
    HeaderMap::from_iter([("end".parse().unwrap(), "near".parse().unwrap())])
}

fn now() -> End {
    Box::pin(std::future::ready(trailers()))
}

fn never() -> End {
    Box::pin(std::future::pending())
}

/// A body that has nothing now, and could have something later.
struct Silent;

impl futures_core::Stream for Silent {
    type Item = Result<Frame<Bytes>, std::convert::Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

/// A body that always has more.
struct Endless;

impl futures_core::Stream for Endless {
    type Item = Result<Frame<Bytes>, std::convert::Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
    }
}

#[tokio::test]
async fn a_silent_body_ends_with_the_trailers() {
    let body = Ending::new(StreamBody::new(Silent), now());
    let all = body.collect().await.unwrap();
    assert_eq!(all.trailers(), Some(&trailers()));
    assert_eq!(all.to_bytes(), "");
}

#[tokio::test]
async fn a_body_that_has_more_has_one_frame_more() {
    let body = Ending::new(StreamBody::new(Endless), now());
    let all = body.collect().await.unwrap();
    assert_eq!(all.trailers(), Some(&trailers()));
    assert_eq!(all.to_bytes(), "x");
}

#[tokio::test]
async fn a_body_that_ends_by_itself_has_no_other_trailers() {
    let body = Ending::new(Full::new(Bytes::from_static(b"all")), never());
    let all = body.collect().await.unwrap();
    assert_eq!(all.trailers(), None);
    assert_eq!(all.to_bytes(), "all");
    assert!(Ending::new(Empty::<Bytes>::new(), now()).is_end_stream());
}

#[tokio::test]
async fn the_end_comes_when_told_or_when_nobody_is_left_to_tell() {
    let (stopper, stop) = Stop::new();
    stopper.send_replace(true);
    stop.clone().wait().await;
    stop.wait().await;
    let (stopper, stop) = Stop::new();
    drop(stopper);
    stop.wait().await;
}
