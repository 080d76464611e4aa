//! The stream of changes.

use distributor_client::Code;
use distributor_proto::control::{ListRequest, WatchRequest, WatchResponse};

use crate::support::World;

#[tokio::test]
async fn a_watch_says_that_it_has_begun_and_ends_when_the_server_stops() {
    let mut world = World::open().await;
    let client = world.client();
    let mut watch = client.watch(WatchRequest::default()).await.unwrap();
    let first = watch.message().await.unwrap();
    assert_eq!(first, Some(WatchResponse::default()));
    client.list(ListRequest::default()).await.unwrap();
    world.stop();
    let end = watch.message().await.unwrap_err();
    assert_eq!(end.code(), Code::Unavailable);
    assert!(end.message().contains("stopping"), "{end}");
    // Nobody was waited for: the clock stands still.
    world.stopped().await;
}

#[tokio::test]
async fn a_client_that_leaves_its_watch_leaves_nothing_behind() {
    let world = World::open().await;
    let client = world.client();
    for _ in 0..1000 {
        let mut watch = client.watch(WatchRequest::default()).await.unwrap();
        watch.message().await.unwrap().expect("it has begun");
    }
    client.list(ListRequest::default()).await.unwrap();
    world.stopped().await;
}
