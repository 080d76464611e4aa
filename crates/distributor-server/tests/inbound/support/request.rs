//! Requests of other systems, byte by byte.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::ground::http::{ask, connect};

pub(crate) struct Reply {
    pub(crate) status: u16,
    /// In lower case, one line each.
    pub(crate) headers: String,
    pub(crate) body: String,
}

/// The body of a push, as Pub/Sub writes it.
pub(crate) fn pushed(data: &[u8], attributes: &[(&str, &str)]) -> Vec<u8> {
    let attributes: Map<String, Value> = attributes
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let body = json!({
        "message": {
            "attributes": attributes,
            "data": STANDARD.encode(data),
            "messageId": "2070443601311540", "message_id": "2070443601311540",
            "publishTime": "2021-02-26T19:13:55.749Z", "publish_time": "2021-02-26T19:13:55.749Z",
        },
        "subscription": "projects/a-project/subscriptions/push",
    });
    body.to_string().into_bytes()
}

pub(crate) async fn post(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let mut lines = String::new();
    for (name, value) in headers {
        lines.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = body.len();
    let start = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {length}\r\n{lines}\r\n"
    );
    raw(address, &[start.as_bytes(), body].concat()).await
}

/// A whole request on a connection of its own.
pub(crate) async fn raw(address: SocketAddr, request: &[u8]) -> Reply {
    let answer = ask(connect(address).await, request).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
    Reply {
        status: status.expect("a status"),
        headers: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}
