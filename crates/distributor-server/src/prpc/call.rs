//! One call, from the body of the request to the body of the reply.

use std::pin::Pin;

use axum::body::Body;
use axum::response::Response;
use distributor_api::{Api, Caller, Code, Status};
use prost::{Message, Name};
use tokio::task::{JoinError, JoinSet};

use super::budget::Share;
use super::media::Format;
use super::reply::{self, Refusal};
use super::{body, codec};
use crate::methods::Unary;
use crate::time::Time;

/// Messages of more bytes are coded on a thread of their own: they would keep the calls of others
/// waiting for milliseconds.
const MOST_BYTES_HERE: usize = 128 * 1024;

/// What comes of a call.
pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Response, Refusal>> + Send>>;

/// A call of a method that is not known yet.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) api: Api,
    pub(super) time: Time,
    pub(super) caller: Caller,
    /// It may be broken off at any time.
    pub(super) only_reads: bool,
    pub(super) format: Format,
    /// The body is compressed.
    pub(super) inflate: bool,
    pub(super) body: Body,
    pub(super) share: Share,
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
            let mut share = self.share;
            let bytes = body::receive(self.body, &self.time, &mut share).await?;
            let is_large = self.inflate || bytes.len() > MOST_BYTES_HERE;
            let decode = move || {
                let bytes = match self.inflate {
                    true => body::inflate(&bytes, &mut share)?,
                    false => bytes,
                };
                let request = codec::decode::<Q>(self.format, &bytes, &mut share)?;
                Ok::<_, Refusal>((request, share))
            };
            let (request, share) = compute(is_large, decode).await??;

            let api = self.api;
            let caller = self.caller;
            let work = async move {
                let reply = call(api, caller, request).await;
                drop(share);
                reply
            };
            let reply = run(self.only_reads, work).await??;

            let is_large = reply.encoded_len() > MOST_BYTES_HERE;
            let encode = move || {
                let body = codec::encode(self.reply_format, &reply)?;
                match self.deflate {
                    true => codec::deflate(body),
                    false => Ok((body, false)),
                }
            };
            let (body, is_gzip) = compute(is_large, encode).await??;
            Ok(reply::good(self.reply_format, body, is_gzip))
        })
    }
}

/// Does the work of a method as a task of its own. If nobody waits for it any longer, because the
/// client has gone or its time is over, one that only reads is broken off. One that changes something
/// goes on: it may be half done, and is not the worse for a client that does not see the end.
async fn run<T: Send + 'static>(
    only_reads: bool,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Status> {
    if !only_reads {
        return tokio::spawn(work).await.map_err(|error| broke_off(&error));
    }
    let mut tasks = JoinSet::new();
    tasks.spawn(work);
    match tasks.join_next().await {
        Some(result) => result.map_err(|error| broke_off(&error)),
        None => Err(Status::new(Code::Internal, "the task of the call is gone")),
    }
}

async fn compute<T: Send + 'static>(
    is_large: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Status> {
    if !is_large {
        return Ok(work());
    }
    let task = tokio::task::spawn_blocking(work);
    task.await.map_err(|error| broke_off(&error))
}

fn broke_off(error: &JoinError) -> Status {
    match error.is_panic() {
        true => Status::new(Code::Internal, "the call panicked"),
        false => Status::new(Code::Unavailable, "the service stops"),
    }
}
