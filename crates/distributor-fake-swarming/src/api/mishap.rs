//! What the script lets happen around a call.

use bytes::Bytes;
use http::StatusCode;

use super::Reply;
use super::failure::Failure;
use crate::faults::Fault;
use crate::shared::Shared;

/// What comes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A reply.
    Reply(Reply),
    /// The first half of a reply; then the connection is closed.
    Half(Reply),
    /// The connection is closed.
    Nothing,
}

/// Makes a call, unless the fault prevents it, and spoils the reply, if the fault does.
pub(super) async fn around(
    shared: &Shared,
    fault: Option<Fault>,
    act: impl FnOnce() -> Reply,
) -> Outcome {
    let clock = shared.clock();
    match fault {
        None => Outcome::Reply(act()),
        Some(Fault::Status {
            status,
            retry_after,
        }) => Outcome::Reply(Reply {
            retry_after,
            ..excuse(shared, status)
        }),
        Some(Fault::Lost) => {
            act();
            Outcome::Nothing
        }
        Some(Fault::FailAfter(status)) => {
            act();
            Outcome::Reply(excuse(shared, status))
        }
        Some(Fault::HangBefore(time)) => {
            clock.sleep_until(clock.now().saturating_add(time)).await;
            Outcome::Nothing
        }
        Some(Fault::HangAfter(time)) => {
            act();
            clock.sleep_until(clock.now().saturating_add(time)).await;
            Outcome::Nothing
        }
        Some(Fault::Truncate) => Outcome::Half(act()),
        Some(Fault::Garbage(status)) => {
            act();
            Outcome::Reply(Reply {
                status: status_code(status),
                content_type: "text/html",
                retry_after: None,
                body: Bytes::from_static(b"<html><h1>Something went wrong</h1>{\"task_id\":"),
            })
        }
    }
}

fn excuse(shared: &Shared, status: u16) -> Reply {
    let failure = Failure::new(status_code(status), "as the fault script wants it");
    failure.reply(shared.settings.errors)
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
