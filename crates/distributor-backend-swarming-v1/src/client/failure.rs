//! Foreign failures become ours: what went wrong, whether to try again, whether it may have happened.
//!
//! It refuses to decide anything by the text of an answer; the status is authoritative.

use std::time::Duration;

use distributor_core::{Error, ErrorKind};
use http::StatusCode;

use super::reason;
use super::transport::{Answer, Broken};

/// What a request was for, which decides how bad its refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To start a task. A refusal is the end of the execution (DC-28), so it must be about the request.
    Start,
    /// To learn of a task, or to end it. The task is there whatever happens to this request, so only an
    /// answer about the task itself is permanent; the rest is the operator's problem.
    Manage,
}

/// The whole table of swarming-v1 §1, by status. `secrets` are what the server might send back.
pub(super) fn refused(
    purpose: Purpose,
    endpoint: &str,
    answer: &Answer,
    secrets: &[&str],
) -> Error {
    let status = answer.status;
    if purpose == Purpose::Manage && status == StatusCode::NOT_FOUND {
        // The words of the original; they become the reason of MISSING (DC-40).
        return Error::new(ErrorKind::NotFound, "swarming: notFound");
    }
    let reason = reason::of(&answer.body, secrets);
    let reason = match (reason.is_empty(), &answer.location) {
        (false, _) => reason,
        (true, Some(_)) => {
            "a redirect, which is not followed: is `swarming.url` right, and are there \
                            credentials?"
                .to_owned()
        }
        (true, None) => "no reason given".to_owned(),
    };
    let message = format!("swarming: {endpoint}: HTTP {}: {reason}", status.as_u16());
    let error = Error::new(kind(status), message);
    match class(purpose, status) {
        Class::Permanent => error,
        Class::Refused => later(error, answer.retry_after).not_applied(),
        Class::Unclear => later(error, answer.retry_after).maybe_applied(),
    }
}

enum Class {
    /// It did not happen and never will.
    Permanent,
    /// It did not happen and may later.
    Refused,
    /// It may have happened.
    Unclear,
}

fn class(purpose: Purpose, status: StatusCode) -> Class {
    match (status.as_u16(), purpose) {
        (429, _) => Class::Refused,
        // A proxy in between may answer so although the server goes on.
        (408 | 500..=599, _) => Class::Unclear,
        (400, _) | (_, Purpose::Start) => Class::Permanent,
        (_, Purpose::Manage) => Class::Refused,
    }
}

fn kind(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        401 => ErrorKind::Unauthenticated,
        403 => ErrorKind::PermissionDenied,
        404 => ErrorKind::NotFound,
        408 | 504 => ErrorKind::Timeout,
        429 => ErrorKind::ResourceExhausted,
        500..=599 => ErrorKind::Unavailable,
        400..=499 => ErrorKind::InvalidArgument,
        // A redirect, or what no answer should be.
        _ => ErrorKind::Config,
    }
}

fn later(error: Error, after: Option<Duration>) -> Error {
    match after {
        Some(delay) => error.retry_after(delay),
        None => error.transient(),
    }
}

/// No answer: transient whatever the request was for.
pub(super) fn broken(endpoint: &str, broken: Broken) -> Error {
    let error =
        |kind, text: &str| Error::new(kind, format!("swarming: {endpoint}: {text}")).transient();
    match broken {
        Broken::Unsent(cause) => {
            let text = "the server cannot be reached";
            error(ErrorKind::Unavailable, text)
                .not_applied()
                .because(cause)
        }
        Broken::Interrupted(cause) => {
            error(ErrorKind::Unavailable, "the answer was lost").because(cause)
        }
        Broken::Late(limit) => {
            let text = format!("no answer within {} s", limit.as_secs_f64());
            error(ErrorKind::Timeout, &text)
        }
        Broken::Endless => error(ErrorKind::Unavailable, "the answer has more than 32 MiB"),
        Broken::Unprepared(cause) => cause,
    }
}

/// A good status with a body that says nothing: transient, because nothing is known of the task but
/// that the server answers.
pub(super) fn garbled(endpoint: &str, text: &str) -> Error {
    let message = format!("swarming: {endpoint}: the answer makes no sense: {text}");
    Error::new(ErrorKind::Unavailable, message).transient()
}
