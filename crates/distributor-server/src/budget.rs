//! How many calls there may be at once, and how much memory all of them together may take.
//!
//! Without it as many clients as there are connections could each fill
//! [`MOST_BYTES`](crate::request::MOST_BYTES), many times over.

use std::sync::Arc;

use distributor_api::{Code, Status};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory for what the requests of all transports together hold while they are received, decoded and
/// worked on, and their replies until they are sent: 512 MiB.
const MEMORY_BYTES: usize = 512 * 1024 * 1024;

/// What is counted, in bytes. A call pays nothing for its first unit, so that the small ones, which
/// most are, get through whatever the large ones do. [`CALLS`] bounds what that may come to.
const UNIT: usize = 64 * 1024;

/// Calls of all transports together, streams and what goes on without its client among them.
const CALLS: usize = 4096;

/// The calls and the memory that there are. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    memory: Arc<Semaphore>,
    calls: Arc<Semaphore>,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Budget {
            memory: Arc::new(Semaphore::new(MEMORY_BYTES / UNIT)),
            calls: Arc::new(Semaphore::new(CALLS)),
        }
    }

    /// Lets a call in, which has no memory yet.
    ///
    /// # Errors
    /// `Unavailable` while there are too many.
    pub(crate) fn share(&self) -> Result<Share, Status> {
        let call = self.calls.clone().try_acquire_owned();
        let call = call.map_err(|_| unavailable("too many calls at once; try again later"))?;
        Ok(Share {
            memory: self.memory.clone(),
            held: None,
            _call: call,
        })
    }
}

/// What one call has of the budget. It is given back on drop.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    _call: OwnedSemaphorePermit,
}

impl Share {
    /// Grows to `bytes`, if it is not that large.
    ///
    /// # Errors
    /// `Unavailable` while others have too much. It does not wait: each could wait for the others.
    pub(crate) fn cover(&mut self, bytes: usize) -> Result<(), Status> {
        let missing = self.missing(bytes);
        if missing == 0 {
            return Ok(());
        }
        let more = u32::try_from(missing).unwrap_or(u32::MAX);
        let more = self.memory.clone().try_acquire_many_owned(more);
        let more =
            more.map_err(|_| unavailable("too many large requests at once; try again later"))?;
        self.add(more);
        Ok(())
    }

    /// Grows to `bytes` as far as there is memory: what a call has done is answered, whatever it takes.
    pub(crate) fn cover_reply(&mut self, bytes: usize) {
        let missing = self.missing(bytes).min(self.memory.available_permits());
        let more = u32::try_from(missing).unwrap_or(u32::MAX);
        // Others may have been faster; then it is not counted.
        if let Ok(more) = self.memory.clone().try_acquire_many_owned(more) {
            self.add(more);
        }
    }

    fn missing(&self, bytes: usize) -> usize {
        let held = self.held.as_ref().map_or(0, |it| it.num_permits());
        (bytes / UNIT).saturating_sub(held)
    }

    fn add(&mut self, more: OwnedSemaphorePermit) {
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
    }
}

fn unavailable(message: &str) -> Status {
    Status::new(Code::Unavailable, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::MOST_BYTES;

    #[test]
    fn many_large_requests_at_once_leave_room_for_small_ones() {
        let budget = Budget::new();
        let mut shares: Vec<_> = (0..16).map(|_| budget.share().unwrap()).collect();
        for share in &mut shares {
            share.cover(MOST_BYTES).unwrap();
            // It grows only.
            share.cover(MOST_BYTES / 2).unwrap();
        }
        let mut another = budget.share().unwrap();
        another.cover(UNIT - 1).unwrap();
        let status = another.cover(UNIT).unwrap_err();
        assert_eq!(status.code, Code::Unavailable);
        another.cover_reply(MOST_BYTES);
        shares.pop();
        another.cover(MOST_BYTES / 2).unwrap();
        another.cover_reply(2 * MOST_BYTES);
        another.cover(MOST_BYTES + UNIT).unwrap_err();
        drop(another);
        budget.share().unwrap().cover(MOST_BYTES).unwrap();
    }

    #[test]
    fn there_is_an_end_to_the_number_of_calls() {
        let budget = Budget::new();
        let mut shares: Vec<_> = (0..CALLS).map(|_| budget.share().unwrap()).collect();
        assert_eq!(budget.share().unwrap_err().code, Code::Unavailable);
        shares.pop();
        budget.share().unwrap();
    }
}
