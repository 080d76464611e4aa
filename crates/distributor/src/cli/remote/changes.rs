//! The changes that a service tells, over connections that may break.

use std::collections::VecDeque;
use std::time::Duration;

use distributor_client::Streaming;
use distributor_core::{AttemptId, Clock, SystemClock, dm};
use distributor_host::driver::AttemptChange;
use distributor_proto::control;

use super::Remote;
use crate::cli::exit::Failure;

/// How long to wait before trying to listen again, and how often.
const LISTEN_AGAIN_AFTER: Duration = Duration::from_millis(500);
const TRIES: u32 = 120;

/// Changes from the moment at which it was made.
pub(in crate::cli) struct RemoteChanges {
    remote: Remote,
    wanted: control::WatchRequest,
    stream: Streaming<control::WatchResponse>,
    told: VecDeque<control::watch_response::Change>,
}

impl Remote {
    /// Every change of these attempts, or of all if there is none, from now on.
    pub(in crate::cli) async fn watch(
        &self,
        attempts: &[AttemptId],
    ) -> Result<RemoteChanges, Failure> {
        let wanted = control::WatchRequest {
            attempts: attempts.iter().map(|id| (*id).into()).collect(),
        };
        Ok(RemoteChanges {
            stream: self.listen(wanted.clone()).await?,
            wanted,
            remote: self.clone(),
            told: VecDeque::new(),
        })
    }

    async fn listen(
        &self,
        wanted: control::WatchRequest,
    ) -> Result<Streaming<control::WatchResponse>, Failure> {
        let begun = self.call(|client| async move {
            let mut stream = client.watch(wanted).await?;
            // The first message says that from now on nothing is missed.
            stream.message().await.map_err(Box::new)?;
            Ok(stream)
        });
        begun.await.map_err(|error| self.failure(&error))
    }
}

impl RemoteChanges {
    /// The next change; `None` if some were missed, and what is of interest must be read again.
    pub(in crate::cli) async fn next(&mut self) -> Result<Option<AttemptChange>, Failure> {
        loop {
            while let Some(change) = self.told.pop_front() {
                if let Some(change) = understand(&change) {
                    return Ok(Some(change));
                }
            }
            match self.stream.message().await {
                Ok(Some(response)) => {
                    self.told.extend(response.changes);
                    if response.missed {
                        return Ok(None);
                    }
                }
                // The service goes down, or was restarted: what happened meanwhile is stored.
                Ok(None) | Err(_) => {
                    self.listen_again().await?;
                    return Ok(None);
                }
            }
        }
    }

    async fn listen_again(&mut self) -> Result<(), Failure> {
        let mut tries = 0;
        loop {
            match self.remote.listen(self.wanted.clone()).await {
                Ok(stream) => {
                    self.stream = stream;
                    return Ok(());
                }
                Err(failure) if tries >= TRIES => return Err(failure),
                Err(_) => tries += 1,
            }
            let next = SystemClock.now().after(LISTEN_AGAIN_AFTER);
            SystemClock.sleep_until(next).await;
        }
    }
}

/// A change that names an attempt.
fn understand(change: &control::watch_response::Change) -> Option<AttemptChange> {
    let execution_state = change.execution_state.map(dm::execution::State::try_from);
    Some(AttemptChange {
        id: AttemptId::try_from(change.id.as_ref()?).ok()?,
        state: change.state(),
        execution: change.execution,
        execution_state: execution_state.and_then(Result::ok),
    })
}
