//! Work that takes its time: reading the store, computing on a large request.
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

/// A store that cannot be read now may be read later; a damaged record stays damaged.
pub(crate) fn unreadable(error: &StoreError) -> Status {
    tracing::error!(%error, "the store cannot be read");
    let code = match error {
        StoreError::Engine(_) => Code::Unavailable,
        _ => Code::Internal,
    };
    Status::new(code, format!("what is stored cannot be read: {error}"))
}
