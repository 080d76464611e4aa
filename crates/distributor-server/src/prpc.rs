//! pRPC: `POST /prpc/<service>/<method>` in binary, JSON and text (`dm-api.md`, section 7).

use axum::Router;
use distributor_api::Api;

use crate::listener::Shared;

/// The routes below `/prpc/`.
pub(crate) fn routes(shared: Shared) -> Router {
    let _to_be_written: (&Api,) = (&shared.api,);
    Router::new()
}
