//! What the methods share: ids of a request, reads of the store, failures in the words of the API.

use std::sync::Arc;

use distributor_core::{AttemptId, Error, ErrorKind};
use distributor_proto::dm;
use distributor_store::{Store, StoreError};

use crate::api::Api;
use crate::blocking::{blocking, store_failed};
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
