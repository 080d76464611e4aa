//! Ten thousand requests that are none, and good ones beside them.

use std::net::SocketAddr;

use distributor_client::{Client, Code};
use distributor_proto::control::{ExplainRequest, ListRequest};
use http_body_util::Full;
use hyper::body::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;

use crate::support::World;
use crate::support::http::{Http2, connect, get, read_all, send};
use crate::support::random::Random;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// None of a stream that does not end by itself.
const PATHS: &[&str] = &[
    "/",
    "/healthz",
    "/dm.Deps/EnsureGraphData",
    "/dm.Deps/WalkGraph",
    "/distributor.control.Control/List",
    "/grpc.health.v1.Health/Check",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/prpc/dm.Deps/EnsureGraphData",
    "/dm.Deps/%00%ff",
    "/..//../etc/passwd",
    "/dm.Deps/WalkGraph?a=b",
];
const METHODS: &[&str] = &["POST", "GET", "PUT", "OPTIONS", "HEAD", "BREW"];
const CONTENT_TYPES: &[&str] = &[
    "application/grpc",
    "application/grpc+proto",
    "application/grpc;charset=x",
    "application/grpc-web",
    "application/json",
    "",
];

/// Connections that never say a whole request, and stay.
const HALF_OPEN: usize = 40;
/// Connections that say something else than HTTP, or something like it, and end.
const NO_HTTP: usize = 460;
/// Connections that begin HTTP/2 and go on with something else.
const NO_FRAMES: usize = 500;
/// Requests of HTTP/1.1, many on one connection.
const HTTP_1: usize = 3000;
/// Requests of HTTP/2, many on one connection, most of them meant as gRPC.
const HTTP_2: usize = 6000;
/// How many at once of each kind.
const AT_ONCE: usize = 4;

/// How much this process may have grown when all has been sent, clients included.
const MOST_MEMORY: usize = 128 * 1024 * 1024;

/// What this process has in memory, where the system tells (4 KiB is the smallest page of any).
fn resident_bytes() -> Option<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let resident: usize = pages.split(' ').nth(1)?.parse().ok()?;
    Some(resident * 4096)
}

async fn half_open(address: SocketAddr) -> Vec<TcpStream> {
    let mut random = Random::new(1);
    let beginnings: [&[u8]; 5] = [
        b"",
        &PREFACE[..20],
        PREFACE,
        b"POST /dm.Deps/WalkGraph HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx",
        b"POST /prpc/dm.Deps/WalkGraph HTTP/1.1\r\nHost: loc",
    ];
    let mut open = Vec::new();
    for _ in 0..HALF_OPEN {
        let mut stream = connect(address).await;
        stream.write_all(random.one_of(&beginnings)).await.unwrap();
        open.push(stream);
    }
    open
}

async fn no_http(address: SocketAddr, mut random: Random, count: usize, sent: Sender<()>) {
    for _ in 0..count {
        let mut bytes = random.bytes(300);
        if random.below(2) == 0 {
            let start = random.one_of(&["GET / HTTP/1.1\r\n", "POST / HTTP/9\r\n", "\x16\x03\x01"]);
            bytes.splice(0..0, start.bytes());
        }
        let answer = send(connect(address).await, &bytes).await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
        let _not_waited_for = sent.try_send(());
    }
}

async fn no_frames(address: SocketAddr, mut random: Random, count: usize, sent: Sender<()>) {
    for _ in 0..count {
        let mut bytes = PREFACE.to_vec();
        if random.below(2) == 0 {
            // The settings that all begin with, so that what follows is looked at.
            bytes.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
        }
        for _ in 0..=random.below(5) {
            let payload = random.bytes(60);
            let kind = u8::try_from(random.below(12)).unwrap();
            let flags = random.bytes(1).first().copied().unwrap_or(0);
            let stream = u8::try_from(random.below(4)).unwrap();
            let length = u8::try_from(payload.len()).unwrap();
            bytes.extend_from_slice(&[0, 0, length, kind, flags, 0, 0, 0, stream]);
            bytes.extend_from_slice(&payload);
        }
        send(connect(address).await, &bytes).await;
        let _not_waited_for = sent.try_send(());
    }
}

async fn http_1(address: SocketAddr, mut random: Random, count: usize, sent: Sender<()>) {
    let mut left = count;
    while left > 0 {
        let on_this_one = left.min(50);
        left -= on_this_one;
        let mut bytes = Vec::new();
        for _ in 0..on_this_one {
            let body = random.bytes(100);
            let method = random.one_of(METHODS);
            let path = random.one_of(PATHS);
            let content_type = random.one_of(CONTENT_TYPES);
            let header = format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n\
                 X-Garbage: {}\r\nContent-Length: {}\r\n\r\n",
                random.text(50),
                body.len()
            );
            bytes.extend_from_slice(header.as_bytes());
            bytes.extend_from_slice(&body);
        }
        // Read and written at the same time: neither side waits for the other.
        let (read, mut write) = connect(address).await.into_split();
        let writing = tokio::spawn(async move {
            let _refused = write.write_all(&bytes).await;
            drop(write);
        });
        let answers = read_all(read).await;
        writing.await.unwrap();
        assert!(answers.starts_with("HTTP/1.1 "), "{answers}");
        let _not_waited_for = sent.try_send(());
    }
}

async fn http_2(address: SocketAddr, mut random: Random, count: usize, sent: Sender<()>) {
    let mut connection = Http2::connect(address).await;
    for _ in 0..count {
        let body = match random.below(4) {
            0 => random.bytes(100),
            // A frame of a message.
            1 => {
                let message = random.bytes(100);
                let length = u8::try_from(message.len()).unwrap();
                [&[0, 0, 0, 0, length][..], &message].concat()
            }
            // Frames that promise what does not come, more and less than is allowed.
            2 => [&[0, 1, 0xff, 0xff, 0xff][..], &random.bytes(10)].concat(),
            _ => [&[0, 0x7f, 0xff, 0xff, 0xff][..], &random.bytes(10)].concat(),
        };
        let uri = format!("http://{address}{}", random.one_of(PATHS));
        let request = http::Request::builder()
            .method(random.one_of(METHODS))
            .uri(uri)
            .header("content-type", random.one_of(CONTENT_TYPES))
            .header(
                "grpc-timeout",
                random.one_of(&["1S", "", "soon", "9999999999H"]),
            )
            .header("authorization", random.text(40).trim())
            .header(
                "grpc-encoding",
                random.one_of(&["identity", "gzip", "junk"]),
            )
            .body(Full::new(Bytes::from(body)));
        if connection.send(request.unwrap()).await.is_none() {
            connection = Http2::connect(address).await;
        }
        let _not_waited_for = sent.try_send(());
    }
}

/// Good calls, as long as garbage is sent.
async fn good_calls(client: Client, address: SocketAddr, mut garbage: Receiver<()>) {
    while garbage.recv().await.is_some() {
        client.list(ListRequest::default()).await.expect("a list");
        let refused = client.explain(ExplainRequest::default()).await;
        assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
        let health = get(connect(address).await, "/healthz").await;
        assert!(health.ends_with("\r\n\r\nok"), "{health}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_garbage_requests_do_not_keep_a_good_one_from_its_answer() {
    assert_eq!(HALF_OPEN + NO_HTTP + NO_FRAMES + HTTP_1 + HTTP_2, 10_000);
    let world = World::open().await;
    let address = world.address;
    let before = resident_bytes();
    let stay = half_open(address).await;
    let (sent, garbage) = channel(1);
    let good = tokio::spawn(good_calls(world.client(), address, garbage));

    let mut senders = JoinSet::new();
    for part in 0..AT_ONCE {
        let random = |kind: u64| Random::new(kind * 1000 + u64::try_from(part).unwrap());
        senders.spawn(no_http(address, random(2), NO_HTTP / AT_ONCE, sent.clone()));
        senders.spawn(no_frames(
            address,
            random(3),
            NO_FRAMES / AT_ONCE,
            sent.clone(),
        ));
        senders.spawn(http_1(address, random(4), HTTP_1 / AT_ONCE, sent.clone()));
        senders.spawn(http_2(address, random(5), HTTP_2 / AT_ONCE, sent.clone()));
    }
    drop(sent);
    while let Some(over) = senders.join_next().await {
        over.expect("garbage was answered, or refused");
    }
    good.await.expect("all good calls were answered");
    assert!(world.is_serving());
    if let (Some(before), Some(after)) = (before, resident_bytes()) {
        let grown = after.saturating_sub(before);
        assert!(grown < MOST_MEMORY, "{grown} more bytes in memory");
    }
    drop(stay);
    world.stopped().await;
}
