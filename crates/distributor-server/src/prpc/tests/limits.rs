//! Size, number of values, depth, slowness, and all of them together.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::Frame;
use tokio::sync::oneshot;

use super::negotiation::gzip;
use super::{World, post, post_json, run, send};
use crate::request::{MOST_BYTES, MOST_VALUES, READ_TIMEOUT};

/// A body of which nothing ever comes, and a word when somebody waits for it.
pub(super) fn silent() -> (Body, oneshot::Receiver<()>) {
    let (waiting, waits) = oneshot::channel();
    let body = Silent {
        waiting: Some(waiting),
    };
    (Body::new(body), waits)
}

struct Silent {
    waiting: Option<oneshot::Sender<()>>,
}

impl http_body::Body for Silent {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(waiting) = self.waiting.take() {
            let _gone = waiting.send(());
        }
        Poll::Pending
    }
}

/// A body in pieces of 1 MiB that does not say how long it is, or ends in an error.
struct Pieces {
    left: usize,
    breaks: bool,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        static ZEROES: [u8; 1 << 20] = [b' '; 1 << 20];
        Poll::Ready(match self.left {
            0 => self.breaks.then_some(Err("the connection is gone")),
            _ => {
                self.left -= 1;
                Some(Ok(Frame::data(Bytes::from_static(&ZEROES))))
            }
        })
    }
}

const TOO_LARGE: &str = "the body is larger than 33554432 bytes; send it in several requests";

#[test]
fn a_large_body_is_refused_announced_or_not_or_compressed() {
    run(async {
        let world = World::new();
        let announced = vec![0; MOST_BYTES + 1];
        let reply = world.ask(send(post("test.Test/Echo"), announced)).await;
        reply.check_error(413, 8, TOO_LARGE);

        let body = Body::new(Pieces {
            left: 33,
            breaks: false,
        });
        let reply = world.ask(send(post_json(), body)).await;
        reply.check_error(413, 8, TOO_LARGE);

        let bomb = gzip(&vec![b' '; MOST_BYTES + 1]);
        assert!(bomb.len() < 40_000);
        let request = post_json().header("Content-Encoding", "gzip");
        let reply = world.ask(send(request, bomb)).await;
        reply.check_error(413, 8, TOO_LARGE);
    });
}

#[test]
fn the_largest_body_is_read() {
    run(async {
        let world = World::new();
        let body = Body::new(Pieces {
            left: 32,
            breaks: false,
        });
        let reply = world.ask(send(post_json(), body)).await;
        assert_eq!(reply.code(), 3);
        assert!(reply.text().contains("EOF while parsing a value"));
    });
}

#[test]
fn a_body_that_breaks_off_is_no_body() {
    run(async {
        let world = World::new();
        let body = Body::new(Pieces {
            left: 0,
            breaks: true,
        });
        let reply = world.ask(send(post("test.Test/Echo"), body)).await;
        reply.check_error(400, 3, "the body broke off");
    });
}

#[test]
fn few_bytes_may_not_become_many_values() {
    run(async {
        let world = World::new();
        // Two bytes each: an attempt range, in a list, in a query.
        let many = |values: usize| {
            let list = b"\x12\x00".repeat(values);
            let mut query = vec![0x12];
            prost::encoding::encode_varint(u64::try_from(list.len()).unwrap(), &mut query);
            [query, list].concat()
        };
        let json = format!(
            "{{\"query\":{{\"attemptRange\":[{}{{}}]}}}}",
            "{},".repeat(MOST_VALUES / 2)
        );
        let text = format!("query {{ {} }}", "attempt_range{}".repeat(MOST_VALUES));
        let too_many = "the body has more than 500000 values; send them in several requests";
        for (content_type, body) in [
            ("application/prpc", many(MOST_VALUES)),
            ("application/json", json.into_bytes()),
            ("application/prpc; encoding=text", text.into_bytes()),
        ] {
            let request = post("test.Test/Walk").header("Content-Type", content_type);
            let reply = world.ask(send(request, body)).await;
            reply.check_error(413, 8, too_many);
        }
        let body = many(10_000);
        let reply = world.ask(send(post("test.Test/Walk"), body.clone())).await;
        assert_eq!((reply.code(), reply.body.len()), (0, body.len()));
    });
}

#[test]
fn deep_json_is_refused() {
    run(async {
        let world = World::new();
        for unit in ["[", "{\"meta\":", "{\"parameters\":["] {
            let reply = world.ask(send(post_json(), unit.repeat(100_000))).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (400, 3), "{unit}");
        }
        let text = post("test.Test/Echo").header("Content-Type", "application/prpc; encoding=text");
        let reply = world.ask(send(text, "meta {".repeat(100_000))).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, 3));
        // Groups, which nobody has any more, are skipped to a limited depth.
        let reply = world
            .ask(send(post("test.Test/Echo"), vec![0x7b; 100_000]))
            .await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, 3));
    });
}

#[test]
fn a_slow_sender_is_not_waited_for_for_ever() {
    run(async {
        let world = World::new();
        let (body, waits) = silent();
        let ask = world.ask(send(post("test.Test/Echo"), body));
        let (reply, ()) = tokio::join!(ask, async {
            waits.await.unwrap();
            world.clock.advance(READ_TIMEOUT);
        });
        reply.check_error(408, 4, "the body was not here within 60 s");
    });
}
