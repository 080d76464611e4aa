//! `distributor.control.Control`: cancel, list, explain, watch, logs, clean up, task queue, counters.
//!
//! One file for each method or, for the queue, for three; the promises are in `protos/distributor/control/service.proto`. First the
//! caller is checked, then the request, then the work is done. It refuses to change a state itself: what
//! changes something asks the host to.

mod cancel;
mod collect;
mod explain;
mod list;
mod log;
mod notifications;
mod page_token;
mod quests;
mod queue;
mod reading;
mod watch;

use std::pin::Pin;

use distributor_proto::control;
use futures_core::Stream;

use crate::status::Status;

pub use collect::{SweepProblem, sweep};
pub use explain::explain;

/// What [`Api::watch`](crate::Api::watch) answers; it ends when the host stops.
pub type Changes = Pin<Box<dyn Stream<Item = Result<control::WatchResponse, Status>> + Send>>;
