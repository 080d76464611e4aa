//! Work that takes its time: reading the store, computing on a large request. All methods do it here.
//!
//! It refuses to wait: whoever has to wait for something waits where it is asynchronous.

use distributor_store::StoreError;

use crate::status::{Code, Status};

/// Does this on a thread that may block, away from those that serve other calls.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => {
            tracing::error!(%error, "a part of a call did not come to its end");
            let message = "a part of the call failed, as the log of the service says: try again";
            Err(Status::new(Code::Internal, message))
        }
    }
}

/// A store that does not answer now may do so later; a damaged record stays damaged.
pub(crate) fn store_failed(error: &StoreError) -> Status {
    tracing::error!(%error, "the store failed");
    match error {
        StoreError::Engine(_) => {
            Status::new(Code::Unavailable, format!("{error}; try again later"))
        }
        _ => Status::new(Code::Internal, error.to_string()),
    }
}
