//! Which requests go where.

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;

use crate::grpc::{self, Grpc};
use crate::shared::Shared;

/// All that is served on the port.
pub(super) fn routes(shared: Shared, grpc: Grpc) -> Router {
    crate::prpc::routes(shared.clone())
        .merge(crate::inbound::routes(shared))
        .route("/healthz", get(|| async { "ok" }))
        .fallback(move |request| elsewhere(grpc.clone(), request))
}

/// gRPC has no path of its own, but a content type.
async fn elsewhere(grpc: Grpc, request: Request) -> Response {
    if grpc::is_grpc(&request) {
        return grpc.serve(request).await.into_response();
    }
    let help = format!(
        "there is nothing at {}: calls go to /prpc/SERVICE/METHOD over HTTP/1.1 or HTTP/2 (JSON, binary \
         or text), or to /SERVICE/METHOD as gRPC (POST, HTTP/2, content type application/grpc); \
         /healthz says whether the service is up\n",
        request.uri().path()
    );
    (StatusCode::NOT_FOUND, help).into_response()
}
