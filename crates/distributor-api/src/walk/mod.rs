//! `dm.Deps.WalkGraph`: reads part of the graph in bounded memory.

pub(crate) mod limiter;
pub(crate) mod view;

use distributor_proto::dm;

use crate::access::Caller;
use crate::api::Api;
use crate::status::{Code, Status};

impl Api {
    /// `dm.Deps.WalkGraph`.
    ///
    /// # Errors
    /// As `dm-api.md`, section 6 says.
    pub async fn walk_graph(
        &self,
        caller: &Caller,
        request: dm::WalkGraphReq,
    ) -> Result<dm::GraphData, Status> {
        let _to_be_written = (caller, request);
        Err(Status::new(Code::Unimplemented, "to be written"))
    }
}
