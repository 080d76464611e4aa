//! Asks for many tasks at once: their states in batches, then whatever is not plainly running one by
//! one.
//!
//! It refuses to trust more than `RUNNING`. An end needs its result, and `PENDING` is also what a server
//! may say of a task that it does not know.

use std::sync::Arc;

use distributor_core::{Error, ErrorKind, Result, TaskState};
use tokio::task::JoinSet;

use crate::client::{Client, MOST_STATES};
use crate::state::State;
use crate::wire;

/// Requests for single tasks at one time.
const AT_ONCE: usize = 8;

/// What is known of a task.
#[derive(Debug)]
pub(crate) enum Look {
    /// It runs.
    Running,
    /// All that the server knows.
    Task(Box<wire::TaskResult>),
}

/// One answer for each id, in the same order. Each has its own error; only if the server cannot answer
/// at all have all the same.
pub(crate) async fn look(client: &Arc<Client>, ids: &[&str]) -> Vec<Result<Look>> {
    let mut looks = Vec::with_capacity(ids.len());
    for batch in ids.chunks(MOST_STATES) {
        looks.extend(look_at_batch(client, batch).await);
    }
    looks
}

async fn look_at_batch(client: &Arc<Client>, ids: &[&str]) -> Vec<Result<Look>> {
    let running: Vec<bool> = match client.states(ids).await {
        Ok(states) => states
            .iter()
            .map(|state| is_running(state.as_deref()))
            .collect(),
        // One bad id spoils the answer for all: each must be asked for.
        Err(error) if !error.is_transient() => vec![false; ids.len()],
        Err(error) => return ids.iter().map(|_| Err(same(&error))).collect(),
    };
    let unclear = ids.iter().zip(&running).filter(|(_, running)| !**running);
    let unclear: Vec<&str> = unclear.map(|(id, _)| *id).collect();
    let mut tasks = results(client, &unclear).await.into_iter();
    let looks = running.iter().map(|running| match running {
        true => Ok(Look::Running),
        false => match tasks.next() {
            Some(task) => task.map(|task| Look::Task(Box::new(task))),
            None => Err(lost()),
        },
    });
    looks.collect()
}

fn is_running(state: Option<&str>) -> bool {
    let state = state.map(State::parse).and_then(State::unfinished);
    state == Some(TaskState::Running)
}

/// The results in the same order.
async fn results(client: &Arc<Client>, ids: &[&str]) -> Vec<Result<wire::TaskResult>> {
    let mut results: Vec<_> = ids.iter().map(|_| Err(lost())).collect();
    let mut waiting = ids.iter().enumerate();
    let mut asking = JoinSet::new();
    loop {
        while asking.len() < AT_ONCE
            && let Some((index, id)) = waiting.next()
        {
            let (client, id) = (Arc::clone(client), (*id).to_owned());
            asking.spawn(async move { (index, client.result(&id).await) });
        }
        match asking.join_next().await {
            None => return results,
            Some(Ok((index, result))) => {
                if let Some(place) = results.get_mut(index) {
                    *place = result;
                }
            }
            // It panicked: its place keeps the error that says so.
            Some(Err(_)) => {}
        }
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Internal, "the question was lost").transient()
}

/// The same error for one more task.
fn same(error: &Error) -> Error {
    let copy = Error::new(error.kind(), error.to_string());
    match error.retry() {
        distributor_core::Retry::Transient { after: Some(delay) } => copy.retry_after(delay),
        distributor_core::Retry::Transient { after: None } => copy.transient(),
        distributor_core::Retry::Permanent => copy,
    }
}
