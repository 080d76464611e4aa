//! `Explain`: why an attempt is not running, or what it is doing.
//!
//! [`read`] finds out what is known, in a bounded number of reads; [`sentence`] and [`facts`] put that into
//! words and are pure. It refuses to guess: what is not known for certain is said to be so.

mod ended;
mod executing;
mod facts;
mod read;
mod sentence;
mod situation;
mod waiting;
mod words;

#[cfg(test)]
mod tests;

use distributor_core::{AttemptId, DistributorSource};
use distributor_proto::control;
use distributor_store::Store;

use crate::access::Caller;
use crate::api::Api;
use crate::blocking::{blocking, store_failed};
use crate::status::Status;
use situation::Situation;

impl Api {
    /// `distributor.control.Control.Explain`.
    ///
    /// # Errors
    /// `PermissionDenied`; `InvalidArgument` for an id that is none; `Unavailable` if the store fails. An
    /// attempt that does not exist is no error.
    pub async fn explain(
        &self,
        caller: &Caller,
        request: control::ExplainRequest,
    ) -> Result<control::ExplainResponse, Status> {
        self.parts().access.check_reader(caller)?;
        let id = request
            .attempt
            .as_ref()
            .ok_or_else(|| Status::invalid("attempt", "it is missing"))?;
        let id = AttemptId::try_from(id).map_err(|error| Status::invalid("attempt", error))?;
        let engine = self.parts().engine.clone();
        blocking(move || {
            explain(engine.store().as_ref(), engine.source().as_ref(), id)
                .map_err(|error| store_failed(&error))
        })
        .await
    }
}

/// The same without a host: of what is stored, by whoever may read it all. Blocking.
///
/// # Errors
/// If the store fails.
pub fn explain(
    store: &dyn Store,
    source: &dyn DistributorSource,
    id: AttemptId,
) -> distributor_store::Result<control::ExplainResponse> {
    Ok(answer(&read::situation(store, source, id)?))
}

fn answer(situation: &Situation) -> control::ExplainResponse {
    control::ExplainResponse {
        sentence: sentence::sentence(situation),
        state: situation.record.as_ref().map(|it| it.state.into()),
        facts: facts::facts(situation),
    }
}
