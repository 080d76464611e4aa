//! `dm.Deps`, but for walking: EnsureGraphData, ActivateExecution, FinishAttempt.
//!
//! Requests are checked before anything else, then the caller, and only then is anything looked up. A
//! quest's `meta.as_account` is part of its identity and of no other use: nobody's right to it is
//! checked, and no job acts as that account.
//!
//! It refuses to change a state itself, and to hold a lock or a store's answer across a backend's call.

mod answer;
mod ensure;
mod execution;
mod expand;

use crate::blocking::blocking;
use crate::status::Status;

/// Work on this many bytes, or more, is done where it holds up no other call.
const LARGE: usize = 64 << 10;

/// Computes on the spot, or for a large request on a thread that may block.
async fn compute<T: Send + 'static>(
    size: usize,
    work: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    match size < LARGE {
        true => work(),
        false => blocking(work).await,
    }
}
