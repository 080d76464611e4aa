//! One connection to a service, and the calls over it.

use std::time::Duration;

use distributor_proto::{control, dm};
use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;

/// Longest message, in bytes, either way.
const LONGEST_MESSAGE: usize = 64 * 1024 * 1024;

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
    #[error("{}", .0.message())]
    Status(#[from] Box<Status>),
}

impl ClientError {
    /// The class of failure.
    pub fn code(&self) -> Code {
        match self {
            ClientError::Address { .. } => Code::InvalidArgument,
            ClientError::Status(status) => status.code(),
        }
    }
}

/// How to connect.
#[derive(Clone, Default)]
pub struct ConnectOptions {
    /// Sent as `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// PEM certificates to trust instead of the system's, for `https`.
    pub certificates: Option<Vec<u8>>,
    /// Longest time for a unary call; none waits for ever.
    pub timeout: Option<Duration>,
}

impl std::fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectOptions").finish_non_exhaustive()
    }
}

/// A service. Clones share its connection, which is made when it is needed, and made again.
#[derive(Debug, Clone)]
pub struct Client {
    grpc: Grpc<Channel>,
    bearer: Option<MetadataValue<Ascii>>,
    timeout: Option<Duration>,
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
        let endpoint = Endpoint::from_shared(full).map_err(|error| refuse(error.to_string()))?;
        let endpoint = endpoint.connect_timeout(Duration::from_secs(10));
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
            grpc,
            bearer,
            timeout: options.timeout,
        })
    }

    async fn unary<Q, R>(&self, path: &'static str, message: Q) -> Result<R, ClientError>
    where
        Q: Message + Send + Sync + 'static,
        R: Message + Default + Send + Sync + 'static,
    {
        let mut grpc = self.grpc.clone();
        self.ready(&mut grpc).await?;
        let mut request = self.request(message);
        if let Some(timeout) = self.timeout {
            request.set_timeout(timeout);
        }
        let codec = ProstCodec::<Q, R>::default();
        let answer = grpc.unary(request, PathAndQuery::from_static(path), codec);
        Ok(answer.await.map_err(Box::new)?.into_inner())
    }

    /// Every committed change from now on; the first message is empty and says that it has begun.
    ///
    /// # Errors
    /// `Status`.
    pub async fn watch(
        &self,
        request: control::WatchRequest,
    ) -> Result<Streaming<control::WatchResponse>, ClientError> {
        let mut grpc = self.grpc.clone();
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
        if let Some(bearer) = &self.bearer {
            request
                .metadata_mut()
                .insert("authorization", bearer.clone());
        }
        request
    }
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
                    self.unary($path, request).await
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
}
