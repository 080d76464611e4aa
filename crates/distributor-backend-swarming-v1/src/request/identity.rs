//! Under which key Swarming recognizes a repeated request, and answers with the first task.
//!
//! The server remembers a key for seven days and does not compare what else is in the request. So the
//! key must be the same for every repetition of one execution, and different for everything else:
//!
//! * The activation token is in it. It is stored before the first request and never changes, but it
//!   differs between two services that call themselves by one name, as after a lost state directory.
//!   Without it the second one would be given the tasks, and the results, of the first.
//! * The topic's token is not in it: a later one for the same execution must find the first task.

use std::fmt::Write as _;

use distributor_core::RunRequest;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The namespace of our keys; any fixed one would do.
const NAMESPACE: Uuid = Uuid::from_bytes(*b"distributor/swm1");

/// A UUID of version 5 from `HOST/QUEST|ATTEMPT|EXECUTION` and a digest of the activation token.
pub(super) fn of(run: &RunRequest, dm_host: &str) -> String {
    let mut name = format!("{dm_host}/{}/", run.execution);
    for byte in Sha256::digest(run.activation_token.expose()) {
        // Writing to a string cannot fail.
        let _infallible = write!(name, "{byte:02x}");
    }
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}
