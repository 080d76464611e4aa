//! HTTP as other programs speak it: raw, and with all of its freedom.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::{Builder, SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await;
    let stream = stream.expect("the port is open");
    stream.set_nodelay(true).expect("an option of all systems");
    stream
}

/// Sends these bytes and no more, and reads what comes until the other side ends.
pub(crate) async fn send<I>(mut stream: I, bytes: &[u8]) -> String
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    // The other side may end before it has read all.
    let _refused = stream.write_all(bytes).await;
    let _refused = stream.shutdown().await;
    read_all(stream).await
}

/// What comes until the other side ends, in order or not.
pub(crate) async fn read_all(mut stream: impl AsyncRead + Unpin) -> String {
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// One HTTP/1.1 request on a connection of its own.
pub(crate) async fn get<I>(stream: I, path: &str) -> String
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    ask(stream, request.as_bytes()).await
}

/// Like [`get`], with a whole request that says `Connection: close`.
pub(crate) async fn ask<I>(mut stream: I, request: &[u8]) -> String
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(request).await.expect("sent");
    read_all(stream).await
}

/// An HTTP/2 connection for requests of any kind.
pub(crate) struct Http2(SendRequest<Full<Bytes>>);

/// What an HTTP/2 request got.
pub(crate) struct Answer {
    pub(crate) http: u16,
    /// `grpc-status`, in the headers or the trailers.
    pub(crate) grpc: Option<String>,
    pub(crate) body: Bytes,
}

impl Http2 {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let io = TokioIo::new(connect(address).await);
        let (sender, connection) = handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
        tokio::spawn(connection);
        Http2(sender)
    }

    /// One that lets the server send headers and no bodies.
    pub(crate) async fn connect_for_nothing(address: SocketAddr) -> Self {
        let io = TokioIo::new(connect(address).await);
        let handshake = Builder::new(TokioExecutor::new())
            .initial_stream_window_size(0)
            .handshake(io);
        let (sender, connection) = handshake.await.expect("HTTP/2");
        tokio::spawn(connection);
        Http2(sender)
    }

    /// The headers of an answer came; nothing more is asked for. What is returned must be kept.
    pub(crate) async fn begin(
        &mut self,
        request: http::Request<Full<Bytes>>,
    ) -> http::Response<Incoming> {
        self.0.ready().await.expect("a connection");
        let response = self.0.send_request(request).await;
        response.expect("headers")
    }

    /// Returns once the server has ended the connection.
    pub(crate) async fn closed(&mut self) {
        while self.0.ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    /// `None`: the server reset the stream or the connection.
    pub(crate) async fn send(&mut self, request: http::Request<Full<Bytes>>) -> Option<Answer> {
        self.0.ready().await.ok()?;
        let response = self.0.send_request(request).await.ok()?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.ok()?;
        let in_trailers = body.trailers().and_then(|it| it.get("grpc-status"));
        let grpc = parts.headers.get("grpc-status").or(in_trailers);
        Some(Answer {
            http: parts.status.as_u16(),
            grpc: grpc.map(|it| it.to_str().expect("a number").to_owned()),
            body: body.to_bytes(),
        })
    }
}

/// A gRPC request with this body, which should be a framed message.
pub(crate) fn grpc(address: SocketAddr, path: &str, body: Vec<u8>) -> http::Request<Full<Bytes>> {
    http::Request::post(format!("http://{address}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(Bytes::from(body)))
        .expect("a request")
}

/// A message as gRPC frames it.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("not too long");
    let mut framed = vec![0];
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(message);
    framed
}
