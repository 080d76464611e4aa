//! Peers that take their time.

use std::pin::pin;
use std::time::Duration;

use distributor_proto::control::{ListRequest, WatchRequest};
use tokio::io::AsyncWriteExt;

use crate::support::World;
use crate::support::http::{Http2, connect, framed, grpc, read_all};

/// Lets time pass until this has happened.
async fn pass_until<T>(world: &World, happens: impl Future<Output = T>) -> T {
    let mut happens = pin!(happens);
    loop {
        tokio::select! {
            biased;
            happened = &mut happens => return happened,
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
        let answer = pass_until(&world, read_all(stream)).await;
        assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
    }
    world.client().list(ListRequest::default()).await.unwrap();
    world.stopped().await;
}

#[tokio::test]
async fn a_connection_without_calls_is_ended_and_its_client_makes_another() {
    let world = World::open().await;
    let mut idle = Http2::connect(world.address).await;
    let list = || {
        grpc(
            world.address,
            "/distributor.control.Control/List",
            framed(b""),
        )
    };
    let client = world.client();
    client.list(ListRequest::default()).await.unwrap();
    let answer = idle.send(list()).await.unwrap();
    assert_eq!(answer.grpc.as_deref(), Some("0"));
    pass_until(&world, idle.closed()).await;
    client.list(ListRequest::default()).await.unwrap();
    world.stopped().await;
}

#[tokio::test]
async fn a_connection_with_a_stream_is_not_idle() {
    let world = World::open().await;
    let mut watch = world.client().watch(WatchRequest::default()).await.unwrap();
    watch.message().await.unwrap().expect("it has begun");
    // Another one is ended in the meantime.
    let mut idle = Http2::connect(world.address).await;
    pass_until(&world, idle.closed()).await;
    world.stopped().await;
    // Its end is the server's, not the connection's.
    let end = watch.message().await.unwrap_err();
    assert!(end.message().contains("stopping"), "{end}");
}

#[tokio::test]
async fn a_peer_that_takes_no_answer_is_left() {
    let world = World::open().await;
    for path in [
        "/distributor.control.Control/List",
        // These streams last as long as their clients want.
        "/distributor.control.Control/Watch",
        "/grpc.health.v1.Health/Watch",
    ] {
        let mut peer = Http2::connect_for_nothing(world.address).await;
        let _answer = peer.begin(grpc(world.address, path, framed(b""))).await;
        pass_until(&world, peer.closed()).await;
    }
    world.client().list(ListRequest::default()).await.unwrap();
    world.stopped().await;
}

#[tokio::test]
async fn nobody_watches_the_health_for_ever() {
    let world = World::open().await;
    let mut peer = Http2::connect(world.address).await;
    let watch = grpc(world.address, "/grpc.health.v1.Health/Watch", framed(b""));
    let answer = pass_until(&world, peer.send(watch)).await.unwrap();
    assert_eq!(answer.grpc.as_deref(), Some("4"));
    world.stopped().await;
}
