//! `dm.Deps`, but for walking: EnsureGraphData, ActivateExecution, FinishAttempt.

use distributor_proto::dm;

use crate::access::Caller;
use crate::api::Api;
use crate::status::{Code, Status};

impl Api {
    /// `dm.Deps.EnsureGraphData`.
    ///
    /// # Errors
    /// As `dm-api.md`, section 6 says.
    pub async fn ensure_graph_data(
        &self,
        caller: &Caller,
        request: dm::EnsureGraphDataReq,
    ) -> Result<dm::EnsureGraphDataRsp, Status> {
        let _to_be_written = (caller, request);
        Err(Status::new(Code::Unimplemented, "to be written"))
    }

    /// `dm.Deps.ActivateExecution`.
    ///
    /// # Errors
    /// As `dm-api.md`, section 6 says.
    pub async fn activate_execution(
        &self,
        caller: &Caller,
        request: dm::ActivateExecutionReq,
    ) -> Result<(), Status> {
        let _to_be_written = (caller, request);
        Err(Status::new(Code::Unimplemented, "to be written"))
    }

    /// `dm.Deps.FinishAttempt`.
    ///
    /// # Errors
    /// As `dm-api.md`, section 6 says.
    pub async fn finish_attempt(
        &self,
        caller: &Caller,
        request: dm::FinishAttemptReq,
    ) -> Result<(), Status> {
        let _to_be_written = (caller, request);
        Err(Status::new(Code::Unimplemented, "to be written"))
    }
}
