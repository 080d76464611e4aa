//! One connection to a service, and the calls over it.

use std::sync::Arc;
use std::time::Duration;

use distributor_proto::{control, dm};
use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;

use crate::retry::{RetryPolicy, pause};

/// Longest message, in bytes, either way.
const LONGEST_MESSAGE: usize = 64 * 1024 * 1024;
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A silent connection is asked for a sign of life so often…
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// …and given up if there is none for so long.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address is not one.
    #[error("`{address}` is not the address of a service: {reason}; write http://HOST:PORT")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The service answered with a failure, or could not be reached (code `Unavailable`).
    #[error("{}", reason(.0))]
    Status(#[from] Box<Status>),
}

impl ClientError {
    /// The class of failure.
    pub fn code(&self) -> Code {
        match self {
            ClientError::Address { .. } => Code::InvalidArgument,
            // The transport calls it so when a connection breaks that was about to carry the call: no
            // service says it, and nobody here cancels.
            ClientError::Status(status) if is_of_transport(status) => Code::Unavailable,
            ClientError::Status(status) => status.code(),
        }
    }
}

/// "Cancelled", and not by an answer.
fn is_of_transport(status: &Status) -> bool {
    status.code() == Code::Cancelled && std::error::Error::source(status).is_some()
}

/// The message and, where the transport failed, what is behind it.
fn reason(status: &Status) -> String {
    let mut text = match status.message() {
        "" => format!("{:?}", status.code()),
        message => message.to_owned(),
    };
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        let deeper = error.to_string();
        if !text.ends_with(&deeper) {
            text = format!("{text}: {deeper}");
        }
        source = error.source();
    }
    text
}

/// How to connect.
#[derive(Clone, Default)]
pub struct ConnectOptions {
    /// Sent as `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// PEM certificates to trust instead of the system's, for `https`.
    pub certificates: Option<Vec<u8>>,
    /// Longest time for one try of a unary call; `None` waits as long as the connection lives.
    pub timeout: Option<Duration>,
    /// When a unary call is made again.
    pub retry: RetryPolicy,
}

impl std::fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectOptions").finish_non_exhaustive()
    }
}

/// A service. Clones share its connection, which is made when it is needed, and made again.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    grpc: Grpc<Channel>,
    bearer: Option<MetadataValue<Ascii>>,
    timeout: Option<Duration>,
    retry: RetryPolicy,
}

/// What came of a call that may have been made more than once.
#[derive(Debug)]
pub(crate) struct Called<R> {
    /// The last answer.
    pub(crate) answer: Result<R, ClientError>,
    /// An earlier try may have been carried out although its answer was lost.
    pub(crate) repeated: bool,
}

impl Client {
    /// A client of the service at `address`: `http://HOST:PORT`, `https://HOST:PORT` or `HOST:PORT`.
    /// Connects at the first call. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// `Address`.
    pub fn new(address: &str, options: &ConnectOptions) -> Result<Self, ClientError> {
        let refuse = |reason: String| ClientError::Address {
            address: address.to_owned(),
            reason,
        };
        let full = match address.contains("://") {
            true => address.to_owned(),
            false => format!("http://{address}"),
        };
        let endpoint = endpoint(full, options.certificates.as_deref()).map_err(refuse)?;
        let bearer = match &options.bearer {
            Some(bearer) => {
                let mut value: MetadataValue<Ascii> =
                    format!("Bearer {bearer}").parse().map_err(|_| {
                        refuse("the bearer token has characters that no header holds".to_owned())
                    })?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        let grpc = Grpc::new(endpoint.connect_lazy())
            .max_decoding_message_size(LONGEST_MESSAGE)
            .max_encoding_message_size(LONGEST_MESSAGE);
        Ok(Client {
            inner: Arc::new(Inner {
                grpc,
                bearer,
                timeout: options.timeout,
                retry: options.retry,
            }),
        })
    }

    /// Calls until there is an answer that counts.
    pub(crate) async fn call<Q, R>(&self, path: &'static str, message: Q) -> Called<R>
    where
        Q: Message + Clone + Send + Sync + 'static,
        R: Message + Default + Send + Sync + 'static,
    {
        let mut tries = 0;
        loop {
            let answer = self.call_once(path, message.clone()).await;
            let delay = match &answer {
                Ok(_) => None,
                Err(error) => self.inner.retry.delay(tries, error.code()),
            };
            match delay {
                Some(delay) => pause(delay).await,
                None => {
                    let repeated = tries > 0;
                    return Called { answer, repeated };
                }
            }
            tries += 1;
        }
    }

    async fn call_once<Q, R>(&self, path: &'static str, message: Q) -> Result<R, ClientError>
    where
        Q: Message + Send + Sync + 'static,
        R: Message + Default + Send + Sync + 'static,
    {
        let mut grpc = self.inner.grpc.clone();
        self.ready(&mut grpc).await?;
        let mut request = self.request(message);
        if let Some(timeout) = self.inner.timeout {
            request.set_timeout(timeout);
        }
        let codec = ProstCodec::<Q, R>::default();
        let answer = grpc.unary(request, PathAndQuery::from_static(path), codec);
        Ok(answer.await.map_err(Box::new)?.into_inner())
    }

    /// Every committed change from now on; the first message is empty and says that it has begun. Not
    /// repeated: whoever watches has to read again what it missed.
    ///
    /// # Errors
    /// `Status`.
    pub async fn watch(
        &self,
        request: control::WatchRequest,
    ) -> Result<Streaming<control::WatchResponse>, ClientError> {
        let mut grpc = self.inner.grpc.clone();
        self.ready(&mut grpc).await?;
        let path = PathAndQuery::from_static("/distributor.control.Control/Watch");
        let codec = ProstCodec::<control::WatchRequest, control::WatchResponse>::default();
        let answer = grpc.server_streaming(self.request(request), path, codec);
        Ok(answer.await.map_err(Box::new)?.into_inner())
    }

    async fn ready(&self, grpc: &mut Grpc<Channel>) -> Result<(), ClientError> {
        let ready = grpc.ready().await;
        Ok(ready.map_err(|error| Box::new(Status::unavailable(error.to_string())))?)
    }

    fn request<Q>(&self, message: Q) -> Request<Q> {
        let mut request = Request::new(message);
        if let Some(bearer) = &self.inner.bearer {
            request
                .metadata_mut()
                .insert("authorization", bearer.clone());
        }
        request
    }
}

/// How to reach `address`, or what is wrong with it.
fn endpoint(address: String, certificates: Option<&[u8]>) -> Result<Endpoint, String> {
    let wrong = |error: tonic::transport::Error| {
        let source = std::error::Error::source(&error);
        source.map_or_else(|| error.to_string(), ToString::to_string)
    };
    let endpoint = Endpoint::from_shared(address).map_err(wrong)?;
    let encrypted = match endpoint.uri().scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err("its scheme is neither http nor https".to_owned()),
    };
    let authority = endpoint.uri().authority();
    let host_and_port = authority.is_some_and(|authority| {
        let port = authority.as_str().strip_prefix(authority.host());
        !authority.host().is_empty()
            && (port == Some("") || port.is_some() && authority.port_u16().is_some())
    });
    if !host_and_port {
        return Err("it has no host, or a port that is no number".to_owned());
    }
    if endpoint.uri().path().len() > 1 || endpoint.uri().query().is_some() {
        return Err("it has a path".to_owned());
    }
    let endpoint = endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    if !encrypted {
        return Ok(endpoint);
    }
    let tls = match certificates {
        Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    endpoint.tls_config(tls).map_err(wrong)
}

macro_rules! unary_methods {
    ($($(#[$doc:meta])* $name:ident: $path:literal, $request:ty => $response:ty;)*) => {
        impl Client {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// `Status`.
                pub async fn $name(&self, request: $request) -> Result<$response, ClientError> {
                    self.call($path, request).await.answer
                }
            )*
        }
    };
}

unary_methods! {
    /// `dm.Deps.EnsureGraphData`.
    ensure_graph_data: "/dm.Deps/EnsureGraphData", dm::EnsureGraphDataReq => dm::EnsureGraphDataRsp;
    /// `dm.Deps.ActivateExecution`.
    activate_execution: "/dm.Deps/ActivateExecution", dm::ActivateExecutionReq => ();
    /// `dm.Deps.FinishAttempt`.
    finish_attempt: "/dm.Deps/FinishAttempt", dm::FinishAttemptReq => ();
    /// `dm.Deps.WalkGraph`.
    walk_graph: "/dm.Deps/WalkGraph", dm::WalkGraphReq => dm::GraphData;
    /// `distributor.control.Control.Cancel`.
    cancel: "/distributor.control.Control/Cancel", control::CancelRequest => control::CancelResponse;
    /// `distributor.control.Control.List`.
    list: "/distributor.control.Control/List", control::ListRequest => control::ListResponse;
    /// `distributor.control.Control.Explain`.
    explain: "/distributor.control.Control/Explain", control::ExplainRequest => control::ExplainResponse;
    /// `distributor.control.Control.FindQuests`.
    find_quests: "/distributor.control.Control/FindQuests", control::FindQuestsRequest => control::FindQuestsResponse;
    /// `distributor.control.Control.ReadLog`.
    read_log: "/distributor.control.Control/ReadLog", control::ReadLogRequest => control::ReadLogResponse;
    /// `distributor.control.Control.Collect`.
    collect: "/distributor.control.Control/Collect", control::CollectRequest => control::CollectResponse;
    /// `distributor.control.Control.ListQueue`.
    list_queue: "/distributor.control.Control/ListQueue", control::ListQueueRequest => control::ListQueueResponse;
    /// `distributor.control.Control.ReplayQueue`.
    replay_queue: "/distributor.control.Control/ReplayQueue", control::ReplayQueueRequest => control::ReplayQueueResponse;
    /// `distributor.control.Control.DiscardQueue`.
    discard_queue: "/distributor.control.Control/DiscardQueue", control::DiscardQueueRequest => control::DiscardQueueResponse;
    /// `distributor.control.Control.CountNotifications`.
    count_notifications: "/distributor.control.Control/CountNotifications", control::CountNotificationsRequest => control::CountNotificationsResponse;
}
