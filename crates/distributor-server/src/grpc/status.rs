//! The API's status as gRPC has it.

use distributor_api::{Code, Status};
use http::{HeaderMap, Response};
use tonic::body::Body;

use crate::call::log_failure;

/// As gRPC has it: the numbers are the same.
fn to_tonic(status: Status) -> tonic::Status {
    let code = tonic::Code::from_i32(status.code as i32);
    // The message of a failure of ours may say what is nobody's business.
    let message = match is_ours(&status) {
        true => "the service failed; its log says more".to_owned(),
        false => status.message,
    };
    tonic::Status::new(code, message)
}

fn is_ours(status: &Status) -> bool {
    matches!(status.code, Code::Internal | Code::Unknown | Code::DataLoss)
}

/// The answer to a call of `path` that failed.
pub(super) fn failure(path: &str, status: Status) -> Response<Body> {
    log_failure(path, &status, is_ours(&status));
    to_tonic(status).into_http()
}

/// The trailers of an answer that ends with this status.
pub(super) fn trailers(status: Status) -> HeaderMap {
    headers(&to_tonic(status))
}

/// The trailers of a good answer.
pub(super) fn success() -> HeaderMap {
    headers(&tonic::Status::new(tonic::Code::Ok, ""))
}

fn headers(status: &tonic::Status) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Err(error) = status.add_header(&mut headers) {
        tracing::error!("a status cannot be sent: {error}");
    }
    headers
}
