//! One call, as all transports have it: it is let in, its request is received, its method is run.
//!
//! It refuses to know how a transport writes anything.

use std::future::Future;

use axum::body::Body;
use distributor_api::{Api, Caller, Code, Status};
use http::HeaderMap;
use tokio::task::{JoinError, JoinSet};

use crate::budget::Share;
use crate::request::{self, RequestError};
use crate::shared::Shared;
use crate::time::Time;
use crate::{guard, methods};

/// Messages of more bytes are coded on a thread of their own: they would keep the calls of others
/// waiting for milliseconds.
pub(crate) const MOST_BYTES_HERE: usize = 128 * 1024;

/// A call that is let in.
#[derive(Debug)]
pub(crate) struct Admitted {
    api: Api,
    caller: Caller,
    time: Time,
    /// It may be broken off at any time.
    only_reads: bool,
    pub(crate) share: Share,
}

impl Admitted {
    /// Lets a call of this method in, whether or not there is one.
    ///
    /// # Errors
    /// What [`guard::caller`] says; `Unavailable` if there are too many calls.
    pub(crate) fn new(
        shared: &Shared,
        headers: &HeaderMap,
        (service, method): (&str, &str),
    ) -> Result<Self, Status> {
        Ok(Admitted {
            caller: guard::caller(shared, headers)?,
            api: shared.api.clone(),
            time: shared.time.clone(),
            only_reads: methods::only_reads(service, method),
            share: shared.budget.share()?,
        })
    }

    /// The body of the request, of up to `most` bytes.
    pub(crate) async fn receive(
        &mut self,
        body: Body,
        most: usize,
    ) -> Result<Vec<u8>, RequestError> {
        request::receive(body, most, &self.time, &mut self.share).await
    }

    /// Does the work of the method as a task of its own, with the share of the call until it is done.
    /// If nobody waits for it any longer, because the client has gone or its time is over, one that only
    /// reads is broken off. One that changes something goes on: it may be half done, and is not the
    /// worse for a client that does not see the end.
    ///
    /// # Errors
    /// What the method says; `Internal` if it panics, `Unavailable` if the service stops.
    pub(crate) async fn run<R, A>(
        self,
        work: impl FnOnce(Api, Caller) -> A + Send + 'static,
    ) -> Result<(R, Share), Status>
    where
        R: Send + 'static,
        A: Future<Output = Result<R, Status>> + Send + 'static,
    {
        let Admitted { share, .. } = self;
        let work = work(self.api, self.caller);
        let work = async move { work.await.map(|reply| (reply, share)) };
        if !self.only_reads {
            return join(tokio::spawn(work).await);
        }
        let mut tasks = JoinSet::new();
        tasks.spawn(work);
        match tasks.join_next().await {
            Some(result) => join(result),
            None => Err(Status::new(Code::Internal, "the task of the call is gone")),
        }
    }
}

/// Codes a message, on a thread of its own if it is large.
///
/// # Errors
/// What `work` says; `Internal` if it panics, `Unavailable` if the service stops.
pub(crate) async fn compute<T, E>(
    is_large: bool,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Status> + Send + 'static,
{
    match is_large {
        true => join(tokio::task::spawn_blocking(work).await),
        false => work(),
    }
}

fn join<T, E: From<Status>>(result: Result<Result<T, E>, JoinError>) -> Result<T, E> {
    result.unwrap_or_else(|error| {
        let status = match error.is_panic() {
            true => Status::new(Code::Internal, "the call panicked"),
            false => Status::new(Code::Unavailable, "the service stops"),
        };
        Err(status.into())
    })
}

/// Tells operators of a call that failed, with what the client is not told if it is our failure. What a
/// client is told stays out of the log: it may quote the request, and so a token.
pub(crate) fn log_failure(path: &str, status: &Status, is_ours: bool) {
    let code = status.code;
    match is_ours {
        true => tracing::debug!(path, ?code, message = status.message, "a call failed"),
        false => tracing::debug!(path, ?code, "a call was refused"),
    }
}
