//! A body, and the work that follows from it.

use std::future::Future;

use axum::body::Body;
use distributor_api::{Code, Status};

use super::MOST_BYTES;
use crate::budget::Share;
use crate::request::{self, RequestError};
use crate::shared::Shared;

/// Receives a body, in bounded time and memory. It comes with its share of the budget.
///
/// # Errors
/// `Unavailable` while others have too much; what [`request::receive`] says.
pub(super) async fn receive(shared: &Shared, body: Body) -> Result<(Vec<u8>, Share), RequestError> {
    let mut share = shared.budget.share()?;
    let bytes = request::receive(body, MOST_BYTES, &shared.time, &mut share).await?;
    // What is made of it is no larger, and both are there for a while.
    share.cover(bytes.len().saturating_mul(2))?;
    Ok((bytes, share))
}

/// Does work as a task of its own, with the share until it is done: also if nobody waits any longer.
///
/// # Errors
/// `Internal` if it panics, `Unavailable` if the service stops.
pub(super) async fn complete<T: Send + 'static>(
    share: Share,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Status> {
    let task = tokio::spawn(async move {
        let done = work.await;
        drop(share);
        done
    });
    task.await.map_err(|error| match error.is_panic() {
        true => Status::new(Code::Internal, "the work panicked"),
        false => Status::new(Code::Unavailable, "the service stops"),
    })
}
