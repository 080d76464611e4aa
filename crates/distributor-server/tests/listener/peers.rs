//! Peers that take their time.

use std::time::Duration;

use distributor_proto::control::ListRequest;
use tokio::io::AsyncWriteExt;

use crate::support::World;
use crate::support::http::{connect, read_all};

/// Lets time pass until the server closes this connection.
async fn closed(world: &World, stream: tokio::net::TcpStream) -> String {
    let mut read = tokio::spawn(read_all(stream));
    loop {
        tokio::select! {
            biased;
            answer = &mut read => return answer.unwrap(),
            () = tokio::task::yield_now() => world.clock.advance(Duration::from_secs(1)),
        }
    }
}

#[tokio::test]
async fn a_peer_that_says_too_little_is_left() {
    let world = World::open().await;
    for greeting in [
        &b""[..],
        b"G",
        b"PRI * HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost:",
    ] {
        let mut stream = connect(world.address).await;
        stream.write_all(greeting).await.unwrap();
        let answer = closed(&world, stream).await;
        assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
    }
    world.client().list(ListRequest::default()).await.unwrap();
    world.stopped().await;
}
