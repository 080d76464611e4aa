//! EnsureGraphData.

use distributor_host::driver::CallError;
use distributor_host::machine::Refusal;
use distributor_proto::dm;
use prost::Message as _;

use super::answer::Before;
use super::compute;
use super::expand::expand;
use crate::access::Caller;
use crate::api::Api;
use crate::blocking::{blocking, store_failed};
use crate::status::{Code, Status};
use crate::validate;

impl Api {
    /// `dm.Deps.EnsureGraphData`: makes sure that quests and attempts exist and, for an execution, that
    /// it depends on them. All of it happens, or nothing. The same call again does no harm.
    ///
    /// The answer's `result` is the state before this call, but for `built_by` of quests that existed,
    /// which has this call's templates too. The whole answer takes at most 32 MiB, as clients accept, and
    /// the descriptions in it 1.25 MiB. What has no room is left out: quests and attempts without data
    /// are marked as partial, and of a result object the size is there.
    ///
    /// # Errors
    /// `InvalidArgument` for a request that can never be right, for an unknown configuration name and
    /// for attempts of a quest that exists nowhere; `Unauthenticated` if `for_execution` is not the
    /// running execution that it says it is; without it, `PermissionDenied` if the caller is no writer;
    /// `FailedPrecondition` if the execution would wait for itself; `Internal` or `Unavailable` if the
    /// same call may succeed later. What is wrong with a template is no error: see `template_error`.
    pub async fn ensure_graph_data(
        &self,
        caller: &Caller,
        request: dm::EnsureGraphDataReq,
    ) -> Result<dm::EnsureGraphDataRsp, Status> {
        let size = request.encoded_len();
        let request = compute(size, || validate::ensure_graph_data(request)).await?;
        let engine = &self.parts().engine;
        match &request.for_execution {
            Some(execution) => engine.authenticate(execution).await.map_err(refused)?,
            None => self.parts().access.check_writer(caller)?,
        }

        let (include_result, max_data_size) = (request.include_result, request.max_data_size);
        let (backends, projects) = (engine.clone(), self.parts().templates.now());
        let expanded = compute(size, move || expand(&backends, &projects, request)).await?;
        let mut response = dm::EnsureGraphDataRsp {
            quest_ids: expanded.quest_ids,
            template_ids: expanded.template_ids,
            template_error: expanded.template_error,
            ..Default::default()
        };
        if !response.template_error.is_empty() {
            return Ok(response);
        }

        let answer = engine.ensure_graph(expanded.graph).await.map_err(refused)?;
        response.accepted = true;
        response.should_halt = answer.halted;
        if !answer.halted {
            let store = engine.store().clone();
            let ids = response.encoded_len();
            let before = Before::new(answer, ids, include_result, max_data_size);
            let read = move || {
                before
                    .read(store.as_ref())
                    .map_err(|error| store_failed(&error))
            };
            response.result = Some(blocking(read).await?);
        }
        Ok(response)
    }
}

/// The host's errors in the words of this request. Whatever is wrong with an execution that calls, it is
/// not who it says it is; it may also have been stopped since it was authenticated.
fn refused(error: CallError) -> Status {
    match error {
        CallError::NotFound(_)
        | CallError::Refused(Refusal::Denied(_) | Refusal::AlreadyActivated) => {
            Status::new(Code::Unauthenticated, format!("execution Auth: {error}"))
        }
        CallError::Invalid { field, message } => {
            let index = field.strip_prefix("quest[");
            match index.and_then(|index| index.strip_suffix("].needs")) {
                Some(index) => Status::invalid(format_args!("quest_needs[{index}]"), message),
                None => Status::invalid(field, message),
            }
        }
        other => other.into(),
    }
}
