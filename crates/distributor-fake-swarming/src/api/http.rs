//! HTTP: reads requests, writes replies, and closes connections in the midst where that is wanted.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::calls;
use super::mishap::Outcome;
use super::{Reply, Request};
use crate::shared::Shared;

/// The longest body of a request.
const LONGEST_BODY: usize = 16 * 1024 * 1024;

/// Serves until it is dropped.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, shared.clone()));
                }
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    // Of too many, one has to end first.
                    let _ended = connections.join_next().await;
                }
            },
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(|request| {
        let shared = shared.clone();
        async move { respond(&shared, request).await }
    });
    let _closed = stream.set_nodelay(true);
    let served = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!("a connection ended: {error}");
    }
}

/// The connection is to be closed.
#[derive(Debug, thiserror::Error)]
#[error("closed as the fault script wants it")]
struct Closed;

async fn respond(
    shared: &Shared,
    request: http::Request<Incoming>,
) -> Result<Response<Body>, Closed> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, LONGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return response(StatusCode::PAYLOAD_TOO_LARGE, Body::whole(Bytes::new())),
    };
    let authorization = parts.headers.get(header::AUTHORIZATION);
    let bearer = authorization
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let request = Request {
        bearer: bearer.map(str::to_owned),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        method: parts.method,
        body,
    };
    match calls::answer(shared, &request).await {
        Outcome::Reply(reply) => {
            let body = Body::whole(reply.body.clone());
            with_headers(&reply, body)
        }
        Outcome::Half(reply) => {
            let body = Body::half(reply.body.clone());
            with_headers(&reply, body)
        }
        Outcome::Nothing => Err(Closed),
    }
}

fn with_headers(reply: &Reply, body: Body) -> Result<Response<Body>, Closed> {
    let mut response = response(reply.status, body)?;
    let headers = response.headers_mut();
    if !reply.body.is_empty() {
        let content_type = header::HeaderValue::from_static(reply.content_type);
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    if let Some(seconds) = reply.retry_after {
        headers.insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    }
    Ok(response)
}

fn response(status: StatusCode, body: Body) -> Result<Response<Body>, Closed> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    Ok(response)
}

/// A body that may end before its time.
#[derive(Debug)]
struct Body {
    data: Option<Bytes>,
    /// The length that it claims to have.
    length: u64,
    breaks: Break,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    Never,
    /// What was given must have left first.
    AfterFlush,
    Now,
}

impl Body {
    fn whole(data: Bytes) -> Self {
        Body {
            length: data.len() as u64,
            data: Some(data),
            breaks: Break::Never,
        }
    }

    fn half(data: Bytes) -> Self {
        Body {
            length: data.len() as u64,
            data: Some(data.slice(..data.len() / 2)),
            breaks: Break::AfterFlush,
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        if let Some(data) = self.data.take().filter(|data| !data.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.breaks {
            Break::Never => Poll::Ready(None),
            Break::AfterFlush => {
                self.breaks = Break::Now;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Break::Now => Poll::Ready(Some(Err(Closed))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.breaks == Break::Never && self.data.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
