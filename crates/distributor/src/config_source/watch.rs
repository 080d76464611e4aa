//! Takes new versions of a configuration in while the service runs.
//!
//! It looks once a second, and at once when it is asked to (SIGHUP). A version counts when two looks
//! have seen the same, so that files which are being written are not taken by half. A version with any
//! problem is refused: the last good one stays, and everybody who reads the log is told.

use std::sync::Arc;
use std::time::Duration;

use distributor_api::{Access, Templates};
use distributor_core::{Clock, LiveRegistry};
use tokio::sync::Notify;

use super::{Files, Loaded, Loader, Location};
use crate::cli::findings::{Finding, Findings};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Time after which a new version is looked at again before it counts.
const SETTLED_AFTER: Duration = Duration::from_millis(100);

/// What a version is given to.
#[derive(Debug, Clone)]
pub(crate) struct Targets {
    pub(crate) backends: Arc<LiveRegistry>,
    pub(crate) access: Arc<Access>,
    pub(crate) templates: Arc<Templates>,
}

impl Targets {
    /// Puts a version in force.
    pub(crate) fn take(&self, loaded: Loaded, acls_expected: bool) {
        self.backends.replace(loaded.distributors);
        self.templates.replace(loaded.templates);
        self.access.replace(match (loaded.acls, acls_expected) {
            (Some(acls), _) => Ok(acls),
            (None, true) => {
                Err("acls.cfg is gone; nobody may do anything until it is back".to_owned())
            }
            (None, false) => Ok(distributor_proto::acls::Acls::default()),
        });
    }
}

/// Watches a location.
pub(crate) struct Watch {
    location: Location,
    loader: Loader,
    targets: Targets,
    /// Authentication is on: a missing `acls.cfg` shuts everybody out instead of letting everybody in.
    acls_expected: bool,
    /// What was judged last, good or bad.
    known: Result<Files, Box<Finding>>,
}

/// What a look has found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// The same as before.
    Unchanged,
    /// Something new that is not there to stay yet.
    Unsettled,
    /// A new version is in force.
    Taken(String),
    /// A new version was refused.
    Refused(String),
}

impl Watch {
    /// Watches from `known` on, which is in force already.
    pub(crate) fn new(
        location: Location,
        known: Files,
        loader: Loader,
        targets: Targets,
        acls_expected: bool,
    ) -> Self {
        Watch {
            location,
            loader,
            targets,
            acls_expected,
            known: Ok(known),
        }
    }

    #[cfg(test)]
    pub(super) fn loader(&self) -> &Loader {
        &self.loader
    }

    /// Watches until it is dropped.
    pub(crate) async fn run(mut self, clock: Arc<dyn Clock>, at_once: Arc<Notify>) {
        let mut seen = None;
        loop {
            let pause = match seen {
                Some(_) => SETTLED_AFTER,
                None => LOOK_EVERY,
            };
            let next = clock.now().after(pause);
            tokio::select! {
                () = clock.sleep_until(next) => {}
                () = at_once.notified() => {}
            }
            let looked = tokio::task::spawn_blocking(move || {
                let look = self.look(&mut seen);
                (self, seen, look)
            });
            let Ok((watch, now_seen, look)) = looked.await else {
                tracing::error!("the configuration is not watched any more; restart the service");
                return;
            };
            (self, seen) = (watch, now_seen);
            match look {
                Look::Taken(revision) => tracing::info!(revision, "took a new configuration"),
                Look::Refused(problems) => tracing::error!(
                    "the new configuration is refused, and the former one stays: {problems}"
                ),
                Look::Unchanged | Look::Unsettled => {}
            }
        }
    }

    /// Looks once. `seen` is what the look before has found to be new.
    pub(crate) fn look(&mut self, seen: &mut Option<Result<Files, Box<Finding>>>) -> Look {
        let files = Files::read(&self.location);
        if files == self.known {
            *seen = None;
            return Look::Unchanged;
        }
        if seen.as_ref() != Some(&files) {
            *seen = Some(files);
            return Look::Unsettled;
        }
        *seen = None;
        self.known = files.clone();
        let files = match files {
            Ok(files) => files,
            Err(finding) => return Look::Refused(finding.to_string()),
        };
        let (loaded, findings) = self.loader.load(&files);
        if !findings.is_empty() {
            return Look::Refused(Findings::to_string(&findings));
        }
        let revision = loaded.revision.clone();
        self.targets.take(loaded, self.acls_expected);
        Look::Taken(revision)
    }
}
