//! The two transports behind one trait. gRPC is the real client; pRPC is JSON over one connection for
//! each call, and checks what every reply must have.

use std::fmt::Debug;
use std::net::SocketAddr;

use distributor_client::{Client, ClientError, Code, ConnectOptions, RetryPolicy};
use distributor_proto::text::{from_json, to_json};
use distributor_proto::{control, dm};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use prost::{Message, Name};

use crate::ground::http::connect;

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    /// `None` where the transport keeps the words to itself: pRPC does if the fault is the service's.
    pub(crate) message: Option<String>,
}

pub(crate) type Answer<T> = Result<T, Failure>;

/// The call failed with this code and, if there are words, with this in them.
#[track_caller]
pub(crate) fn assert_refused<T: Debug>(answer: Answer<T>, code: Code, message: &str) {
    let failure = answer.expect_err("a refusal");
    assert_eq!(failure.code, code, "{failure:?}");
    if let Some(text) = &failure.message {
        assert!(text.contains(message), "no {message:?} in {text:?}");
    }
}

/// gRPC.
pub(crate) struct Grpc(pub(crate) Client);

/// pRPC in JSON.
pub(crate) struct Prpc {
    address: SocketAddr,
    bearer: Option<String>,
}

macro_rules! methods {
    ($($name:ident: $path:literal, $request:ty => $response:ty;)*) => {
        /// A caller of the service, over one transport.
        pub(crate) trait Wire: Sized {
            /// Somebody who shows this token, or none.
            fn new(address: SocketAddr, bearer: Option<&str>) -> Self;
            $(async fn $name(&self, request: $request) -> Answer<$response>;)*
        }

        impl Wire for Grpc {
            fn new(address: SocketAddr, bearer: Option<&str>) -> Self {
                let options = ConnectOptions {
                    bearer: bearer.map(str::to_owned),
                    // A failure is what many tests wait for.
                    retry: RetryPolicy::never(),
                    ..ConnectOptions::default()
                };
                Grpc(Client::new(&address.to_string(), &options).expect("an address"))
            }

            $(async fn $name(&self, request: $request) -> Answer<$response> {
                self.0.$name(request).await.map_err(Failure::from)
            })*
        }

        impl Wire for Prpc {
            fn new(address: SocketAddr, bearer: Option<&str>) -> Self {
                let bearer = bearer.map(str::to_owned);
                Prpc { address, bearer }
            }

            $(async fn $name(&self, request: $request) -> Answer<$response> {
                self.call($path, &request).await
            })*
        }
    };
}

methods! {
    ensure_graph_data: "dm.Deps/EnsureGraphData", dm::EnsureGraphDataReq => dm::EnsureGraphDataRsp;
    activate_execution: "dm.Deps/ActivateExecution", dm::ActivateExecutionReq => ();
    finish_attempt: "dm.Deps/FinishAttempt", dm::FinishAttemptReq => ();
    walk_graph: "dm.Deps/WalkGraph", dm::WalkGraphReq => dm::GraphData;
    cancel: "distributor.control.Control/Cancel", control::CancelRequest => control::CancelResponse;
    list: "distributor.control.Control/List", control::ListRequest => control::ListResponse;
    explain: "distributor.control.Control/Explain", control::ExplainRequest => control::ExplainResponse;
    find_quests: "distributor.control.Control/FindQuests", control::FindQuestsRequest => control::FindQuestsResponse;
    read_log: "distributor.control.Control/ReadLog", control::ReadLogRequest => control::ReadLogResponse;
    collect: "distributor.control.Control/Collect", control::CollectRequest => control::CollectResponse;
    list_queue: "distributor.control.Control/ListQueue", control::ListQueueRequest => control::ListQueueResponse;
    replay_queue: "distributor.control.Control/ReplayQueue", control::ReplayQueueRequest => control::ReplayQueueResponse;
    discard_queue: "distributor.control.Control/DiscardQueue", control::DiscardQueueRequest => control::DiscardQueueResponse;
    count_notifications: "distributor.control.Control/CountNotifications", control::CountNotificationsRequest => control::CountNotificationsResponse;
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Failure {
            code: error.code(),
            message: Some(error.to_string()),
        }
    }
}

impl Prpc {
    /// Calls `SERVICE/METHOD`.
    pub(crate) async fn call<Q, R>(&self, method: &str, request: &Q) -> Answer<R>
    where
        Q: Message + Name,
        R: Message + Name + Default,
    {
        let json = to_json(request).expect("a message of the service");
        let body = self.post(method, json).await?;
        Ok(from_json(&body).expect("a message of the service"))
    }

    /// Sends this JSON, and gives that of the answer.
    pub(crate) async fn post(&self, method: &str, json: impl Into<Bytes>) -> Answer<String> {
        let mut post = http::Request::post(format!("/prpc/{method}"))
            .header(HOST, self.address.to_string())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json");
        if let Some(bearer) = &self.bearer {
            post = post.header(AUTHORIZATION, format!("Bearer {bearer}"));
        }
        let post = post.body(Full::new(json.into())).expect("a request");

        let io = TokioIo::new(connect(self.address).await);
        let (mut sender, connection) = handshake(io).await.expect("HTTP/1.1");
        let connection = tokio::spawn(connection);
        let response = sender.send_request(post).await.expect("a response");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        drop(sender);
        let ended = connection.await.expect("no panic");
        ended.expect("the connection ends well");
        read_reply(&parts, &body)
    }
}

/// The JSON of a reply; checks what all replies have in common (`dm-api.md`, section 7).
#[track_caller]
fn read_reply(parts: &http::response::Parts, body: &[u8]) -> Answer<String> {
    let header = |name: &str| {
        let value = parts.headers.get(name).map(|it| it.to_str());
        value.expect("the header is there").expect("it is text")
    };
    let code: u16 = header("x-prpc-grpc-code").parse().expect("a number");
    let body = std::str::from_utf8(body).expect("text");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(parts.status.as_u16(), http_status(code), "{code}: {body}");
    if code == 0 {
        assert_eq!(header("content-type"), "application/json");
        let json = body.strip_prefix(")]}'\n").expect("the prefix");
        let json = json.strip_suffix('\n').expect("the last line has an end");
        return Ok(json.to_owned());
    }
    assert_eq!(header("content-type"), "text/plain");
    let message = body.strip_suffix('\n').expect("a line");
    let message = match parts.status.is_server_error() {
        true => {
            assert_eq!(Some(message), parts.status.canonical_reason());
            None
        }
        false => Some(message.to_owned()),
    };
    Err(Failure {
        code: Code::from(i32::from(code)),
        message,
    })
}

/// The table of `dm-api.md`, section 7.
fn http_status(code: u16) -> u16 {
    const BY_CODE: [u16; 17] = [
        200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 410, 401,
    ];
    let status = BY_CODE.get(usize::from(code)).copied();
    status.expect("one of the codes")
}
