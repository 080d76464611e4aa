//! A quest's `distributor_parameters` for this backend: read, checked, never changed.
//!
//! The rules are checked in the order of the original, P1 to P10, and only then what Swarming itself
//! would refuse later. The first that is broken is told; maps are sorted, so it is always the same one.

mod limits;
mod rules;

use std::fmt;

use distributor_core::{Error, ErrorKind, Result};

use crate::proto;
use crate::proto_json;

pub(crate) use limits::{ROOT, cas_tree, folder};

/// The checked parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameters {
    /// When and where.
    pub(crate) scheduling: proto::Scheduling,
    /// What people see.
    pub(crate) meta: proto::Meta,
    /// The command.
    pub(crate) command: Vec<String>,
    /// Its environment.
    pub(crate) env: std::collections::BTreeMap<String, String>,
    /// What is in its folder.
    pub(crate) inputs: proto::Inputs,
}

impl Parameters {
    /// Reads and checks the text.
    ///
    /// # Errors
    /// `InvalidArgument` with the message `distributor_parameters: STAGE: PATH: TEXT`, where the stage is
    /// `unmarshal` (P11: no such message) or `normalize` (it breaks a rule).
    pub(crate) fn parse(json: &str) -> Result<Self> {
        let message: proto::Parameters =
            proto_json::read_strictly(json).map_err(|text| invalid("unmarshal", &text))?;
        let parameters = rules::check(message).map_err(|problem| invalid("normalize", &problem))?;
        limits::check(&parameters).map_err(|problem| invalid("normalize", &problem))?;
        Ok(parameters)
    }
}

fn invalid(stage: &str, problem: &dyn fmt::Display) -> Error {
    let message = format!("distributor_parameters: {stage}: {problem}");
    Error::new(ErrorKind::InvalidArgument, message)
}

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    path: String,
    text: String,
}

impl Problem {
    fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Problem {
            path: path.into(),
            text: text.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.text)
    }
}

#[cfg(test)]
pub(crate) mod tests;
