//! The requests that a task makes for its own execution.

use distributor_core::{ExecutionId, Secret};
use distributor_host::driver::Dependent;
use distributor_proto::{dm, normalize_result};

use crate::status::Status;

/// The shortest token that a job may choose, in bytes.
const MIN_EXECUTION_TOKEN: usize = 32;

/// A task that claims its execution.
#[derive(Debug)]
pub(crate) struct Activation {
    /// The execution, and its activation token.
    pub(crate) invited: Dependent,
    /// The token for all later calls.
    pub(crate) execution_token: Secret,
}

/// A job that delivers its attempt's result.
#[derive(Debug)]
pub(crate) struct Finish {
    /// The execution, and its execution token.
    pub(crate) caller: Dependent,
    /// The result, normalized.
    pub(crate) data: dm::JsonResult,
}

/// The execution that a caller says it is, and the token that it shows for it. Whether the token is
/// right, and not empty, is the host's business.
///
/// # Errors
/// `InvalidArgument` that names `field`, or what is missing or malformed in it.
pub(crate) fn execution_auth(
    auth: &Option<dm::execution::Auth>,
    field: &str,
) -> Result<Dependent, Status> {
    let Some(auth) = auth else {
        let problem = "is missing: give the execution and its token";
        return Err(Status::invalid(field, problem));
    };
    let execution = ExecutionId::try_from(auth)
        .map_err(|error| Status::invalid(format_args!("{field}.id"), error))?;
    Ok(Dependent {
        execution,
        token: Secret::new(auth.token.clone()),
    })
}

/// Checks `dm.ActivateExecutionReq`.
pub(crate) fn activate_execution(request: dm::ActivateExecutionReq) -> Result<Activation, Status> {
    let invited = execution_auth(&request.auth, "auth")?;
    let length = request.execution_token.len();
    if length < MIN_EXECUTION_TOKEN {
        let problem = format_args!(
            "has {length} bytes: choose at least {MIN_EXECUTION_TOKEN} bytes at random"
        );
        return Err(Status::invalid("execution_token", problem));
    }
    Ok(Activation {
        invited,
        execution_token: Secret::new(request.execution_token),
    })
}

/// Checks `dm.FinishAttemptReq`.
pub(crate) fn finish_attempt(request: dm::FinishAttemptReq) -> Result<Finish, Status> {
    let caller = execution_auth(&request.auth, "auth")?;
    let mut data = request
        .data
        .ok_or_else(|| Status::invalid("data", "is missing: give the result"))?;
    normalize_result(&mut data).map_err(|error| Status::invalid("data", error))?;
    if data.object.is_empty() {
        let problem = "is empty: give a JSON object, `{}` if there is nothing to say";
        return Err(Status::invalid("data.object", problem));
    }
    Ok(Finish { caller, data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Code;

    const QUEST: &str = "1258phYs8GW6qM5AQopQ_L3A5cZhO7iaYQZyFkNusVw";

    fn auth(quest: &str, attempt: u32, id: u32) -> Option<dm::execution::Auth> {
        Some(dm::execution::Auth {
            id: Some(dm::execution::Id {
                quest: quest.to_owned(),
                attempt,
                id,
            }),
            token: b"hunter2".to_vec(),
        })
    }

    #[track_caller]
    fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, start: &str) {
        let status = answer.expect_err("a refusal");
        assert_eq!(status.code, Code::InvalidArgument);
        assert!(status.message.starts_with(start), "{}", status.message);
        assert!(!status.message.contains("hunter2"));
    }

    #[test]
    fn an_execution_needs_an_id_and_may_lack_a_token() {
        let no_id = Some(dm::execution::Auth::default());
        refused(execution_auth(&None, "auth"), "auth: is missing");
        refused(execution_auth(&no_id, "auth"), "auth.id: id is missing");
        let malformed = auth("x", 1, 1);
        refused(execution_auth(&malformed, "a"), "a.id: quest id \"x\"");
        let no_attempt = auth(QUEST, 0, 1);
        refused(execution_auth(&no_attempt, "a"), "a.id: attempt number");
        let no_execution = auth(QUEST, 1, 0);
        refused(execution_auth(&no_execution, "a"), "a.id: execution number");

        let caller = execution_auth(&auth(QUEST, 2, 3), "auth").expect("an execution");
        assert_eq!(caller.execution.to_string(), format!("{QUEST}|2|3"));
        assert!(!format!("{caller:?}").contains("104"), "{caller:?}");
    }

    #[test]
    fn an_execution_token_has_at_least_32_bytes() {
        let request = |length| dm::ActivateExecutionReq {
            auth: auth(QUEST, 1, 1),
            execution_token: vec![7; length],
        };
        refused(
            activate_execution(request(31)),
            "execution_token: has 31 bytes",
        );
        assert!(activate_execution(request(32)).is_ok());
        let no_auth = dm::ActivateExecutionReq {
            auth: None,
            ..request(32)
        };
        refused(activate_execution(no_auth), "auth: is missing");
    }

    #[test]
    fn a_result_is_a_normalized_object_that_is_there() {
        let request = |object: Option<&str>| dm::FinishAttemptReq {
            auth: auth(QUEST, 1, 1),
            data: object.map(|object| dm::JsonResult {
                object: object.to_owned(),
                size: 7,
                expiration: None,
            }),
        };
        refused(finish_attempt(request(None)), "data: is missing");
        refused(finish_attempt(request(Some(""))), "data.object: is empty");
        refused(
            finish_attempt(request(Some("not JSON"))),
            "data: object is malformed: invalid character 'n'",
        );
        refused(
            finish_attempt(request(Some("null"))),
            "data: object is malformed",
        );
        let finish = finish_attempt(request(Some(r#"{ "b":1, "a":2 }"#))).expect("a result");
        assert_eq!(finish.data.object, r#"{"a":2,"b":1}"#);
        assert_eq!(finish.data.size, 13);
    }
}
