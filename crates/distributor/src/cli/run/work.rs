//! Who does the work of a run: a host in this process, or a service.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use distributor_core::AttemptId;
use distributor_host::driver::{AttemptChange, CallError, Ensured};
use distributor_host::{Engine, EnsureQuest};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::submit::call_failure;
use crate::cli::exit::Failure;
use crate::cli::records::{Local, Records};
use crate::cli::remote::{Remote, RemoteChanges};

/// Attempts that are cancelled at once.
const CHUNK: usize = 256;

/// What runs the jobs.
#[derive(Debug, Clone)]
pub(super) enum Work {
    /// This process.
    Here(Engine),
    /// A service.
    There(Remote),
}

/// Changes of attempts, from the moment at which it was made.
pub(super) enum Changes {
    Here(Receiver<AttemptChange>),
    There(Box<RemoteChanges>),
}

impl Work {
    /// What it has done so far.
    pub(super) fn records(&self) -> Arc<dyn Records> {
        match self {
            Work::Here(engine) => Arc::new(Local(engine.store().clone())),
            Work::There(remote) => Arc::new(remote.clone()),
        }
    }

    pub(super) async fn watch(&self) -> Result<Changes, Failure> {
        match self {
            Work::Here(engine) => Ok(Changes::Here(engine.watch())),
            Work::There(remote) => Ok(Changes::There(Box::new(remote.watch(&[]).await?))),
        }
    }

    /// Makes sure that they exist: all of them or, on error, none.
    pub(super) async fn ensure(&self, quests: Vec<EnsureQuest>) -> Result<Vec<Ensured>, Failure> {
        match self {
            Work::Here(engine) => engine.ensure(quests).await.map_err(call_failure),
            Work::There(remote) => remote.ensure(quests).await,
        }
    }

    /// Asks for the end of attempts, in the given order, many in one transaction. Who is gone needs no
    /// cancelling.
    pub(super) async fn cancel(&self, wishes: Vec<(AttemptId, String)>) -> Result<(), Failure> {
        match self {
            Work::Here(engine) => cancel_here(engine, wishes).await,
            Work::There(remote) => {
                for wishes in wishes.chunk_by(|a, b| a.1 == b.1) {
                    for wishes in wishes.chunks(CHUNK) {
                        let ids = wishes.iter().map(|(id, _)| *id).collect();
                        let reason = wishes.first().map(|(_, reason)| reason.clone());
                        remote.cancel(ids, reason.unwrap_or_default()).await?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Is it there? Of a service the changes tell.
    pub(super) async fn check(&self) -> Result<(), Failure> {
        if let Work::Here(engine) = self {
            engine.ensure(Vec::new()).await.map_err(call_failure)?;
        }
        Ok(())
    }

    /// Ends a host in this process; a service goes on.
    pub(super) async fn stop(&self) {
        if let Work::Here(engine) = self {
            engine.stop().await;
        }
    }
}

impl Changes {
    /// The next change; `None` if some were missed, and what is of interest must be read again.
    pub(super) async fn next(&mut self) -> Result<Option<AttemptChange>, Failure> {
        match self {
            Changes::Here(receiver) => match receiver.recv().await {
                Ok(change) => Ok(Some(change)),
                Err(RecvError::Lagged(_)) => Ok(None),
                Err(RecvError::Closed) => Err(Failure::Internal(CallError::Stopped.to_string())),
            },
            Changes::There(changes) => changes.next().await,
        }
    }
}

async fn cancel_here(engine: &Engine, wishes: Vec<(AttemptId, String)>) -> Result<(), Failure> {
    let mut wishes = wishes.into_iter();
    loop {
        let chunk: Vec<_> = wishes
            .by_ref()
            .take(CHUNK)
            .map(|(id, reason)| engine.cancel(id, reason))
            .collect();
        if chunk.is_empty() {
            return Ok(());
        }
        for answer in all(chunk).await {
            match answer {
                Ok(()) | Err(CallError::NotFound(_)) => {}
                Err(error) => return Err(call_failure(error)),
            }
        }
    }
}

/// Waits for all of them, begun in their order. For few: each wake-up looks at all.
async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut ready = true;
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_some() {
                continue;
            }
            match Pin::as_mut(future).poll(context) {
                Poll::Ready(value) => *output = Some(value),
                Poll::Pending => ready = false,
            }
        }
        if ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
