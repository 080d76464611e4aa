//! The calls of version 1: who may make them, what they do, and what they answer.

mod admin;
mod calls;
mod endpoint;
mod failure;
mod http;
mod listing;
mod mishap;
mod pubsub;
mod tasks;

pub(crate) use http::serve;

use ::http::StatusCode;
use bytes::Bytes;
use serde_json::Value;

use crate::wire::{Query, Refusal};

/// A request, read completely.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: ::http::Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) bearer: Option<String>,
    pub(crate) body: Bytes,
}

impl Request {
    /// Its body. Nothing is an empty object, as for a client that has nothing to say.
    fn json(&self) -> Result<Value, Refusal> {
        if self.body.is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| Refusal::new("request", format_args!("is not JSON: {error}")))
    }

    fn query(&self) -> Query {
        Query::parse(&self.query)
    }
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Bytes,
}

impl Reply {
    /// An answer; one without anything in it has no body at all.
    fn json(value: &Value) -> Self {
        let empty = value.as_object().is_some_and(serde_json::Map::is_empty);
        match empty {
            true => Reply {
                status: StatusCode::NO_CONTENT,
                ..Reply::of(StatusCode::OK, Bytes::new())
            },
            false => Reply::of(StatusCode::OK, Bytes::from(value.to_string())),
        }
    }

    fn of(status: StatusCode, body: Bytes) -> Self {
        Reply {
            status,
            content_type: "application/json; charset=utf-8",
            retry_after: None,
            body,
        }
    }
}
