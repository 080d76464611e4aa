//! Both versions of HTTP on one port.

use distributor_proto::control::ListRequest;

use crate::support::World;
use crate::support::http::{Http2, ask, connect, get, grpc};

#[tokio::test]
async fn both_versions_of_http_are_served_on_one_port() {
    let world = World::open().await;
    let health = get(connect(world.address).await, "/healthz").await;
    assert!(health.starts_with("HTTP/1.1 200 OK\r\n"), "{health}");
    assert!(health.ends_with("\r\n\r\nok"), "{health}");

    let call = b"POST /prpc/distributor.control.Control/List HTTP/1.1\r\nHost: localhost\r\n\
        Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: 2\r\n\
        Connection: close\r\n\r\n{}";
    let answer = ask(connect(world.address).await, call).await;
    assert!(answer.contains("\r\nx-prpc-grpc-code: 0\r\n"), "{answer}");
    assert!(answer.contains("\r\n\r\n)]}'\n{"), "{answer}");

    world.client().list(ListRequest::default()).await.unwrap();
    let mut http2 = Http2::connect(world.address).await;
    let mut request = grpc(world.address, "/healthz", Vec::new());
    *request.method_mut() = http::Method::GET;
    let answer = http2.send(request).await.unwrap();
    assert_eq!((answer.http, &answer.body[..]), (200, &b"ok"[..]));
    world.stopped().await;
}

#[tokio::test]
async fn what_is_nowhere_is_answered_with_help() {
    let world = World::open().await;
    for path in ["/", "/nothing", "/dm.Deps/WalkGraph"] {
        let answer = get(connect(world.address).await, path).await;
        assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
        assert!(
            answer.contains(&format!("there is nothing at {path}: ")),
            "{answer}"
        );
        assert!(answer.contains("/prpc/SERVICE/METHOD"), "{answer}");
    }
    world.stopped().await;
}

#[tokio::test]
async fn grpc_is_not_served_over_http_1() {
    let world = World::open().await;
    let call = b"POST /distributor.control.Control/List HTTP/1.1\r\nHost: localhost\r\n\
        Content-Type: application/grpc\r\nContent-Length: 5\r\nConnection: close\r\n\r\n\0\0\0\0\0";
    let answer = ask(connect(world.address).await, call).await;
    assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
    world.stopped().await;
}

#[tokio::test]
async fn other_kinds_of_grpc_are_not_served() {
    let world = World::open().await;
    let mut http2 = Http2::connect(world.address).await;
    for other in [
        "application/grpc-web",
        "application/grpc+json",
        "application/grpcx",
    ] {
        let path = "/distributor.control.Control/List";
        let mut request = grpc(world.address, path, vec![0; 5]);
        let value = http::HeaderValue::from_static(other);
        request.headers_mut().insert("content-type", value);
        let answer = http2.send(request).await.unwrap();
        assert_eq!((answer.http, answer.grpc), (404, None), "{other}");
    }
    world.stopped().await;
}
