//! How much memory all requests together may take while they are received and decoded.
//!
//! Without it as many clients as there are connections could each fill [`super::body::MOST_BYTES`].

use std::sync::Arc;

use distributor_api::{Code, Status};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is counted, in bytes. A request pays nothing for its first unit, so that the small ones, which
/// most are, get through whatever the large ones do.
const UNIT: usize = 64 * 1024;
/// So many units, 256 MiB, for all requests together.
const UNITS: usize = 4096;

/// The memory for all requests.
#[derive(Debug)]
pub(super) struct Budget(Arc<Semaphore>);

impl Budget {
    pub(super) fn new() -> Self {
        Budget(Arc::new(Semaphore::new(UNITS)))
    }

    /// A request's share, which is nothing yet.
    pub(super) fn share(&self) -> Share {
        Share {
            budget: self.0.clone(),
            held: None,
        }
    }
}

/// What one request has of the memory. It is given back on drop.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// Grows to `bytes`, if it is not that large.
    ///
    /// # Errors
    /// `Unavailable` while others have too much. It does not wait: each could wait for the others.
    pub(super) fn cover(&mut self, bytes: usize) -> Result<(), Status> {
        let held = self.held.as_ref().map_or(0, |it| it.num_permits());
        let missing = (bytes / UNIT).saturating_sub(held);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        let more = self.budget.clone().try_acquire_many_owned(missing);
        let more = more.map_err(|_| {
            Status::new(
                Code::Unavailable,
                "too many large requests at once; try again later",
            )
        })?;
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        Ok(())
    }
}
