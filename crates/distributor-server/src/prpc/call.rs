//! One call, from the body of the request to the body of the reply.

use std::pin::Pin;

use axum::body::Body;
use axum::response::Response;
use distributor_api::{Api, Caller, Status};
use prost::{Message, Name};

use super::codec;
use super::media::Format;
use super::reply::{self, Refusal};
use crate::call::{Admitted, MOST_BYTES_HERE, compute};
use crate::methods::Unary;
use crate::request::MOST_BYTES;

/// What comes of a call.
pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Response, Refusal>> + Send>>;

/// A call of a method that is not known yet.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) admitted: Admitted,
    pub(super) format: Format,
    /// The body is compressed.
    pub(super) inflate: bool,
    pub(super) body: Body,
    pub(super) reply_format: Format,
    /// The reply may be compressed.
    pub(super) deflate: bool,
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
        Box::pin(async move {
            let mut admitted = self.admitted;
            let bytes = admitted.receive(self.body, MOST_BYTES).await?;
            let is_large = self.inflate || bytes.len() > MOST_BYTES_HERE;
            let decode = move || {
                let share = &mut admitted.share;
                let bytes = match self.inflate {
                    true => codec::inflate(&bytes, share)?,
                    false => bytes,
                };
                let request = codec::decode::<Q>(self.format, &bytes, share)?;
                Ok::<_, Refusal>((request, admitted))
            };
            let (request, admitted) = compute(is_large, decode).await?;

            let work = move |api, caller| call(api, caller, request);
            let (reply, share) = admitted.run(work).await?;

            let is_large = reply.encoded_len() > MOST_BYTES_HERE;
            let encode = move || {
                let body = codec::encode(self.reply_format, &reply)?;
                match self.deflate {
                    true => codec::deflate(body),
                    false => Ok((body, false)),
                }
            };
            let (body, is_gzip) = compute(is_large, encode).await?;
            Ok(reply::good(self.reply_format, body, is_gzip, share))
        })
    }
}
