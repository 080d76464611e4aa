//! A call of one method of ours.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use distributor_api::{Api, Caller, Changes, Status};
use distributor_proto::control;
use futures_core::Stream;
use prost::{Message, Name};
use tonic::Response;
use tonic::body::Body;
use tonic::server::Grpc;
use tonic_prost::ProstCodec;
use tower::service_fn;

use super::received::LONGEST_MESSAGE;
use super::status::to_tonic;
use crate::methods::Unary;

/// Longest message of an answer, in bytes.
const LONGEST_RESPONSE: usize = 64 * 1024 * 1024;

/// An answer to come.
pub(super) type Answer = Pin<Box<dyn Future<Output = http::Response<Body>> + Send>>;

/// A call whose caller is known.
pub(super) struct Call {
    api: Api,
    caller: Caller,
    request: http::Request<Body>,
}

impl Call {
    pub(super) fn new(api: Api, caller: Caller, request: http::Request<Body>) -> Self {
        Call {
            api,
            caller,
            request,
        }
    }

    /// Does `distributor.control.Control.Watch`.
    pub(super) fn watch(self) -> Answer {
        let (api, caller) = (self.api, self.caller);
        let watch = service_fn(move |request: tonic::Request<control::WatchRequest>| {
            let (api, caller) = (api.clone(), caller.clone());
            async move {
                let changes = api.watch(&caller, request.into_inner()).await;
                let changes = changes.map_err(to_tonic)?;
                Ok::<_, tonic::Status>(Response::new(TonicChanges(changes)))
            }
        });
        let request = self.request;
        Box::pin(async move { codec().server_streaming(watch, request).await })
    }
}

impl Unary for Call {
    type Output = Answer;

    fn unary<Q, R, F, A>(self, call: F) -> Answer
    where
        Q: Message + Name + Default + Send + Sync + 'static,
        R: Message + Name + Default + Send + Sync + 'static,
        F: FnOnce(Api, Caller, Q) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<R, Status>> + Send + 'static,
    {
        let (api, caller) = (self.api, self.caller);
        let unary = service_fn(move |request: tonic::Request<Q>| {
            let answer = call.clone()(api.clone(), caller.clone(), request.into_inner());
            async move { answer.await.map(Response::new).map_err(to_tonic) }
        });
        let request = self.request;
        Box::pin(async move { codec::<Q, R>().unary(unary, request).await })
    }
}

fn codec<Q, R>() -> Grpc<ProstCodec<R, Q>>
where
    Q: Message + Default + Send + 'static,
    R: Message + Default + Send + 'static,
{
    Grpc::new(ProstCodec::default())
        .max_decoding_message_size(LONGEST_MESSAGE)
        .max_encoding_message_size(LONGEST_RESPONSE)
}

/// The stream of the API with the errors of this transport.
struct TonicChanges(Changes);

impl Stream for TonicChanges {
    type Item = Result<control::WatchResponse, tonic::Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.0.as_mut().poll_next(context);
        next.map(|item| item.map(|item| item.map_err(to_tonic)))
    }
}
