//! Tasks of external queues (DC-17, DC-50, DC-71).
//!
//! The answers are those of the original: 403 without a good token, 400 for a configuration that there
//! is not, 500 if the task failed, 200 if it is done.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use distributor_api::notify::{DeliverError, TaskRefusal};
use http::header::CONNECTION;
use http::{HeaderMap, StatusCode};

use super::{MOST_BYTES, body, reply};
use crate::guard;
use crate::request::RequestError;
use crate::shared::Shared;

const PREFIX: &str = "/tq/distributor/";

/// The header with the token that allows to deliver tasks to the configuration.
const TOKEN: &str = "x-distributor-queue-token";

/// Headers about the connection, or with what proves who sends: no backend's business.
const NOT_PASSED_ON: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    TOKEN,
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match deliver(&shared, request).await {
        Ok(()) => reply::empty(StatusCode::OK),
        Err(Refusal { status, reason }) => reply::refusal(status, &reason),
    }
}

/// Why a task was not done.
struct Refusal {
    status: StatusCode,
    reason: String,
}

impl Refusal {
    fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Refusal { status, reason }
    }
}

async fn deliver(shared: &Shared, request: Request) -> Result<(), Refusal> {
    let (parts, body) = request.into_parts();
    let forbidden = |reason: String| Refusal::new(StatusCode::FORBIDDEN, reason);
    guard::check(&parts.headers, &parts.uri, shared.open)
        .map_err(|refused| forbidden(refused.message))?;
    let name = parts.uri.path().strip_prefix(PREFIX).and_then(unescape);
    let name = name.ok_or_else(|| {
        forbidden("the name of the configuration is not query-escaped UTF-8".to_owned())
    })?;
    let token = parts.headers.get(TOKEN).and_then(|it| it.to_str().ok());
    // Before anything of the body is taken.
    let admitted = shared.api.parts().inbound.task_queue.admit(token, &name);
    let delivery = admitted.map_err(|refusal| match refusal {
        TaskRefusal::Forbidden(reason) => forbidden(reason),
        other => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, other.to_string()),
    })?;
    let headers = passed_on(&parts.headers)?;
    let (bytes, share) = body::receive(shared, body).await.map_err(not_received)?;
    let delivered = body::complete(share, delivery.complete(headers, bytes)).await;
    let failed = |reason: String| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, reason);
    match delivered.map_err(|status| failed(status.message))? {
        Ok(()) => Ok(()),
        Err(DeliverError::BadDistributor(_)) => {
            Err(Refusal::new(StatusCode::BAD_REQUEST, "bad distributor"))
        }
        Err(error) => Err(failed(error.to_string())),
    }
}

fn not_received(error: RequestError) -> Refusal {
    let status = match error {
        RequestError::TooLarge => {
            let reason = format!("the body is larger than {MOST_BYTES} bytes");
            return Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, reason);
        }
        RequestError::TooSlow => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    Refusal::new(status, error.to_string())
}

/// What Go's `url.QueryEscape` has made of a name, undone; `None` if it has not made this.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The headers that a backend is given, by their names in lower case. Values of one name are joined.
fn passed_on(headers: &HeaderMap) -> Result<BTreeMap<String, String>, Refusal> {
    let named = headers.get_all(CONNECTION).iter();
    let named: HashSet<String> = named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let mut passed: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        if NOT_PASSED_ON.contains(&name.as_str()) || named.contains(name.as_str()) {
            continue;
        }
        let value = std::str::from_utf8(value.as_bytes()).map_err(|_| {
            let reason = format!("the header {name} is not text in UTF-8");
            Refusal::new(StatusCode::BAD_REQUEST, reason)
        })?;
        passed
            .entry(name.as_str().to_owned())
            .and_modify(|before| {
                before.push_str(", ");
                before.push_str(value);
            })
            .or_insert_with(|| value.to_owned());
    }
    Ok(passed)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn dc_17_names_survive_escaping() {
        for (escaped, name) in [
            ("a", "a"),
            ("a%2Fb", "a/b"),
            ("a%2fb", "a/b"),
            ("a+b", "a b"),
            ("a%20b", "a b"),
            ("a%2Bb", "a+b"),
            ("100%25", "100%"),
            ("a%3Fb%3Dc%26d", "a?b=c&d"),
            ("%C3%BC%F0%9F%A6%80", "ü🦀"),
            ("a%00b", "a\0b"),
            ("", ""),
        ] {
            assert_eq!(unescape(escaped).as_deref(), Some(name), "{escaped}");
        }
    }

    #[test]
    fn what_is_not_escaped_is_no_name() {
        for text in ["%", "a%2", "%zz", "%2", "%+1", "%-1", "%C3", "%ff", "%%"] {
            assert_eq!(unescape(text), None, "{text}");
        }
    }

    #[test]
    fn only_headers_of_the_task_are_passed_on() {
        let mut headers = HeaderMap::new();
        let mut add = |name: &'static str, value: &'static str| {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        };
        for name in NOT_PASSED_ON {
            add(name, "canary, X-Hop");
        }
        add("x-hop", "canary");
        add("x-kind", "a");
        add("x-kind", "b");
        add("content-type", "text/plain");
        let passed = passed_on(&headers).ok().expect("all are text");
        let expected = [("content-type", "text/plain"), ("x-kind", "a, b")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(passed, BTreeMap::from(expected));

        let not_utf8 = HeaderValue::from_bytes(b"\xff").expect("HTTP allows it");
        headers.insert("x-kind", not_utf8);
        let refusal = passed_on(&headers).expect_err("not a text");
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        assert!(refusal.reason.contains("x-kind"));
    }
}
