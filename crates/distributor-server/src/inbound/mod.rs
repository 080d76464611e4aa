//! What other systems send here on their own: pushes of Pub/Sub, and tasks of external queues.
//!
//! They are no calls of the API: their paths, bodies and answers are those of the systems that send
//! them. It refuses to say what they mean: that is [`distributor_api::notify`]'s.

mod body;
mod push;
mod reply;
mod task;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;

use crate::shared::Shared;

/// The most bytes of a body: 16 MiB. A message of Pub/Sub has up to ten million bytes, and a third more
/// in base64.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Their routes. What follows `/internal/pubsub/` may name a subscription, and is not looked at: the
/// token of a message says what it is about.
pub(crate) fn routes(shared: Shared) -> Router {
    Router::new()
        .route(
            "/_ah/push-handlers/dm-distributor-notify",
            post(push::handle),
        )
        .route("/internal/pubsub", post(push::handle))
        .route("/internal/pubsub/", post(push::handle))
        .route("/internal/pubsub/{*anything}", post(push::handle))
        .route("/tq/distributor/{*name}", post(task::handle))
        .with_state(Arc::new(shared))
}
