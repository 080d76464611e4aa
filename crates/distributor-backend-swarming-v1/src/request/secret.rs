//! What the job, and nobody else, may know: how it activates its execution.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use distributor_core::{Error, ErrorKind, Result, RunRequest, dm, to_json_with_proto_names};

use crate::wire::SecretText;

/// Base64 of the JSON of `Execution.Auth`, encoded once. Nothing for a simple quest, whose job never
/// calls the API and has no use for a right to do so.
pub(super) fn bytes(run: &RunRequest) -> Result<Option<SecretText>> {
    let meta = run.quest.meta.as_ref();
    if meta.is_some_and(|meta| meta.simple.is_some()) {
        return Ok(None);
    }
    let auth = dm::execution::Auth {
        id: Some(run.execution.into()),
        token: run.activation_token.expose().to_vec(),
    };
    match to_json_with_proto_names(&auth) {
        Ok(json) => Ok(Some(SecretText::new(STANDARD.encode(json)))),
        // The reason could quote the token.
        Err(_) => Err(Error::new(
            ErrorKind::Internal,
            "the authorization cannot be written as JSON",
        )),
    }
}
