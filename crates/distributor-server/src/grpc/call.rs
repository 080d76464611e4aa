//! A call of one method of ours.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use axum::body::Body;
use bytes::Bytes;
use distributor_api::{Api, Caller, Status};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::{BodyExt, Full};
use prost::{Message, Name};

use super::{Answer, frame, status};
use crate::budget::Share;
use crate::call::{Admitted, MOST_BYTES_HERE, compute};
use crate::held::Holding;
use crate::methods::Unary;
use crate::request;

/// An answer to come.
pub(super) type Answering = Pin<Box<dyn Future<Output = Result<Response<Answer>, Status>> + Send>>;

/// A call whose caller is known.
pub(super) struct Call {
    admitted: Admitted,
    body: Body,
}

impl Call {
    pub(super) fn new(admitted: Admitted, body: Body) -> Self {
        Call { admitted, body }
    }

    /// Does `distributor.control.Control.Watch`.
    pub(super) fn watch(self) -> Answering {
        Box::pin(async move {
            let (admitted, request) = self.receive().await?;
            let watch = |api: Api, caller| async move { api.watch(&caller, request).await };
            let (changes, share) = admitted.run(watch).await?;
            Ok(answer(frame::Stream::new(changes), share))
        })
    }

    /// The request.
    async fn receive<Q: Message + Name + Default + 'static>(
        mut self,
    ) -> Result<(Admitted, Q), Status> {
        let bytes = self
            .admitted
            .receive(self.body, frame::LONGEST_REQUEST)
            .await?;
        let is_large = bytes.len() > MOST_BYTES_HERE;
        let decode = move || {
            let message = frame::read(&bytes)?;
            let request = request::decode(message, &mut self.admitted.share)?;
            Ok((self.admitted, request))
        };
        compute(is_large, decode).await
    }
}

impl Unary for Call {
    type Output = Answering;

    fn unary<Q, R, F, A>(self, call: F) -> Answering
    where
        Q: Message + Name + Default + Send + Sync + 'static,
        R: Message + Name + Default + Send + Sync + 'static,
        F: FnOnce(Api, Caller, Q) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<R, Status>> + Send + 'static,
    {
        Box::pin(async move {
            let (admitted, request) = self.receive().await?;
            let work = move |api, caller| call(api, caller, request);
            let (reply, mut share) = admitted.run(work).await?;

            let is_large = reply.encoded_len() > MOST_BYTES_HERE;
            let message = compute(is_large, move || frame::of(&reply)).await?;
            share.cover_reply(message.len());
            let trailers = std::future::ready(Some(Ok(status::success())));
            Ok(answer(Full::new(message).with_trailers(trailers), share))
        })
    }
}

fn answer<B>(body: B, share: Share) -> Response<Answer>
where
    B: http_body::Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static,
{
    let mut response = Response::new(Answer::new(Holding::new(body, share)));
    let content_type = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
