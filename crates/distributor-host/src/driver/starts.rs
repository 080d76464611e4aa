//! Who is started in this batch: those who became ready, and those who waited for room.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use distributor_core::{AttemptId, ConfigSnapshot, Error, ErrorKind, Result as CoreResult, Secret};
use distributor_store::StoreError;

use super::committer::{Committer, STORE_RETRY};
use super::work::{Resolved, Unresolved, Work};
use crate::machine::Event;

/// Length of an activation token, in bytes.
const ACTIVATION_TOKEN_BYTES: usize = 32;

impl Committer {
    pub(super) fn start_executions(&mut self, work: &mut Work) -> Result<(), StoreError> {
        // Starting may end attempts (no such backend), which may make others ready.
        loop {
            // Those who waited longer go first, whatever name they use for the same room.
            for name in self.lanes.backlog() {
                self.start_waiting(work, &name)?;
            }
            for id in std::mem::take(&mut work.ready) {
                let Some(name) = ready_name(work, &id) else {
                    continue;
                };
                if self.lanes.has_backlog(&name) || !self.start(work, id, &name)? {
                    self.lanes.set_backlog(name.clone(), true);
                    work.left.insert(name);
                }
            }
            if work.ended.is_empty() {
                return Ok(());
            }
            self.tell_dependents(work)?;
        }
    }

    /// Starts attempts that wait in the store.
    fn start_waiting(&mut self, work: &mut Work, name: &Arc<str>) -> Result<(), StoreError> {
        let room = match self.resolve(work, name) {
            Ok(resolved) => self.room(&resolved),
            Err(Unresolved::Impossible(_)) => self.settings.batch,
            Err(Unresolved::Later) => 0,
        };
        let limit = room.min(self.settings.batch);
        if limit == 0 {
            return Ok(());
        }
        let waiting = self.store.ready(name, limit)?;
        let all = waiting.len() < limit;
        self.load(work, &waiting)?;
        for id in waiting {
            if ready_name(work, &id).is_some() && self.start(work, id, name)? {
                self.lanes.served(name.clone());
            }
        }
        // Those of this batch are not in the store yet.
        if all && !work.left.contains(name) {
            self.lanes.set_backlog(name.clone(), false);
        }
        Ok(())
    }

    /// False if there is no room.
    fn start(
        &mut self,
        work: &mut Work,
        id: AttemptId,
        name: &Arc<str>,
    ) -> Result<bool, StoreError> {
        let event = match self.resolve(work, name) {
            Err(Unresolved::Later) => return Ok(false),
            Err(Unresolved::Impossible(reason)) => Event::StartImpossible {
                config: Arc::new(ConfigSnapshot {
                    name: name.to_string(),
                    version: String::new(),
                    config_type: String::new(),
                    content: Vec::new(),
                    dm_host: String::new(),
                }),
                reason,
            },
            Ok(resolved) if self.room(&resolved) == 0 => return Ok(false),
            Ok(resolved) => {
                let mut token = vec![0; ACTIVATION_TOKEN_BYTES];
                self.random
                    .fill(&mut token)
                    .map_err(|error| StoreError::Engine(Box::new(error)))?;
                Event::Start {
                    activation_token: Secret::new(token),
                    config: resolved.config,
                }
            }
        };
        self.apply_quietly(work, id, event);
        Ok(true)
    }

    /// The configuration as it is now (DC-02), looked up once per batch.
    fn resolve(&mut self, work: &mut Work, name: &Arc<str>) -> Result<Resolved, Unresolved> {
        if let Some(resolved) = work.resolved.get(name) {
            return resolved.clone();
        }
        let looked_up = contained(|| {
            let config = self.source.snapshot(name)?;
            let capacity = self.source.distributor(&config)?.capacity();
            Ok(Resolved { config, capacity })
        });
        let resolved = looked_up.map_err(|error| {
            if error.is_transient() {
                tracing::warn!(config = %name, %error, "configuration not available for now");
                self.starts_at = Some(work.now.after(STORE_RETRY));
                Unresolved::Later
            } else {
                Unresolved::Impossible(error.to_string())
            }
        });
        work.resolved.insert(name.clone(), resolved.clone());
        resolved
    }

    fn room(&self, resolved: &Resolved) -> usize {
        self.lanes.room(
            &resolved.config.name,
            resolved.capacity,
            self.settings.starts_at_once,
            self.settings.max_unfinished,
        )
    }

    /// After a commit: is there room for someone who waits? Then another batch must follow.
    pub(super) fn can_start_more(&self, work: &Work) -> bool {
        self.lanes
            .backlog()
            .iter()
            .any(|name| match work.resolved.get(name) {
                Some(Ok(resolved)) => self.room(resolved) > 0,
                Some(Err(Unresolved::Impossible(_))) => true,
                Some(Err(Unresolved::Later)) | None => false,
            })
    }
}

/// A panic of a backend's code is an error like others: the committer must go on.
fn contained<T>(call: impl FnOnce() -> CoreResult<T>) -> CoreResult<T> {
    // Whatever the panic left half done belongs to the backend; nothing of the host is in there.
    std::panic::catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the backend panicked")))
}

/// The configuration name of an attempt that still wants to be started.
fn ready_name(work: &Work, id: &AttemptId) -> Option<Arc<str>> {
    let record = work.record(id)?;
    let wants = record.ready.is_some() && record.prepared.is_none() && !record.is_final();
    wants.then(|| record.config_name.clone())
}
