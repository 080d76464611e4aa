//! Pushes of Google Pub/Sub (DC-70).
//!
//! The status is all that Pub/Sub looks at: 204 ends a message, and any other sends it again. So 204 is
//! the answer to everything that is done, and to all that would be as hopeless the next time.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use distributor_api::notify::{MessageError, Outcome, PubsubMessage, PushRefusal, Verdict};
use distributor_api::{Api, Status};
use http::request::Parts;
use http::{StatusCode, header};

use super::{MOST_BYTES, body, reply};
use crate::call::{MOST_BYTES_HERE, compute};
use crate::guard;
use crate::request::RequestError;
use crate::shared::Shared;

pub(super) async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if let Err(refused) = guard::check(&parts.headers, &parts.uri, shared.open) {
        return reply::refusal(StatusCode::FORBIDDEN, &refused.message);
    }
    if let Err(refusal) = check_caller(&shared.api, &parts).await {
        shared.api.parts().inbound.receiver.refused_caller(&refusal);
        return reply::refusal(status(&refusal), &refusal.to_string());
    }
    let outcome = match receive(&shared, body).await {
        Ok(outcome) => outcome,
        Err(failure) => failure.count(&shared.api),
    };
    match outcome.verdict() {
        Verdict::Ack => reply::empty(StatusCode::NO_CONTENT),
        Verdict::Nack => reply::empty(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn check_caller(api: &Api, parts: &Parts) -> Result<(), PushRefusal> {
    let Some(callers) = &api.parts().inbound.push_callers else {
        return Ok(());
    };
    let values = parts.headers.get_all(header::AUTHORIZATION);
    let values: Vec<&[u8]> = values.iter().map(|it| it.as_bytes()).collect();
    callers.check(&values).await
}

fn status(refusal: &PushRefusal) -> StatusCode {
    match refusal {
        PushRefusal::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        PushRefusal::WrongCaller(_) => StatusCode::FORBIDDEN,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn receive(shared: &Shared, body: Body) -> Result<Outcome, Failure> {
    let (bytes, share) = body::receive(shared, body).await?;
    let is_large = bytes.len() > MOST_BYTES_HERE;
    let parse = move || PubsubMessage::from_push(&bytes).map_err(Failure::Malformed);
    let message = compute(is_large, parse).await?;
    let api = shared.api.clone();
    let handle = async move { api.parts().inbound.receiver.handle(message).await };
    Ok(body::complete(share, handle).await?)
}

/// Why there is no message.
enum Failure {
    /// It will be the same the next time.
    Malformed(MessageError),
    /// It may get through the next time.
    Passing(Status),
}

impl Failure {
    fn count(self, api: &Api) -> Outcome {
        let receiver = &api.parts().inbound.receiver;
        match self {
            Failure::Malformed(problem) => receiver.malformed(&problem),
            Failure::Passing(status) => receiver.deferred(&status.message),
        }
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Failure::Passing(status)
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::TooLarge => {
                Failure::Malformed(MessageError::TooLarge { most: MOST_BYTES })
            }
            other => Failure::Passing(other.into()),
        }
    }
}
