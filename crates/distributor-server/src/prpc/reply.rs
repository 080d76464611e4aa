//! The HTTP side of an answer: status, headers, and the table of codes.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use distributor_api::{Code, Status};
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::media::Format;
use crate::budget::Share;
use crate::call::log_failure;
use crate::held::Holding;
use crate::request::RequestError;

const GRPC_CODE: HeaderName = HeaderName::from_static("x-prpc-grpc-code");

/// Why there is no good answer. Most often the code says which HTTP status that is, but not where HTTP
/// itself has a word for it.
#[derive(Debug)]
pub(super) struct Refusal {
    http: StatusCode,
    status: Status,
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        let http = http_status(status.code);
        Refusal { http, status }
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        let http = match error {
            RequestError::TooLarge | RequestError::TooManyValues => StatusCode::PAYLOAD_TOO_LARGE,
            RequestError::TooSlow => StatusCode::REQUEST_TIMEOUT,
            RequestError::Other(status) => return status.into(),
        };
        let status = error.into();
        Refusal { http, status }
    }
}

impl Refusal {
    pub(super) fn new(http: StatusCode, code: Code, message: impl Into<String>) -> Self {
        let status = Status::new(code, message);
        Refusal { http, status }
    }

    pub(super) fn log(&self, path: &str) {
        log_failure(path, &self.status, self.http.is_server_error());
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // The message of a failure of ours may say what is nobody's business.
        let message = match self.http.is_server_error() {
            true => self.http.canonical_reason().unwrap_or_default().to_owned(),
            false => self.status.message,
        };
        let mut response = Response::new(Body::from(message + "\n"));
        *response.status_mut() = self.http;
        let headers = response.headers_mut();
        common(headers, self.status.code as u16, "text/plain");
        if self.http == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}

/// A good answer, whose body is ready to be sent and holds its share until it is.
pub(super) fn good(format: Format, body: Vec<u8>, is_gzip: bool, mut share: Share) -> Response {
    share.cover_reply(body.len());
    let body = Holding::new(Body::from(body), share);
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    common(headers, 0, format.content_type());
    if is_gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn common(headers: &mut HeaderMap, code: u16, content_type: &'static str) {
    headers.insert(GRPC_CODE, HeaderValue::from(code));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(X_CONTENT_TYPE_OPTIONS, nosniff);
}

/// The table of `dm-api.md`, section 7. The protocol's text has 503 for `DeadlineExceeded`, the table and
/// the original have 504; clients look at the code only.
fn http_status(code: Code) -> StatusCode {
    match code {
        // "Client closed request": in use, but in no standard.
        Code::Canceled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::Unknown | Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DataLoss => StatusCode::GONE,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
    }
}
