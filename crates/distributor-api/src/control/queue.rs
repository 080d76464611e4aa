//! `ListQueue`, `ReplayQueue`, `DiscardQueue`: the task queue as people see it.
//!
//! What a backend has written into a task is shown to nobody: it may hold secrets.

use std::collections::BTreeSet;

use distributor_host::driver::CallError;
use distributor_proto::control;
use distributor_proto::control::list_queue_response::Task;
use distributor_store::{QueueState, QueuedTask};

use super::page_token::Listing;
use super::reading::size;
use crate::access::Caller;
use crate::api::Api;
use crate::status::{Code, Status};

/// Tasks of a page, if the client does not say.
const PAGE: usize = 50;
/// Most tasks of a page.
const LARGEST_PAGE: usize = 1000;
/// Most ids of a request.
const MOST: usize = 1000;
const LISTING: Listing = Listing {
    form: 2,
    flag: "dead",
};

/// What is to become of dead letters.
#[derive(Debug, Clone, Copy)]
enum Order {
    Replay,
    Discard,
}

/// What became of them.
#[derive(Debug, Default)]
struct Done {
    count: u64,
    not_dead: Vec<u64>,
    not_found: Vec<u64>,
}

impl Api {
    /// `distributor.control.Control.ListQueue`.
    ///
    /// # Errors
    /// `PermissionDenied`, `InvalidArgument` for a page token that is none or belongs to another listing,
    /// `Unavailable` if the store fails.
    pub async fn list_queue(
        &self,
        caller: &Caller,
        request: control::ListQueueRequest,
    ) -> Result<control::ListQueueResponse, Status> {
        self.parts().access.check_reader(caller)?;
        let dead = request.dead;
        let state = match dead {
            true => QueueState::Dead,
            false => QueueState::Pending,
        };
        let before = LISTING.parse(&request.page_token, dead)?;
        let size = size(request.page_size, PAGE, LARGEST_PAGE);
        let engine = &self.parts().engine;
        let counts = engine.queue_counts().await?;
        let page = engine.queued_tasks(state, before, size).await?;
        Ok(control::ListQueueResponse {
            pending: counts.pending,
            dead: counts.dead,
            bytes: counts.bytes,
            tasks: page.tasks.iter().map(task).collect(),
            next_page_token: page
                .next
                .map_or_else(String::new, |next| LISTING.token(next, dead)),
        })
    }

    /// `distributor.control.Control.ReplayQueue`.
    ///
    /// # Errors
    /// `PermissionDenied`; `InvalidArgument`; `Unavailable` if not all of it could be stored: the same
    /// call may succeed later, and repeating it does no harm.
    pub async fn replay_queue(
        &self,
        caller: &Caller,
        request: control::ReplayQueueRequest,
    ) -> Result<control::ReplayQueueResponse, Status> {
        self.parts().access.check_writer(caller)?;
        if request.all_dead && !request.ids.is_empty() {
            let problem = "leave it empty, or leave `all_dead` out";
            return Err(Status::invalid("ids", problem));
        }
        if request.all_dead {
            let replayed = self.parts().engine.replay_queued_tasks().await?;
            return Ok(control::ReplayQueueResponse {
                replayed,
                ..control::ReplayQueueResponse::default()
            });
        }
        let hint = "name at least one dead letter here, or set `all_dead`";
        let done = self.carry_out(Order::Replay, &request.ids, hint).await?;
        Ok(control::ReplayQueueResponse {
            replayed: done.count,
            not_dead: done.not_dead,
            not_found: done.not_found,
        })
    }

    /// `distributor.control.Control.DiscardQueue`.
    ///
    /// # Errors
    /// As [`Api::replay_queue`].
    pub async fn discard_queue(
        &self,
        caller: &Caller,
        request: control::DiscardQueueRequest,
    ) -> Result<control::DiscardQueueResponse, Status> {
        self.parts().access.check_writer(caller)?;
        let hint = "name at least one dead letter here";
        let done = self.carry_out(Order::Discard, &request.ids, hint).await?;
        Ok(control::DiscardQueueResponse {
            discarded: done.count,
            not_dead: done.not_dead,
            not_found: done.not_found,
        })
    }

    async fn carry_out(&self, order: Order, ids: &[u64], hint: &str) -> Result<Done, Status> {
        if ids.is_empty() {
            return Err(Status::invalid("ids", hint));
        }
        if ids.len() > MOST {
            let problem = format!("{} are too many: name at most {MOST}", ids.len());
            return Err(Status::invalid("ids", problem));
        }
        let ids: BTreeSet<u64> = ids.iter().copied().collect();
        // Sent all at once, so that many are one transaction.
        let mut calls = tokio::task::JoinSet::new();
        for id in ids {
            let engine = self.parts().engine.clone();
            calls.spawn(async move {
                match order {
                    Order::Replay => engine.replay_queued_task(id).await,
                    Order::Discard => engine.discard_queued_task(id).await,
                }
            });
        }
        let mut done = Done::default();
        let mut failure = None;
        while let Some(answer) = calls.join_next().await {
            match answer {
                Ok(Ok(())) => done.count += 1,
                Ok(Err(CallError::NoTask(id))) => done.not_found.push(id),
                Ok(Err(CallError::NotDead(id))) => done.not_dead.push(id),
                Ok(Err(error)) => failure = Some(Status::from(error)),
                Err(error) => {
                    let message = format!("a call was lost: {error}");
                    failure = Some(Status::new(Code::Internal, message));
                }
            }
        }
        done.not_dead.sort_unstable();
        done.not_found.sort_unstable();
        failure.map_or(Ok(done), Err)
    }
}

fn task(task: &QueuedTask) -> Task {
    Task {
        id: task.id,
        config_name: task.config.name.clone(),
        config_version: task.config.version.clone(),
        size: task.size,
        created: Some(task.created.to_proto()),
        due: Some(task.due.to_proto()),
        tries: task.tries,
        last_error: task.last_error.clone().unwrap_or_default(),
    }
}
