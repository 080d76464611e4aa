//! `Watch`: committed changes, as a stream that never waits for its client.
//!
//! Nothing is kept for a client but the host's own window of recent changes: one that is slower than that
//! is told that it missed something.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use distributor_core::AttemptId;
use distributor_host::driver::AttemptChange;
use distributor_proto::control::watch_response::Change;
use distributor_proto::control::{WatchRequest, WatchResponse};
use futures_core::Stream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::Changes;
use super::reading::attempt_ids;
use crate::access::Caller;
use crate::api::Api;
use crate::status::Status;

/// Most attempts that a client may name.
const MOST_ATTEMPTS: usize = 100_000;
/// Most changes that are looked at for one message.
const MOST_CHANGES: usize = 1000;

impl Api {
    /// `distributor.control.Control.Watch`. Ends with the host, or when it is dropped.
    ///
    /// # Errors
    /// `PermissionDenied`; `InvalidArgument` for an id that is none, or more than 100,000 of them.
    pub async fn watch(&self, caller: &Caller, request: WatchRequest) -> Result<Changes, Status> {
        self.parts().access.check_reader(caller)?;
        let named = request.attempts.len();
        if named > MOST_ATTEMPTS {
            let problem =
                format!("{named} are too many: name at most {MOST_ATTEMPTS}, or none to watch all");
            return Err(Status::invalid("attempts", problem));
        }
        let wanted: HashSet<AttemptId> = attempt_ids("attempts", &request.attempts)?
            .into_iter()
            .collect();
        let watcher = Watcher {
            changes: self.parts().engine.watch(),
            wanted,
        };
        Ok(Box::pin(Messages {
            // Being there, it says that what comes from now on is not missed.
            next: Box::pin(async { Some((WatchResponse::default(), watcher)) }),
        }))
    }
}

/// One client's view of the changes.
struct Watcher {
    changes: Receiver<AttemptChange>,
    /// Empty: all.
    wanted: HashSet<AttemptId>,
}

impl Watcher {
    /// Waits for something to tell, then takes what else is there. `None` once the host has stopped.
    async fn next(mut self) -> Option<(WatchResponse, Self)> {
        let mut message = WatchResponse::default();
        while message.changes.is_empty() && !message.missed {
            match self.changes.recv().await {
                Ok(change) => self.add(&mut message, &change),
                Err(RecvError::Lagged(_)) => message.missed = true,
                Err(RecvError::Closed) => return None,
            }
            for _ in 1..MOST_CHANGES {
                match self.changes.try_recv() {
                    Ok(change) => self.add(&mut message, &change),
                    Err(TryRecvError::Lagged(_)) => message.missed = true,
                    // The end is told when there is nothing before it.
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
        }
        Some((message, self))
    }

    fn add(&self, message: &mut WatchResponse, change: &AttemptChange) {
        if !self.wanted.is_empty() && !self.wanted.contains(&change.id) {
            return;
        }
        message.changes.push(Change {
            id: Some(change.id.into()),
            state: change.state.into(),
            execution: change.execution,
            execution_state: change.execution_state.map(Into::into),
        });
    }
}

type Next = Pin<Box<dyn Future<Output = Option<(WatchResponse, Watcher)>> + Send>>;

/// The messages of a watcher, one after the other.
struct Messages {
    next: Next,
}

impl Stream for Messages {
    type Item = Result<WatchResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.next.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some((message, watcher))) => {
                self.next = Box::pin(watcher.next());
                Poll::Ready(Some(Ok(message)))
            }
            Poll::Ready(None) => {
                // Whoever asks again is told the same.
                self.next = Box::pin(async { None });
                Poll::Ready(None)
            }
        }
    }
}
