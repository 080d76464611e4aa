//! `X-Prpc-Grpc-Timeout`, and clients that go.

use std::time::Duration;

use distributor_proto::dm;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::super::{Answer, Call};
use super::{World, post, run, send};
use crate::methods::Unary;

/// What becomes of a call that never ends by itself.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    Began,
    BrokenOff,
}

struct Witness(UnboundedSender<Event>);

impl Drop for Witness {
    fn drop(&mut self) {
        let _gone = self.0.send(Event::BrokenOff);
    }
}

/// All methods never end, and tell what becomes of them.
fn endless() -> (World, UnboundedReceiver<Event>) {
    let (events, seen) = mpsc::unbounded_channel();
    let find = move |_: &str, _: &str, call: Call| -> Option<Answer> {
        let events = events.clone();
        Some(call.unary(move |_, _, _: dm::WalkGraphReq| async move {
            let witness = Witness(events);
            let _gone = witness.0.send(Event::Began);
            std::future::pending::<()>().await;
            drop(witness);
            Ok(())
        }))
    };
    (World::with(true, Box::new(find)), seen)
}

#[test]
fn every_unit_is_understood_and_what_is_malformed_is_refused() {
    run(async {
        let world = World::new();
        for good in [
            "1H",
            "2M",
            "60S",
            "5m",
            "100000u",
            "99999999n",
            "18446744073709551615H",
            "007S",
        ] {
            let request = post("test.Test/Echo").header("X-Prpc-Grpc-Timeout", good);
            assert_eq!(world.ask(send(request, "")).await.code(), 0, "{good}");
        }
        for bad in [
            "",
            "S",
            "60",
            "60s",
            "60 S",
            "-1S",
            "+1S",
            "1.5S",
            "1S ,",
            "0x1S",
            "99999999999999999999S",
            "1é",
        ] {
            let value = http::HeaderValue::from_bytes(bad.as_bytes()).unwrap();
            let request = post("test.Test/Echo").header("X-Prpc-Grpc-Timeout", value);
            let reply = world.ask(send(request, "")).await;
            let expected =
                "X-Prpc-Grpc-Timeout: must be digits and one of H, M, S, m, u, n, such as 60S";
            reply.check_error(400, 3, expected);
        }
        let request = post("test.Test/Echo").header("X-Prpc-Grpc-Timeout", "0S");
        world
            .ask(send(request, ""))
            .await
            .check_error(504, 4, "Gateway Timeout");
    });
}

#[test]
fn a_call_that_only_reads_ends_when_its_time_is_over() {
    run(async {
        let (world, mut seen) = endless();
        let request = post("dm.Deps/WalkGraph").header("X-Prpc-Grpc-Timeout", "1500m");
        let (reply, ()) = tokio::join!(world.ask(send(request, "")), async {
            assert_eq!(seen.recv().await, Some(Event::Began));
            world.clock.advance(Duration::from_micros(1_499_999));
            world.clock.advance(Duration::from_micros(1));
        });
        reply.check_error(504, 4, "Gateway Timeout");
        assert_eq!(seen.recv().await, Some(Event::BrokenOff));
    });
}

#[test]
fn a_call_that_changes_something_goes_on_when_its_time_is_over() {
    run(async {
        let (world, mut seen) = endless();
        let request = post("dm.Deps/EnsureGraphData").header("X-Prpc-Grpc-Timeout", "1S");
        let (reply, ()) = tokio::join!(world.ask(send(request, "")), async {
            assert_eq!(seen.recv().await, Some(Event::Began));
            world.clock.advance(Duration::from_secs(1));
        });
        reply.check_error(504, 4, "Gateway Timeout");
        // Whatever was to be broken off by now would be.
        tokio::task::yield_now().await;
        seen.try_recv().unwrap_err();
    });
}

#[test]
fn a_client_that_goes_breaks_off_what_only_reads() {
    run(async {
        for (method, expected) in [
            ("dm.Deps/WalkGraph", Some(Event::BrokenOff)),
            ("dm.Deps/FinishAttempt", None),
        ] {
            let (world, mut seen) = endless();
            tokio::select! { biased;
                _ = world.ask(send(post(method), "")) => panic!("it never ends"),
                event = seen.recv() => assert_eq!(event, Some(Event::Began)),
            }
            tokio::task::yield_now().await;
            assert_eq!(seen.try_recv().ok(), expected);
        }
    });
}

#[test]
fn the_time_counts_while_the_body_is_received() {
    run(async {
        let world = World::new();
        let (body, waits) = super::limits::silent();
        let request = post("test.Test/Echo").header("X-Prpc-Grpc-Timeout", "1S");
        let (reply, ()) = tokio::join!(world.ask(send(request, body)), async {
            waits.await.unwrap();
            world.clock.advance(Duration::from_secs(1));
        });
        reply.check_error(504, 4, "Gateway Timeout");
    });
}
