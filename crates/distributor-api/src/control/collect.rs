//! `Collect`: removes old ended attempts, then what backends keep of executions that are gone.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use distributor_core::{AttemptId, DistributorSource, Error, ErrorKind, ExecutionId, Swept};
use distributor_proto::control;
use distributor_proto::time::duration_to_std;
use distributor_store::{Collected, Store, StoreError};

use crate::access::Caller;
use crate::api::Api;
use crate::blocking::{blocking, store_failed};
use crate::status::Status;

/// A configuration whose backend could not clean up.
#[derive(Debug)]
pub struct SweepProblem {
    /// Its name.
    pub config: String,
    /// Why.
    pub error: Error,
}

impl Api {
    /// `distributor.control.Control.Collect`.
    ///
    /// # Errors
    /// `PermissionDenied`; `InvalidArgument` without a duration that is one; `Unavailable` if the store
    /// fails: then some may be removed already, and the same call removes the others.
    pub async fn collect(
        &self,
        caller: &Caller,
        request: control::CollectRequest,
    ) -> Result<control::CollectResponse, Status> {
        let parts = self.parts();
        parts.access.check_writer(caller)?;
        let older_than = request.older_than.ok_or_else(|| {
            let problem = "it is missing; give an age, zero to remove all that is over";
            Status::invalid("older_than", problem)
        })?;
        let older_than =
            duration_to_std(&older_than).map_err(|error| Status::invalid("older_than", error))?;
        let now = parts.clock.now();
        let dry_run = request.dry_run;
        let store = Arc::clone(parts.engine.store());
        let collected = blocking(move || {
            let collected = match dry_run {
                true => store.would_collect(now, older_than),
                false => store.collect(now, older_than),
            };
            collected.map_err(|error| store_failed(&error))
        })
        .await;
        if dry_run {
            return Ok(answer(collected?, Swept::default(), &[]));
        }
        // Also after a failure: some may be gone.
        parts.engine.forget_ended().await;
        let collected = collected?;
        let engine = parts.engine.clone();
        let (swept, problems) = blocking(move || {
            let (store, source) = (engine.store(), engine.source());
            sweep(store.as_ref(), source.as_ref()).map_err(|error| store_failed(&error))
        })
        .await?;
        Ok(answer(collected, swept, &problems))
    }
}

/// Lets the backend of every configuration that was ever used remove what it keeps of executions that are
/// gone. One that cannot is told about, and the others go on. Blocking.
///
/// # Errors
/// If the store does not tell which configurations were used.
pub fn sweep(
    store: &dyn Store,
    source: &dyn DistributorSource,
) -> Result<(Swept, Vec<SweepProblem>), StoreError> {
    let known = |ids: &[ExecutionId]| known(store, ids);
    let mut total = Swept::default();
    let mut problems = Vec::new();
    let mut seen = HashSet::new();
    for config in store.configurations()? {
        // Revisions that differ in nothing else share what they keep.
        let identity = (
            config.name.clone(),
            config.config_type.clone(),
            config.content.clone(),
        );
        if !seen.insert(identity) {
            continue;
        }
        let swept = contained(|| source.distributor(&config)?.sweep(&known));
        match swept {
            Ok(swept) => {
                total.files = total.files.saturating_add(swept.files);
                total.bytes = total.bytes.saturating_add(swept.bytes);
            }
            Err(error) => problems.push(SweepProblem {
                config: config.name.clone(),
                error,
            }),
        }
    }
    Ok((total, problems))
}

/// An execution is known as long as its attempt is.
fn known(store: &dyn Store, ids: &[ExecutionId]) -> Result<Vec<bool>, Error> {
    let attempts: Vec<AttemptId> = ids.iter().map(|id| id.attempt).collect();
    match store.attempts(&attempts) {
        Ok(records) => Ok(records.iter().map(Option::is_some).collect()),
        Err(error) => {
            let message = "the store could not be read";
            Err(Error::new(ErrorKind::Unavailable, message).because(error))
        }
    }
}

/// A panic of a backend's code is an error like others.
pub(super) fn contained<T>(call: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    // Whatever the panic left half done belongs to the backend; nothing of ours is in there.
    std::panic::catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the backend panicked")))
}

fn answer(
    collected: Collected,
    swept: Swept,
    problems: &[SweepProblem],
) -> control::CollectResponse {
    let problems = problems.iter().map(|problem| {
        format!(
            "configuration `{}` could not be cleaned up: {}",
            problem.config, problem.error
        )
    });
    control::CollectResponse {
        attempts: collected.attempts,
        quests: collected.quests,
        bytes_before: collected.bytes_before,
        bytes_after: collected.bytes_after,
        backend_files: swept.files,
        backend_bytes: swept.bytes,
        problems: problems.collect(),
    }
}
