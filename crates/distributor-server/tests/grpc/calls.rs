//! Calls that work, and calls that fail in the words of the API.

use std::sync::Arc;

use distributor_client::{Code, ConnectOptions};
use distributor_proto::control::{ExplainRequest, ListRequest};
use distributor_proto::dm;

use crate::support::World;
use crate::support::callers::Tokens;
use crate::support::http::{Http2, framed, grpc};

fn code<T: std::fmt::Debug>(result: Result<T, distributor_client::ClientError>) -> Code {
    result.expect_err("a call that fails").code()
}

fn bearer(token: &str) -> ConnectOptions {
    ConnectOptions {
        bearer: Some(token.to_owned()),
        ..ConnectOptions::default()
    }
}

#[tokio::test]
async fn a_call_is_answered() {
    let world = World::open().await;
    let client = world.client();
    let first = client.list(ListRequest::default()).await.unwrap();
    assert_eq!(first.attempts, []);
    // The second one goes over the same connection.
    client.list(ListRequest::default()).await.unwrap();
    world.stopped().await;
}

#[tokio::test]
async fn a_failure_keeps_its_code_and_its_message() {
    let world = World::open().await;
    let failed = world.client().explain(ExplainRequest::default()).await;
    let failed = failed.expect_err("no attempt is named");
    assert_eq!(failed.code(), Code::InvalidArgument);
    assert!(failed.to_string().contains("attempt"), "{failed}");
    world.stopped().await;
}

#[tokio::test]
async fn every_method_of_the_clients_exists() {
    let world = World::known(Arc::new(Tokens)).await;
    let client = world.client();
    let none = Code::Unimplemented;
    // A caller who may do nothing gets another code from each, when it is there.
    assert_ne!(code(client.list(Default::default()).await), none);
    assert_ne!(code(client.cancel(Default::default()).await), none);
    assert_ne!(code(client.explain(Default::default()).await), none);
    assert_ne!(code(client.find_quests(Default::default()).await), none);
    assert_ne!(code(client.read_log(Default::default()).await), none);
    assert_ne!(code(client.collect(Default::default()).await), none);
    let watch = client.watch(Default::default()).await;
    assert_eq!(code(watch), Code::PermissionDenied);
    world.stopped().await;
}

#[tokio::test]
async fn the_bearer_token_says_who_calls() {
    let world = World::known(Arc::new(Tokens)).await;
    let list = async |options| {
        world
            .client_with(&options)
            .list(ListRequest::default())
            .await
    };
    list(bearer("good")).await.unwrap();
    assert_eq!(code(list(bearer("stranger")).await), Code::PermissionDenied);
    assert_eq!(code(list(bearer("bad")).await), Code::Unauthenticated);
    let anonymous = list(ConnectOptions::default()).await;
    assert_eq!(code(anonymous), Code::PermissionDenied);
    world.stopped().await;
}

#[tokio::test]
async fn other_credentials_than_bearer_tokens_are_refused() {
    let world = World::known(Arc::new(Tokens)).await;
    let mut http = Http2::connect(world.address).await;
    let mut request = grpc(
        world.address,
        "/distributor.control.Control/List",
        framed(b""),
    );
    let basic = http::HeaderValue::from_static("Basic Z29vZDpnb29k");
    request.headers_mut().insert("authorization", basic);
    let answer = http.send(request).await.unwrap();
    assert_eq!((answer.http, answer.grpc.as_deref()), (200, Some("16")));
    world.stopped().await;
}

#[tokio::test]
async fn web_pages_and_other_hosts_are_refused_where_no_token_is_needed() {
    let world = World::open().await;
    let mut http = Http2::connect(world.address).await;
    for path in [
        "/distributor.control.Control/List",
        "/grpc.health.v1.Health/Check",
        "/nowhere.At/All",
    ] {
        let mut request = grpc(world.address, path, framed(b""));
        let origin = http::HeaderValue::from_static("http://page.example");
        request.headers_mut().insert("origin", origin);
        let answer = http.send(request).await.unwrap();
        assert_eq!(answer.grpc.as_deref(), Some("7"), "{path}");

        let mut request = grpc(world.address, path, framed(b""));
        *request.uri_mut() = format!("http://rebound.example{path}").parse().unwrap();
        let answer = http.send(request).await.unwrap();
        assert_eq!(answer.grpc.as_deref(), Some("7"), "{path}");
    }
    world.client().list(ListRequest::default()).await.unwrap();
    world.stopped().await;
}

#[tokio::test]
async fn unknown_services_and_methods_are_unimplemented() {
    let world = World::open().await;
    let mut http = Http2::connect(world.address).await;
    for path in [
        "/dm.Deps/Nothing",
        "/dm.Deps/",
        "/dm.Deps",
        "/dm.Deps/WalkGraph/",
        "/dm.Nothing/WalkGraph",
        "/",
        "//",
        "/grpc.health.v1.Health/Nothing",
        "/grpc.health.v1.Health/Check/More",
    ] {
        let request = grpc(world.address, path, framed(b""));
        let answer = http.send(request).await.unwrap();
        assert_eq!(
            (answer.http, answer.grpc.as_deref()),
            (200, Some("12")),
            "{path}"
        );
    }
    world.stopped().await;
}

#[tokio::test]
async fn requests_that_are_no_messages_are_refused() {
    let world = World::open().await;
    let mut http = Http2::connect(world.address).await;
    let path = "/distributor.control.Control/List";
    let compressed = [&[1, 0, 0, 0, 2][..], b"zz"].concat();
    let unfinished = vec![0, 0, 0, 1, 0, b'x'];
    for (body, name) in [
        (Vec::new(), "nothing"),
        (framed(&[0xff; 20]), "no protobuf"),
        (compressed, "compressed"),
        (unfinished, "unfinished"),
        (vec![9, 9], "no frame"),
    ] {
        let answer = http.send(grpc(world.address, path, body)).await.unwrap();
        let grpc = answer.grpc.unwrap();
        assert_ne!(grpc, "0", "{name}");
        assert_ne!(grpc, "2", "{name}");
    }
    world.client().list(ListRequest::default()).await.unwrap();
    world.stopped().await;
}

#[tokio::test]
async fn a_request_that_is_too_long_is_refused_and_the_next_one_is_not() {
    let world = World::open().await;
    let client = world.client();
    let desc = dm::quest::Desc {
        parameters: " ".repeat(32 * 1024 * 1024),
        ..Default::default()
    };
    let request = dm::EnsureGraphDataReq {
        quest: vec![desc],
        ..Default::default()
    };
    let failed = client.ensure_graph_data(request).await;
    let failed = failed.expect_err("more than 32 MiB");
    assert_eq!(failed.code(), Code::ResourceExhausted, "{failed}");
    assert!(failed.to_string().contains("33554432 bytes"), "{failed}");
    client.list(ListRequest::default()).await.unwrap();
    world.stopped().await;
}

/// Two bytes each: an attempt range, in a list, in a query.
fn many_values(values: usize) -> Vec<u8> {
    let list = b"\x12\x00".repeat(values);
    let mut query = vec![0x12];
    prost::encoding::encode_varint(u64::try_from(list.len()).unwrap(), &mut query);
    [query, list].concat()
}

#[tokio::test]
async fn few_bytes_may_not_become_many_values() {
    let world = World::open().await;
    let mut http = Http2::connect(world.address).await;
    for (values, expected) in [(500_000, "8"), (16_000_000, "8"), (1000, "3")] {
        let body = framed(&many_values(values));
        let request = grpc(world.address, "/dm.Deps/WalkGraph", body);
        let answer = http.send(request).await.unwrap();
        assert_eq!(answer.grpc.as_deref(), Some(expected), "{values}");
    }
    world.client().list(ListRequest::default()).await.unwrap();
    world.stopped().await;
}
