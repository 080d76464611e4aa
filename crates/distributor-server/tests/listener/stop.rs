//! The end: what is under way may end, and nobody holds it up.

use distributor_client::Code;
use distributor_proto::control::{ListRequest, ListResponse};
use http::uri::PathAndQuery;
use tokio::io::AsyncWriteExt;
use tonic::Request;
use tonic::client::Grpc;
use tonic_prost::ProstCodec;

use crate::support::callers::Gate;
use crate::support::http::{connect, get, read_all};
use crate::support::{PATIENCE, Questions, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_under_way_is_answered_although_the_server_stops() {
    let (gate, mut keeper) = Gate::new();
    let mut world = World::known(gate).await;
    let client = world.client();
    let call = tokio::spawn(async move { client.list(ListRequest::default()).await });
    keeper.arrived.recv().await.unwrap();
    world.stop();
    // The port is closed while the call is under way.
    while tokio::net::TcpStream::connect(world.address).await.is_ok() {}
    assert!(world.is_serving());
    keeper.go.send(()).unwrap();
    call.await.unwrap().unwrap();
    world.stopped().await;
}

#[tokio::test]
async fn clients_that_are_idle_do_not_hold_up_the_end() {
    let world = World::open().await;
    let client = world.client();
    client.list(ListRequest::default()).await.unwrap();
    let silent = connect(world.address).await;
    let mut greeting = connect(world.address).await;
    greeting.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    let answer = get(connect(world.address).await, "/healthz").await;
    assert!(answer.ends_with("ok"));
    let address = world.address;
    world.stopped().await;
    assert_eq!(read_all(silent).await, "");
    assert_eq!(read_all(greeting).await, "");
    let refused = client.list(ListRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_come_to_an_end_is_left_when_patience_is_over() {
    let (gate, mut keeper) = Gate::new();
    let mut world = World::known(gate).await;
    let mut client = Grpc::new(world.channel().await);
    let call = tokio::spawn(async move {
        client.ready().await.unwrap();
        let path = PathAndQuery::from_static("/distributor.control.Control/List");
        let codec = ProstCodec::<ListRequest, ListResponse>::default();
        let request = Request::new(Questions::<ListRequest>::new([]));
        client.client_streaming(request, path, codec).await
    });
    keeper.arrived.recv().await.unwrap();
    keeper.go.send(()).unwrap();
    world.stop();
    while tokio::net::TcpStream::connect(world.address).await.is_ok() {}
    assert!(world.is_serving());
    // Time passes until the server gives up.
    while world.is_serving() {
        world.clock.advance(PATIENCE);
        tokio::task::yield_now().await;
    }
    call.await.unwrap().unwrap_err();
    world.stopped().await;
}
