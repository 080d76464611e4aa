//! Thousands of bodies that are no messages, or not quite, and good ones beside them.

use std::net::SocketAddr;

use http_body_util::Full;
use hyper::body::Bytes;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;

use crate::ground::http::Http2;
use crate::ground::random::Random;
use crate::support::{PUSH, World, post, pushed, run};

/// Bodies of each kind.
const BODIES: usize = 1000;
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "\\ud800",
    "null",
    "1e999",
    "-",
    "true",
    "\"message\"",
    "\"subscription\"",
    "\"attributes\"",
    "\"auth_token\"",
    "\"data\"",
    "\"AA==\"",
    "\u{0}",
    "ü",
];
const PATHS: &[&str] = &[
    PUSH,
    "/internal/pubsub",
    "/internal/pubsub/%2e%2e/%00",
    "/tq/distributor/pushing",
    "/tq/distributor/%F0%9F%A6%80%",
    "/tq/distributor/../../x",
];

fn random_bytes(random: &mut Random) -> Vec<u8> {
    random.bytes(300)
}

fn random_json(random: &mut Random) -> Vec<u8> {
    let count = random.below(40);
    let pieces = (0..count).map(|_| random.one_of(PIECES));
    pieces.collect::<String>().into_bytes()
}

/// A good message of nobody, with a few bytes changed, added, removed or doubled.
fn mutated(random: &mut Random) -> Vec<u8> {
    let mut body = pushed(&random.bytes(20), &[("auth_token", "A"), ("a", "b")]);
    for _ in 0..=random.below(4) {
        let at = random.below(body.len());
        let byte = random.bytes(1).first().copied().unwrap_or(b'"');
        match random.below(4) {
            0 => body[at] = byte,
            1 => body.insert(at, byte),
            2 => drop(body.remove(at)),
            _ => {
                let piece = body[at..].to_vec();
                body.extend_from_slice(&piece);
            }
        }
    }
    body
}

async fn send(
    address: SocketAddr,
    mut random: Random,
    make: fn(&mut Random) -> Vec<u8>,
    sent: Sender<()>,
) {
    let mut connection = Http2::connect(address).await;
    for _ in 0..BODIES {
        let body = make(&mut random);
        let path = random.one_of(PATHS);
        let request = http::Request::post(format!("http://{address}{path}"))
            .header(
                "content-type",
                random.one_of(&["application/json", "", "x"]),
            )
            .header("authorization", random.text(40).trim())
            .header("x-distributor-queue-token", random.text(40).trim())
            .body(Full::new(Bytes::from(body)));
        let answer = connection.send(request.expect("a request")).await;
        let status = answer.expect("an answer").http;
        let expected = if path.starts_with("/tq/") { 403 } else { 204 };
        assert_eq!(status, expected, "{path}");
        let _not_waited_for = sent.try_send(());
    }
}

/// Good pushes, as long as garbage is sent.
async fn good(address: SocketAddr, body: Vec<u8>, mut garbage: Receiver<()>) {
    while garbage.recv().await.is_some() {
        let reply = post(address, PUSH, &[], &body).await;
        assert_eq!((reply.status, &*reply.body), (204, ""));
    }
}

#[test]
fn dc_70_garbage_is_answered_and_does_not_keep_good_pushes_from_getting_through() {
    run(async {
        let world = World::new().await;
        let execution = world.running("one").await;
        let body = pushed(b"", &[("auth_token", &world.backend.auth_token(execution))]);
        let (sent, garbage) = channel(1);
        let good = tokio::spawn(good(world.address, body, garbage));
        let mut senders = JoinSet::new();
        let kinds: [fn(&mut Random) -> Vec<u8>; 3] = [random_bytes, random_json, mutated];
        for (seed, make) in (1..).zip(kinds) {
            senders.spawn(send(world.address, Random::new(seed), make, sent.clone()));
        }
        drop(sent);
        while let Some(over) = senders.join_next().await {
            over.expect("garbage was answered");
        }
        good.await.expect("all good pushes were answered");
        let counts = world.counts();
        assert!(counts.recorded + counts.condensed > 0, "{counts:?}");
        assert!(
            counts.malformed > 500 && counts.bad_token > 10,
            "{counts:?}"
        );
        assert_eq!((counts.deferred, counts.failed), (0, 0));
        world.backend.end(execution, r#"{"n":1}"#);
        assert_eq!(world.push(execution, b"").await, 204);
        world.until_final(execution.attempt).await;
        world.stopped().await;
    });
}
