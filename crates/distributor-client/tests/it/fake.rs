//! A service that answers as a test has told it before, and remembers what it was asked.
//!
//! It speaks gRPC over plain HTTP/2 and refuses to know any method.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::{BufMut, Bytes, BytesMut};
use distributor_client::{Client, Code, ConnectOptions, RetryPolicy};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::TcpListener;

/// A call as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) message: Bytes,
}

impl Asked {
    pub(crate) fn decode<M: Message + Default>(&self) -> M {
        M::decode(self.message.clone()).expect("a message")
    }
}

#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<Result<Bytes, Code>>,
    asked: Vec<Asked>,
}

/// A service for one test.
#[derive(Debug, Clone)]
pub(crate) struct Fake {
    script: Arc<Mutex<Script>>,
    pub(crate) address: String,
}

impl Fake {
    /// Listens until the test's runtime ends.
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let fake = Fake {
            script: Arc::default(),
            address: listener.local_addr().expect("an address").to_string(),
        };
        let accepting = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fake = accepting.clone();
                let service = service_fn(move |request| {
                    let fake = fake.clone();
                    async move { fake.serve(request).await }
                });
                let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        fake
    }

    /// The next answer.
    pub(crate) fn answers(&self, message: impl Message) -> &Self {
        self.push(Ok(message.encode_to_vec().into()))
    }

    /// The next answer.
    pub(crate) fn fails(&self, code: Code) -> &Self {
        self.push(Err(code))
    }

    fn push(&self, answer: Result<Bytes, Code>) -> &Self {
        self.script
            .lock()
            .expect("a lock")
            .answers
            .push_back(answer);
        self
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.lock().expect("a lock").asked.clone()
    }

    /// A client that repeats without a delay.
    pub(crate) fn client(&self) -> Client {
        let options = ConnectOptions {
            bearer: Some("hunter2".to_owned()),
            retry: RetryPolicy {
                first_delay: std::time::Duration::ZERO,
                ..RetryPolicy::default()
            },
            ..ConnectOptions::default()
        };
        Client::new(&self.address, &options).expect("a client")
    }

    async fn serve(
        &self,
        request: Request<Incoming>,
    ) -> Result<
        Response<impl hyper::body::Body<Data = Bytes, Error = std::convert::Infallible> + use<>>,
        hyper::Error,
    > {
        let (head, body) = request.into_parts();
        let frame = body.collect().await?.to_bytes();
        let authorization = head.headers.get("authorization");
        let asked = Asked {
            path: head.uri.path().to_owned(),
            authorization: authorization.map(|it| it.to_str().expect("ASCII").to_owned()),
            // One byte says whether it is compressed, four how long it is.
            message: frame.slice(5..),
        };
        let answer = {
            let mut script = self.script.lock().expect("a lock");
            script.asked.push(asked);
            script.answers.pop_front().unwrap_or(Err(Code::DataLoss))
        };
        let mut trailers = HeaderMap::new();
        let (code, body) = match answer {
            Ok(message) => {
                let mut frame = BytesMut::new();
                frame.put_u8(0);
                frame.put_u32(u32::try_from(message.len()).expect("a small message"));
                frame.put(message);
                (Code::Ok, frame.freeze())
            }
            Err(code) => (code, Bytes::new()),
        };
        trailers.insert("grpc-status", HeaderValue::from(code as i32));
        trailers.insert("grpc-message", HeaderValue::from_static("as%20told"));
        let body = Full::new(body).with_trailers(std::future::ready(Some(Ok(trailers))));
        let mut response = Response::new(body);
        let grpc = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert("content-type", grpc);
        Ok(response)
    }
}
