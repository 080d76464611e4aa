//! `dm.Deps.WalkGraph`: reads part of the graph in bounded memory.
//!
//! | module | what it does |
//! |---|---|
//! | [`view`] | stored records as messages |
//! | [`limiter`] | how many bytes of results an answer may hold |
//! | `begin` | from the query to the first attempts |
//! | `walker` | visits attempts in chunks and follows their edges |
//! | `nodes` | the attempts met so far, each once |
//! | `reads` | batched reads; one bad record spoils no other |
//! | `show` | what is shown of one attempt |
//! | `answer` | the answer as it grows, and its bound |
//!
//! An answer has bounds besides those that the request sets: of attempts visited, of attempts named,
//! of bytes, and of edges of one attempt. Where one is reached the walk stops, `had_more` is set, and
//! each attempt from which more would be found has its partial flags set. A client goes on by asking
//! for those attempts, best for some hundred at a time and with what it knows excluded. What another
//! query could not bring (edges of one attempt beyond the bound, executions beyond the bound) sets
//! partial flags alone.
//!
//! It refuses to change anything, and to be one consistent picture: what changes meanwhile is shown as
//! it was when it was read.

mod answer;
mod begin;
pub(crate) mod limiter;
mod nodes;
mod reads;
mod show;
pub(crate) mod view;
mod walker;

use std::sync::Arc;

use distributor_core::Timestamp;
use distributor_host::driver::{CallError, Dependent};
use distributor_proto::dm;

use crate::access::Caller;
use crate::api::Api;
use crate::blocking::blocking;
use crate::status::{Code, Status};
use crate::validate::walk::WalkRequest;
use walker::{Surroundings, Viewer, Walker};

/// So many walks of a service are under way at a time, because each takes memory; the others wait.
pub(crate) const WALKS_AT_ONCE: usize = 4;

impl Api {
    /// `dm.Deps.WalkGraph`.
    ///
    /// # Errors
    /// * `InvalidArgument` for a request that is not well-formed.
    /// * `PermissionDenied` for a caller who is no reader and does not act for an execution.
    /// * `Unauthenticated` for one who says to act for an execution and does not show its token.
    /// * `Unimplemented` for a search.
    pub async fn walk_graph(
        &self,
        caller: &Caller,
        request: dm::WalkGraphReq,
    ) -> Result<dm::GraphData, Status> {
        let request = WalkRequest::new(request)?;
        let viewer = self.who_asks(caller, request.auth.as_ref()).await?;
        if !request.query.search.is_empty() {
            let problem = "query.search: searching is not implemented; name attempts instead";
            return Err(Status::new(Code::Unimplemented, problem));
        }
        let deadline = self.parts().clock.now().after(request.max_time);
        let turn = self.walks().clone().acquire_owned().await;
        let turn = turn.map_err(|_| Status::new(Code::Unavailable, "the service is stopping"))?;
        let api = self.clone();
        // Gone with this future.
        let client = Arc::new(());
        let waiting = Arc::downgrade(&client);
        let walked = blocking(move || {
            let _turn = turn;
            let is_abandoned = || waiting.strong_count() == 0;
            Ok(api.walk(&request, viewer, deadline, &is_abandoned))
        })
        .await;
        drop(client);
        walked
    }

    /// The attempt whose execution asks; none for a reader.
    async fn who_asks(&self, caller: &Caller, auth: Option<&Dependent>) -> Result<Viewer, Status> {
        let parts = self.parts();
        let Some(auth) = auth else {
            parts.access.check_reader(caller)?;
            return Ok(Viewer::Reader);
        };
        match parts.engine.authenticate(auth).await {
            Ok(()) => Ok(Viewer::Execution(auth.execution.attempt)),
            Err(error @ (CallError::NotFound(_) | CallError::Refused(_))) => {
                let message = format!("requires execution Auth: {error}");
                Err(Status::new(Code::Unauthenticated, message))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Blocks.
    fn walk(
        &self,
        request: &WalkRequest,
        viewer: Viewer,
        deadline: Timestamp,
        is_abandoned: &dyn Fn() -> bool,
    ) -> dm::GraphData {
        let parts = self.parts();
        let surroundings = Surroundings {
            store: parts.engine.store().as_ref(),
            backends: parts.engine.source().as_ref(),
            clock: parts.clock.as_ref(),
            deadline,
            is_abandoned,
        };
        Walker::new(request, viewer, surroundings).run()
    }
}
