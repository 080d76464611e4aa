//! Calls with a deadline.

use std::sync::Arc;
use std::time::Duration;

use distributor_client::{Code, Streaming};
use distributor_proto::control::{ListRequest, ListResponse, WatchRequest, WatchResponse};
use distributor_proto::dm;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use crate::support::backend::KNOWN;
use crate::support::callers::Gate;
use crate::support::http::{Http2, framed, grpc};
use crate::support::{Questions, World};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_ends_at_its_deadline() {
    let (gate, mut keeper) = Gate::new();
    let world = World::known(gate).await;
    let mut client = Grpc::new(world.channel().await);
    let call = tokio::spawn(async move {
        client.ready().await.unwrap();
        let mut request = Request::new(Questions::<ListRequest>::new([]));
        request.set_timeout(HOUR);
        let path = PathAndQuery::from_static("/distributor.control.Control/List");
        let codec = ProstCodec::<ListRequest, ListResponse>::default();
        client.client_streaming(request, path, codec).await
    });
    // By now the server has looked at the time.
    keeper.arrived.recv().await.unwrap();
    keeper.go.send(()).unwrap();
    world.clock.advance(HOUR);
    let failed: Status = call.await.unwrap().unwrap_err();
    assert_eq!(failed.code(), Code::DeadlineExceeded);
    assert!(
        failed.message().contains("deadline of the call"),
        "{failed}"
    );
    world.stopped().await;
}

#[tokio::test]
async fn a_stream_ends_at_its_deadline() {
    let world = World::open().await;
    let mut client = Grpc::new(world.channel().await);
    client.ready().await.unwrap();
    let mut request = Request::new(WatchRequest::default());
    request.set_timeout(HOUR);
    let path = PathAndQuery::from_static("/distributor.control.Control/Watch");
    let codec = ProstCodec::<WatchRequest, WatchResponse>::default();
    let watch = client.server_streaming(request, path, codec).await;
    let mut watch = watch.unwrap().into_inner();
    watch.message().await.unwrap().expect("it has begun");
    world.clock.advance(HOUR);
    let failed = watch.message().await.unwrap_err();
    assert_eq!(failed.code(), Code::DeadlineExceeded);
    world.stopped().await;
}

#[tokio::test]
async fn a_timeout_that_is_none_is_refused() {
    let world = World::known(Arc::new(crate::support::callers::Anybody)).await;
    let mut http = Http2::connect(world.address).await;
    let mut request = grpc(
        world.address,
        "/distributor.control.Control/List",
        framed(b""),
    );
    let soon = http::HeaderValue::from_static("soon");
    request.headers_mut().insert("grpc-timeout", soon);
    let answer = http.send(request).await.unwrap();
    assert_eq!(answer.grpc.as_deref(), Some("3"));
    world.stopped().await;
}

fn submission() -> dm::EnsureGraphDataReq {
    let desc = dm::quest::Desc {
        distributor_config_name: KNOWN.to_owned(),
        parameters: "{}".to_owned(),
        distributor_parameters: "{}".to_owned(),
        meta: None,
    };
    dm::EnsureGraphDataReq {
        quest: vec![desc],
        quest_attempt: vec![dm::attempt_list::Nums { nums: vec![1] }],
        ..Default::default()
    }
}

/// Submits while nothing is committed. Until the client goes it has a deadline in an hour.
async fn submit_and_wait(world: &World, client: &mut Grpc<Channel>) -> Result<(), Status> {
    world.committer.hold();
    client.ready().await.unwrap();
    let mut request = Request::new(submission());
    request.set_timeout(HOUR);
    let path = PathAndQuery::from_static("/dm.Deps/EnsureGraphData");
    let codec = ProstCodec::<dm::EnsureGraphDataReq, dm::EnsureGraphDataRsp>::default();
    client.unary(request, path, codec).await.map(drop)
}

/// What was submitted is there, although nobody waits for it.
async fn is_committed(world: &World, watch: &mut Streaming<WatchResponse>) {
    world.committer.release();
    let change = watch.message().await.unwrap().expect("a change");
    let id = change.changes[0].id.clone().expect("an id");
    assert_eq!(id.id, 1);
    let list = world.client().list(ListRequest::default()).await.unwrap();
    assert_eq!(list.attempts[0].id, Some(id));
}

#[tokio::test]
async fn a_mutation_that_was_accepted_goes_on_after_its_deadline() {
    let world = World::open().await;
    let mut watch = world.client().watch(WatchRequest::default()).await.unwrap();
    watch.message().await.unwrap().expect("it has begun");
    let mut client = Grpc::new(world.channel().await);
    let (late, ()) = tokio::join!(submit_and_wait(&world, &mut client), async {
        world.committer.arrived().await;
        world.clock.advance(HOUR);
    });
    assert_eq!(late.unwrap_err().code(), Code::DeadlineExceeded);
    is_committed(&world, &mut watch).await;
    world.stopped().await;
}

#[tokio::test]
async fn a_mutation_that_was_accepted_goes_on_without_its_client() {
    let world = World::open().await;
    let mut watch = world.client().watch(WatchRequest::default()).await.unwrap();
    watch.message().await.unwrap().expect("it has begun");
    let mut client = Grpc::new(world.channel().await);
    tokio::select! {
        _ = submit_and_wait(&world, &mut client) => panic!("nothing is committed"),
        () = world.committer.arrived() => {}
    }
    drop(client);
    is_committed(&world, &mut watch).await;
    world.stopped().await;
}
