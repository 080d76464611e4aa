//! The API's status as gRPC has it.

use distributor_api::Status;
use http::HeaderMap;
use tonic::Code;

/// As gRPC has it: the numbers are the same.
pub(super) fn to_tonic(status: Status) -> tonic::Status {
    tonic::Status::new(Code::from_i32(status.code as i32), status.message)
}

/// The trailers of a stream that ends with this status.
pub(super) fn trailers(status: Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if let Err(error) = to_tonic(status).add_header(&mut trailers) {
        tracing::error!("a status cannot be sent: {error}");
    }
    trailers
}
