//! What is received, and what is not.

use http_body_util::{BodyExt, Full, StreamBody};
use tonic::Code;

use super::*;

fn body(length: usize, room: &Room) -> Received {
    let body = Body::new(Full::new(Bytes::from(vec![0; length])));
    Received::new(body, Time::new(|_| Time::never()), room.clone())
}

/// As if others were receiving so much.
fn taken(bytes: usize) -> Room {
    Room(Arc::new(AtomicUsize::new(bytes)))
}

#[tokio::test]
async fn what_is_received_counts_until_it_is_dropped() {
    let room = taken(0);
    let mut large = body(UNCOUNTED_BYTES + 5, &room);
    large.frame().await.unwrap().unwrap();
    assert_eq!(room.0.load(Ordering::Relaxed), 5);
    drop(large);
    assert_eq!(room.0.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn without_room_large_requests_are_refused_and_small_ones_are_not() {
    let room = taken(RECEIVED_BYTES);
    let refused = body(UNCOUNTED_BYTES + 1, &room).collect().await;
    assert_eq!(refused.unwrap_err().code(), Code::Unavailable);
    assert_eq!(room.0.load(Ordering::Relaxed), RECEIVED_BYTES);
    body(UNCOUNTED_BYTES, &room).collect().await.unwrap();
    let room = taken(RECEIVED_BYTES - 1);
    body(UNCOUNTED_BYTES + 1, &room).collect().await.unwrap();
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_before_it_is_received() {
    let announced = |length: usize| {
        let length = u32::try_from(length).unwrap().to_be_bytes();
        let parts = [&[0, length[0]][..], &length[1..2], &length[2..]];
        let body = Parts(parts.map(Bytes::copy_from_slice).into_iter().collect());
        let body = Body::new(StreamBody::new(body));
        Received::new(body, Time::new(|_| Time::never()), Room::default())
    };
    announced(LONGEST_MESSAGE).collect().await.unwrap();
    let refused = announced(LONGEST_MESSAGE + 1).collect().await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("33554433 bytes"), "{refused}");
}

/// A body that comes in these parts.
struct Parts(std::collections::VecDeque<Bytes>);

impl futures_core::Stream for Parts {
    type Item = Result<Frame<Bytes>, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.pop_front().map(|part| Ok(Frame::data(part))))
    }
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_refused() {
    let past = Time::new(|_| Box::pin(std::future::ready(())));
    let late = Received::new(Body::new(StreamBody::new(Silent)), past, Room::default());
    let late = late.collect().await.unwrap_err();
    assert_eq!(late.code(), Code::DeadlineExceeded);
    assert!(late.message().contains("120 seconds"), "{late}");
}

/// A body of which nothing comes.
struct Silent;

impl futures_core::Stream for Silent {
    type Item = Result<Frame<Bytes>, std::convert::Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}
