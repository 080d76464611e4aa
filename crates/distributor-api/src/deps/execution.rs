//! ActivateExecution and FinishAttempt.

use distributor_core::ExecutionId;
use distributor_host::driver::CallError;
use distributor_host::machine::Refusal;
use distributor_proto::dm;

use crate::access::Caller;
use crate::api::Api;
use crate::blocking::{blocking, store_failed};
use crate::status::{Code, Status};
use crate::validate;

impl Api {
    /// `dm.Deps.ActivateExecution`: a started task claims its execution. The same call again is fine.
    /// Who calls does not matter: the activation token decides.
    ///
    /// # Errors
    /// `InvalidArgument`; `Internal` for an execution that does not exist; `AlreadyExists` if another
    /// task was faster, but the activation token is right; `PermissionDenied` if it is not, or for an
    /// execution that cannot be activated any more; `Unavailable` if it cannot be yet.
    pub async fn activate_execution(
        &self,
        _caller: &Caller,
        request: dm::ActivateExecutionReq,
    ) -> Result<(), Status> {
        let request = validate::activate_execution(request)?;
        let id = request.invited.execution;
        let engine = &self.parts().engine;
        let answer = engine.activate(id, request.invited.token, request.execution_token);
        match answer.await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.refused(id, "failed to activate", error).await),
        }
    }

    /// `dm.Deps.FinishAttempt`: a job delivers its attempt's result, which becomes final when the
    /// execution ends normally. Who calls does not matter: the execution token decides.
    ///
    /// # Errors
    /// `InvalidArgument`; `Internal` for an execution that does not exist; `PermissionDenied` for a wrong
    /// token or an execution that is not running, so also for the second call.
    pub async fn finish_attempt(
        &self,
        _caller: &Caller,
        request: dm::FinishAttemptReq,
    ) -> Result<(), Status> {
        let request = validate::finish_attempt(request)?;
        let id = request.caller.execution;
        let engine = &self.parts().engine;
        let answer = engine.finish_attempt(id, request.caller.token, request.data);
        match answer.await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.refused(id, "requires execution Auth", error).await),
        }
    }

    /// What does not exist is `Internal` in these methods (`dm-api.md`, section 6), and the host's
    /// refusals get the words that clients know.
    async fn refused(&self, id: ExecutionId, what: &str, error: CallError) -> Status {
        let missing = match &error {
            CallError::NotFound(_) => Ok(true),
            CallError::Refused(Refusal::Denied(_)) => self.is_missing(id).await,
            CallError::Refused(_) => Ok(false),
            _ => return error.into(),
        };
        match missing {
            Ok(true) => Status::new(
                Code::Internal,
                format!("{what}: there is no execution {id}"),
            ),
            Ok(false) => {
                let status = Status::from(error);
                Status::new(status.code, format!("{what}: {}", status.message))
            }
            Err(status) => status,
        }
    }

    /// Neither it nor anything that becomes it is stored.
    async fn is_missing(&self, id: ExecutionId) -> Result<bool, Status> {
        let store = self.parts().engine.store().clone();
        blocking(move || {
            let read = store.attempts(&[id.attempt]);
            let found = read.map_err(|error| store_failed(&error))?;
            let Some(record) = found.into_iter().flatten().next() else {
                return Ok(true);
            };
            let prepared = record.prepared.map_or(0, |prepared| prepared.execution);
            Ok(id.number > record.current_execution.max(prepared))
        })
        .await
    }
}
