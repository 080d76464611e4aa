//! A server that plays the API and refuses what the real one would refuse.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

pub(super) const NAME: &str = "projects/p/subscriptions/s";

/// What goes wrong with one call.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// It is not done.
    Refuse(u16, Option<&'static str>),
    /// It is not done, and there is no answer.
    Hang,
    /// It is done, and the answer is this.
    Say(u16, String),
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    /// Waiting: message ids and messages.
    queue: VecDeque<(String, Value)>,
    /// Taken, by what they are acknowledged.
    leased: BTreeMap<String, (String, Value)>,
    deliveries: u64,
    faults: BTreeMap<&'static str, VecDeque<Fault>>,
    /// Every call as it came.
    pub(super) calls: Vec<(String, Value)>,
    pub(super) authorizations: Vec<Option<String>>,
    pub(super) acknowledged: BTreeSet<String>,
    /// What the real one would have refused.
    pub(super) complaints: Vec<String>,
}

/// Something that waits for changes can look at all of it.
#[derive(Debug, Clone)]
pub(super) struct Server(pub(super) Arc<watch::Sender<Inner>>);

impl Server {
    pub(super) fn new() -> Self {
        Server(Arc::new(watch::Sender::default()))
    }

    pub(super) fn serve(&self, listener: TcpListener) {
        let router = Router::new()
            .route("/v1/projects/{project}/subscriptions/{method}", post(call))
            .fallback(async || (StatusCode::NOT_FOUND, "no such method"))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
    }

    pub(super) fn publish(&self, id: impl Into<String>, message: Value) {
        let id = id.into();
        self.0.send_modify(|it| it.queue.push_back((id, message)));
    }

    /// A message that says its own id.
    pub(super) fn publish_plain(&self, id: &str) {
        self.publish(
            id,
            json!({ "data": "eA==", "messageId": id, "message_id": id, "publishTime": "t" }),
        );
    }

    pub(super) fn fail(&self, method: &'static str, fault: Fault) {
        self.0
            .send_modify(|it| it.faults.entry(method).or_default().push_back(fault));
    }

    /// All deadlines pass: what was taken and not acknowledged waits again.
    pub(super) fn expire(&self) {
        self.0.send_modify(|it| {
            let leased = std::mem::take(&mut it.leased);
            it.queue.extend(leased.into_values());
        });
    }

    pub(super) async fn wait_until(&self, mut is_so: impl FnMut(&Inner) -> bool) {
        let mut inner = self.0.subscribe();
        inner.wait_for(|it| is_so(it)).await.unwrap();
    }

    pub(super) async fn wait_acknowledged(&self, ids: &[&str]) {
        self.wait_until(|it| ids.iter().all(|id| it.acknowledged.contains(*id)))
            .await;
    }

    pub(super) fn calls_of(&self, method: &str) -> Vec<Value> {
        let inner = self.0.borrow();
        let calls = inner.calls.iter().filter(|(name, _)| name == method);
        calls.map(|(_, body)| body.clone()).collect()
    }
}

async fn call(
    State(server): State<Server>,
    Path((project, method)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let method = method.strip_prefix("s:").unwrap_or("none").to_owned();
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut fault = None;
    server.0.send_modify(|it| {
        it.calls.push((method.clone(), request.clone()));
        let shown = headers.get("authorization");
        it.authorizations
            .push(shown.map(|value| value.to_str().unwrap().to_owned()));
        if let Some(complaint) = complaint(&project, &method, &headers, &request) {
            it.complaints.push(complaint);
        }
        fault = it
            .faults
            .get_mut(method.as_str())
            .and_then(VecDeque::pop_front);
    });
    match fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Refuse(code, retry_after)) => {
            let error = json!({ "error": { "code": code, "message": "as told", "status": "X" } });
            let status = StatusCode::from_u16(code).unwrap();
            let mut response = (status, error.to_string()).into_response();
            if let Some(seconds) = retry_after {
                let headers = response.headers_mut();
                headers.insert("retry-after", seconds.parse().unwrap());
            }
            response
        }
        Some(Fault::Say(code, body)) => {
            if method != "pull" {
                server.act(&method, &request).await;
            }
            (StatusCode::from_u16(code).unwrap(), body).into_response()
        }
        None => server
            .act(&method, &request)
            .await
            .to_string()
            .into_response(),
    }
}

impl Server {
    async fn act(&self, method: &str, request: &Value) -> Value {
        let ids = || {
            let ids = request["ackIds"].as_array().cloned().unwrap_or_default();
            ids.into_iter().map(|id| id.as_str().unwrap().to_owned())
        };
        match method {
            "pull" => {
                let mut changes = self.0.subscribe();
                changes.wait_for(|it| !it.queue.is_empty()).await.unwrap();
                let mut received = Vec::new();
                self.0.send_modify(|it| {
                    let most = request["maxMessages"].as_u64().unwrap() as usize;
                    for (id, message) in it.queue.drain(..most.min(it.queue.len())) {
                        it.deliveries += 1;
                        let ack_id = format!("ack-{id}-{}", it.deliveries);
                        received.push(json!({ "ackId": ack_id, "message": message }));
                        it.leased.insert(ack_id, (id, message));
                    }
                });
                json!({ "receivedMessages": received })
            }
            "acknowledge" => {
                self.0.send_modify(|it| {
                    for ack_id in ids() {
                        if let Some((id, _)) = it.leased.remove(&ack_id) {
                            it.acknowledged.insert(id);
                        }
                    }
                });
                json!({})
            }
            _ => json!({}),
        }
    }
}

/// What is wrong with a request.
fn complaint(project: &str, method: &str, headers: &HeaderMap, body: &Value) -> Option<String> {
    let keys: Vec<&str> = match body.as_object() {
        Some(body) => body.keys().map(String::as_str).collect(),
        None => return Some(format!("{method}: no object: {body}")),
    };
    let has_ids = body["ackIds"]
        .as_array()
        .is_some_and(|ids| !ids.is_empty() && ids.iter().all(Value::is_string));
    let in_range = |field: &str, from: u64, to: u64| {
        body[field]
            .as_u64()
            .is_some_and(|it| (from..=to).contains(&it))
    };
    let good = project == "p"
        && headers
            .get("content-type")
            .is_some_and(|it| it == "application/json")
        && match method {
            "pull" => keys == ["maxMessages"] && in_range("maxMessages", 1, 1000),
            "acknowledge" => keys == ["ackIds"] && has_ids,
            "modifyAckDeadline" => {
                keys == ["ackDeadlineSeconds", "ackIds"]
                    && has_ids
                    && in_range("ackDeadlineSeconds", 0, 600)
            }
            _ => false,
        };
    (!good).then(|| format!("{method}: {body}"))
}
