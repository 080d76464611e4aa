//! One connection, from its handshake to its end.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::Service;

use super::calls::Calls;
use super::limits;
use super::patience::Patient;
use crate::stop::Stop;
use crate::time::Time;

/// What serves any connection.
pub(super) struct Server {
    http: Builder<TokioExecutor>,
    router: Router,
    tls: Option<TlsAcceptor>,
    time: Time,
    stop: Stop,
}

impl Server {
    pub(super) fn new(router: Router, tls: Option<TlsAcceptor>, time: Time, stop: Stop) -> Self {
        let mut http = Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits::HEADER_TIME)
            .max_buf_size(limits::BUFFER_BYTES);
        http.http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(limits::PING_INTERVAL)
            .keep_alive_timeout(limits::PING_TIME)
            .max_concurrent_streams(limits::CALLS_PER_CONNECTION)
            .max_header_list_size(limits::HEADER_BYTES);
        Server {
            http,
            router,
            tls,
            time,
            stop,
        }
    }

    /// Serves one connection until it ends: by itself, or when it is idle for too long or the server
    /// stops, and then when its calls are over. What goes wrong is the peer's problem.
    pub(super) async fn serve(self: Arc<Self>, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("a connection ended before it began: {error}");
            return;
        }
        match &self.tls {
            None => self.serve_http(stream).await,
            Some(tls) => {
                if let Some(stream) = self.greet(tls, stream).await {
                    self.serve_http(stream).await;
                }
            }
        }
    }

    async fn greet(&self, tls: &TlsAcceptor, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        tokio::select! {
            stream = tls.accept(stream) => match stream {
                Ok(stream) => Some(stream),
                Err(error) => {
                    tracing::debug!("no TLS with a peer: {error}");
                    None
                }
            },
            () = self.time.after(limits::GREETING_TIME) => None,
            () = self.stop.clone().wait() => None,
        }
    }

    async fn serve_http<I>(&self, io: I)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(Patient::new(io, self.time.clone()));
        let calls = Calls::new();
        let service = service_fn(|request: Request<Incoming>| {
            let call = calls.begin();
            let answer = self.router.clone().call(request.map(Body::new));
            async move {
                let response = answer.await?;
                Ok::<_, Infallible>(response.map(|body| call.until_answered(body)))
            }
        });
        let mut connection = pin!(self.http.serve_connection(io, service));
        let mut ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = calls.idle(&self.time, limits::IDLE_TIME) => None,
            () = self.stop.clone().wait() => None,
        };
        if ended.is_none() {
            connection.as_mut().graceful_shutdown();
            ended = tokio::select! {
                ended = connection => Some(ended),
                () = calls.idle(&self.time, limits::LAST_TIME) => None,
            };
        }
        match ended {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::debug!("a connection broke: {error}"),
            None => tracing::debug!("a peer did not take its last answers, and is left"),
        }
    }
}
