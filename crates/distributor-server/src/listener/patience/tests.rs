//! How long a connection lives whose peer does nothing.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

/// Whatever is waited for has passed, or never will.
fn io(passes: bool) -> (DuplexStream, Patient<DuplexStream>) {
    let (peer, io) = duplex(64);
    let time = Time::new(move |_: Duration| match passes {
        true => Box::pin(std::future::ready(())),
        false => Time::never(),
    });
    (peer, Patient::new(io, time))
}

#[tokio::test]
async fn a_peer_that_says_too_little_in_time_fails() {
    let (mut peer, mut io) = io(true);
    peer.write_all(&[0; GREETING_BYTES - 1]).await.unwrap();
    let mut buffer = [0; 64];
    assert_eq!(io.read(&mut buffer).await.unwrap(), GREETING_BYTES - 1);
    let late = io.read(&mut buffer).await.unwrap_err();
    assert_eq!(late.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_peer_that_has_greeted_may_be_silent() {
    let (mut peer, mut io) = io(true);
    peer.write_all(&[0; GREETING_BYTES]).await.unwrap();
    let mut buffer = [0; 64];
    assert_eq!(io.read(&mut buffer).await.unwrap(), GREETING_BYTES);
    let silent = tokio::spawn(async move { io.read(&mut buffer).await.unwrap() });
    tokio::task::yield_now().await;
    drop(peer);
    assert_eq!(silent.await.unwrap(), 0);
}

#[tokio::test]
async fn a_peer_that_takes_nothing_in_time_fails() {
    let (_peer, mut io) = io(true);
    let late = io.write_all(&[0; 1000]).await.unwrap_err();
    assert_eq!(late.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_slow_peer_gets_everything() {
    let (mut peer, mut io) = io(false);
    let written = tokio::spawn(async move { io.write_all(&[7; 1000]).await.unwrap() });
    let mut all = Vec::new();
    peer.read_to_end(&mut all).await.unwrap();
    written.await.unwrap();
    assert_eq!(all, vec![7; 1000]);
}
