//! The calls that a job makes: [`Service`], which [`Client`] is for real.
//!
//! A test may put a graph of its own behind it. It refuses to retry: that is a job's business.

use std::fmt;

use async_trait::async_trait;
use distributor_client::{Client, ClientError};
use distributor_core::dm;

pub use distributor_client::Code;

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code:?})")]
pub struct CallError {
    /// The class of failure.
    pub code: Code,
    /// What the service said.
    pub message: String,
}

impl CallError {
    /// A failure of this class.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        CallError {
            code,
            message: message.into(),
        }
    }
}

impl From<ClientError> for CallError {
    fn from(error: ClientError) -> Self {
        CallError::new(error.code(), error.to_string())
    }
}

/// The API as a running job sees it: three methods of `dm.Deps`.
#[async_trait]
pub trait Service: fmt::Debug + Send + Sync + 'static {
    /// `ActivateExecution`.
    ///
    /// # Errors
    /// What the service or the way to it says.
    async fn activate(&self, request: &dm::ActivateExecutionReq) -> Result<(), CallError>;

    /// `EnsureGraphData`.
    ///
    /// # Errors
    /// What the service or the way to it says.
    async fn ensure(
        &self,
        request: &dm::EnsureGraphDataReq,
    ) -> Result<dm::EnsureGraphDataRsp, CallError>;

    /// `FinishAttempt`.
    ///
    /// # Errors
    /// What the service or the way to it says.
    async fn finish(&self, request: &dm::FinishAttemptReq) -> Result<(), CallError>;
}

#[async_trait]
impl Service for Client {
    async fn activate(&self, request: &dm::ActivateExecutionReq) -> Result<(), CallError> {
        Ok(self.activate_execution(request.clone()).await?)
    }

    async fn ensure(
        &self,
        request: &dm::EnsureGraphDataReq,
    ) -> Result<dm::EnsureGraphDataRsp, CallError> {
        Ok(self.ensure_graph_data(request.clone()).await?)
    }

    async fn finish(&self, request: &dm::FinishAttemptReq) -> Result<(), CallError> {
        Ok(self.finish_attempt(request.clone()).await?)
    }
}
