//! What the methods share: ids of a request, reads of the store, failures in the words of the API.

use std::sync::Arc;

use distributor_core::{AttemptId, Error, ErrorKind};
use distributor_proto::dm;
use distributor_store::{Store, StoreError};

use crate::api::Api;
use crate::status::{Code, Status};

impl Api {
    /// Reads on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Status> {
        let store = Arc::clone(self.parts().engine.store());
        blocking(move || read(store.as_ref()).map_err(|error| store_failed(&error))).await
    }
}

/// Does something that blocks, away from the threads that serve others.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => {
            tracing::error!(%error, "a call of the API panicked");
            let message = "a bug of the service, which its log describes";
            Err(Status::new(Code::Internal, message))
        }
    }
}

/// The ids of a repeated field, each of which must be one.
pub(super) fn attempt_ids(field: &str, ids: &[dm::attempt::Id]) -> Result<Vec<AttemptId>, Status> {
    let ids = ids.iter().enumerate();
    ids.map(|(index, id)| {
        AttemptId::try_from(id).map_err(|error| Status::invalid(format!("{field}[{index}]"), error))
    })
    .collect()
}

/// A size that a client asks for: 0 is `default`, and more than `most` is `most`.
pub(super) fn size(asked: u32, default: usize, most: usize) -> usize {
    match usize::try_from(asked) {
        Ok(0) => default,
        Ok(asked) => asked.min(most),
        Err(_) => most,
    }
}

/// A store that does not answer now may do so later; a damaged record stays damaged.
pub(super) fn store_failed(error: &StoreError) -> Status {
    tracing::error!(%error, "the store failed");
    match error {
        StoreError::Engine(_) => {
            Status::new(Code::Unavailable, format!("{error}; try again later"))
        }
        _ => Status::new(Code::Internal, error.to_string()),
    }
}

/// What a backend says, in the codes of the API.
pub(super) fn backend_failed(error: &Error) -> Status {
    let code = match error.kind() {
        ErrorKind::InvalidArgument => Code::InvalidArgument,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::ResourceExhausted => Code::ResourceExhausted,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Timeout => Code::DeadlineExceeded,
        ErrorKind::Cancelled => Code::Aborted,
        ErrorKind::Unsupported => Code::Unimplemented,
        ErrorKind::Config => Code::FailedPrecondition,
        // Whether the backend knows the service is no matter of the caller's.
        ErrorKind::PermissionDenied | ErrorKind::Unauthenticated | ErrorKind::Internal => {
            Code::Internal
        }
        _ => Code::Unknown,
    };
    Status::new(code, error.to_string())
}
