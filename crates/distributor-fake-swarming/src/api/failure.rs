//! How a call fails, and how that is told.

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

use super::Reply;
use crate::settings::ErrorShape;
use crate::store::StoreError;
use crate::wire::Refusal;

/// Why a call failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Failure {
            status,
            message: message.into(),
        }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Failure::new(StatusCode::NOT_FOUND, message)
    }

    pub(crate) fn reply(&self, shape: ErrorShape) -> Reply {
        let message = &self.message;
        let body = match shape {
            ErrorShape::Later => json!({ "error": { "message": message } }),
            ErrorShape::FrontEnd => json!({ "error": {
                "code": self.status.as_u16(),
                "errors": [{ "domain": "global", "message": message, "reason": self.reason() }],
                "message": message,
            }}),
        };
        Reply::of(self.status, Bytes::from(body.to_string()))
    }

    /// As Pub/Sub tells it.
    pub(crate) fn pubsub_reply(&self) -> Reply {
        let status = match self.status {
            StatusCode::NOT_FOUND => "NOT_FOUND",
            StatusCode::BAD_REQUEST => "INVALID_ARGUMENT",
            _ => "INTERNAL",
        };
        let code = self.status.as_u16();
        let body = json!({ "error": { "code": code, "message": self.message, "status": status } });
        Reply::of(self.status, Bytes::from(body.to_string()))
    }

    fn reason(&self) -> &'static str {
        match self.status {
            StatusCode::BAD_REQUEST => "badRequest",
            StatusCode::UNAUTHORIZED => "required",
            StatusCode::FORBIDDEN => "forbidden",
            StatusCode::NOT_FOUND => "notFound",
            StatusCode::TOO_MANY_REQUESTS => "rateLimitExceeded",
            _ => "backendError",
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::new(StatusCode::BAD_REQUEST, refusal.0)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}
