//! Answers, which nobody reads but people who look for a mistake.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// An answer with a reason. That of a failure of ours is nobody's business, and left out.
pub(super) fn refusal(status: StatusCode, reason: &str) -> Response {
    let reason = match status.is_server_error() {
        true => status.canonical_reason().unwrap_or_default(),
        false => reason,
    };
    let mut response = Response::new(Body::from(format!("{reason}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
