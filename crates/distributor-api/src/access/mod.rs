//! Who calls, and who may do what (`acls.cfg`).
//!
//! * [`Callers`] tells who shows which bearer token: [`TokenDirectory`], or [`Open`] where
//!   authentication is off.
//! * [`Access`] tells what a caller may do.
//!
//! It refuses to know the tokens of executions: these belong to the life cycle.

mod listing;
mod token;
mod tokens;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use distributor_proto::acls::Acls;

use crate::status::{Code, Status};

pub use listing::{DamagedToken, TokenInfo, TokenList};
pub use tokens::{NewToken, TokenDirectory, TokenError};

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// This process itself, or anybody where authentication is off: may do everything.
    Trusted,
    /// Showed no credentials: may do nothing but act for an execution whose token it has.
    Anonymous,
    /// Showed good credentials.
    Named(Identity),
}

/// A caller that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// For people.
    pub name: String,
    /// The groups that it is in.
    pub groups: Vec<String>,
}

/// Tells who shows which credentials.
pub trait Callers: Send + Sync + fmt::Debug {
    /// Who shows this bearer token, or none.
    ///
    /// # Errors
    /// `Unauthenticated` for one that is not good, `Unavailable` if that cannot be told for the moment.
    fn identify(&self, bearer: Option<&str>) -> Result<Caller, Status>;
}

/// Everybody may do everything: for an address that only this machine reaches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Open;

impl Callers for Open {
    fn identify(&self, _bearer: Option<&str>) -> Result<Caller, Status> {
        Ok(Caller::Trusted)
    }
}

/// The readers and writers, replaced as a whole when their file changes.
#[derive(Debug)]
pub struct Access {
    /// `Err`: the file cannot be read, and why. Then nobody is let in, and nobody is told to stay out
    /// for good (`dm-api.md`, section 8).
    acls: RwLock<Result<Arc<Acls>, String>>,
}

impl Caller {
    /// For people and logs.
    pub fn name(&self) -> &str {
        match self {
            Caller::Trusted => "a trusted caller",
            Caller::Anonymous => "an anonymous caller",
            Caller::Named(identity) => &identity.name,
        }
    }
}

impl Access {
    /// Nobody is in any group until [`Access::replace`] is called.
    pub fn nobody() -> Self {
        Access {
            acls: RwLock::new(Ok(Arc::default())),
        }
    }

    /// Takes a new version; `Err` is why it cannot be read, and makes every check fail for now.
    pub fn replace(&self, acls: Result<Acls, String>) {
        let mut current = self.acls.write().unwrap_or_else(PoisonError::into_inner);
        *current = acls.map(Arc::new);
    }

    /// May this caller see the graph?
    ///
    /// # Errors
    /// `PermissionDenied`, or `Unavailable` while the file cannot be read.
    pub fn check_reader(&self, caller: &Caller) -> Result<(), Status> {
        self.check(caller, |acls, group| {
            acls.readers.contains(group) || acls.writers.contains(group)
        })
    }

    /// May this caller change the graph?
    ///
    /// # Errors
    /// `PermissionDenied`, or `Unavailable` while the file cannot be read.
    pub fn check_writer(&self, caller: &Caller) -> Result<(), Status> {
        self.check(caller, |acls, group| acls.writers.contains(group))
    }

    fn check(&self, caller: &Caller, lists: impl Fn(&Acls, &String) -> bool) -> Result<(), Status> {
        let identity = match caller {
            Caller::Trusted => return Ok(()),
            Caller::Anonymous => return Err(not_authorized()),
            Caller::Named(identity) => identity,
        };
        let acls = self.acls.read().unwrap_or_else(PoisonError::into_inner);
        match acls.as_ref() {
            Err(problem) => Err(Status::new(Code::Unavailable, problem.clone())),
            Ok(acls) if identity.groups.iter().any(|group| lists(acls, group)) => Ok(()),
            Ok(_) => Err(not_authorized()),
        }
    }
}

fn not_authorized() -> Status {
    Status::new(Code::PermissionDenied, "not authorized")
}
