//! A client of a farm, a receiver of pushes, and waits for what they see.

// Each test binary uses a part of it.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use distributor_fake_swarming::{Farm, ManualClock, Settings, Subscription};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

pub(crate) const BASE: &str = "/_ah/api/swarming/v1";
pub(crate) const TOPIC: &str = "projects/p/topics/notify";
pub(crate) const PULL: &str = "projects/p/subscriptions/pull";
/// Longer than anything that works takes; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A farm, its clock and its state.
pub(crate) struct World {
    pub(crate) farm: Option<Farm>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) client: Client,
    pub(crate) settings: Settings,
    _folder: tempfile::TempDir,
}

impl World {
    /// Starts a farm with one bot and a pull subscription, after `change` of the settings.
    pub(crate) async fn start(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::new(1_700_000_000_000_000));
        let mut settings = Settings::new(folder.path().join("farm"), 1);
        settings.clock = clock.clone();
        settings.subscriptions = vec![pull(PULL)];
        change(&mut settings);
        let farm = Farm::start(settings.clone()).await.expect("a farm");
        World {
            client: Client::of(farm.url()),
            farm: Some(farm),
            clock,
            settings,
            _folder: folder,
        }
    }

    /// Ends the farm and starts it again with the same state.
    pub(crate) async fn restart(&mut self) {
        self.end().await;
        let farm = Farm::start(self.settings.clone()).await.expect("a farm");
        self.client = Client::of(farm.url());
        self.farm = Some(farm);
    }

    pub(crate) async fn end(&mut self) {
        if let Some(farm) = self.farm.take() {
            farm.stop().await;
        }
    }
}

pub(crate) fn pull(name: &str) -> Subscription {
    Subscription {
        name: name.to_owned(),
        topic: TOPIC.to_owned(),
        push: None,
    }
}

pub(crate) fn push(url: &str) -> Subscription {
    Subscription {
        name: "projects/p/subscriptions/push".to_owned(),
        topic: TOPIC.to_owned(),
        push: Some(url.to_owned()),
    }
}

/// A request for a task that is told of, with these variables.
pub(crate) fn task(env: &[(&str, &str)]) -> Value {
    let env: Vec<Value> = env
        .iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect();
    json!({
        "name": "a task",
        "priority": 100,
        "expiration_secs": 600,
        "pubsub_topic": TOPIC,
        "pubsub_auth_token": "token-of-a-test",
        "properties": {
            "command": ["true"],
            "dimensions": [{"key": "pool", "value": "default"}],
            "env": env,
            "execution_timeout_secs": 600,
        },
    })
}

/// A client of one farm.
#[derive(Clone)]
pub(crate) struct Client {
    url: String,
    pub(crate) bearer: Option<String>,
    http: HyperClient<HttpConnector, Full<Bytes>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

impl Client {
    pub(crate) fn of(url: &str) -> Self {
        Client {
            url: url.to_owned(),
            bearer: None,
            // No retries behind the test's back.
            http: HyperClient::builder(TokioExecutor::new())
                .retry_canceled_requests(false)
                .pool_max_idle_per_host(0)
                .build(HttpConnector::new()),
        }
    }

    /// Makes a call; `Err` if no complete answer came.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        if let Some(bearer) = &self.bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::from(body)).expect("a request");
        let answer = async {
            let response = self.http.request(request).await;
            let (parts, body) = response.map_err(|error| error.to_string())?.into_parts();
            let body = body.collect().await.map_err(|error| error.to_string())?;
            Ok(Answer {
                status: parts.status,
                headers: parts.headers,
                body: body.to_bytes(),
            })
        };
        within(answer).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let path = format!("{BASE}/{path}");
        self.call(Method::GET, &path, None)
            .await
            .expect("an answer")
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let path = format!("{BASE}/{path}");
        let answer = self.call(Method::POST, &path, Some(body)).await;
        answer.expect("an answer")
    }

    /// Asks for a task, and names it.
    pub(crate) async fn new_task(&self, request: &Value) -> String {
        let answer = self.post("tasks/new", request).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.json()["task_id"].as_str().expect("an id").to_owned()
    }

    pub(crate) async fn result(&self, id: &str) -> Value {
        self.get(&format!("task/{id}/result")).await.json()
    }

    /// The truth.
    pub(crate) async fn tasks(&self) -> Value {
        let answer = self.call(Method::GET, "/fake/tasks", None).await;
        answer.expect("an answer").json()
    }

    pub(crate) async fn pubsub(&self, name: &str, verb: &str, body: &Value) -> Answer {
        let path = format!("/v1/{name}:{verb}");
        let answer = self.call(Method::POST, &path, Some(body)).await;
        answer.expect("an answer")
    }

    /// Waits for messages of the pull subscription.
    pub(crate) async fn pull(&self) -> Vec<Value> {
        let answer = self
            .pubsub(PULL, "pull", &json!({"maxMessages": 100}))
            .await;
        let messages = answer.json()["receivedMessages"].clone();
        messages.as_array().cloned().unwrap_or_default()
    }

    pub(crate) async fn acknowledge(&self, messages: &[Value]) {
        let ids: Vec<&Value> = messages.iter().map(|one| &one["ackId"]).collect();
        let answer = self
            .pubsub(PULL, "acknowledge", &json!({"ackIds": ids}))
            .await;
        assert_eq!(answer.status, 200);
    }

    /// Waits until a notification brings the news that the task is in this state.
    pub(crate) async fn until(&self, id: &str, state: &str) -> Value {
        loop {
            let result = self.result(id).await;
            if result["state"] == state {
                return result;
            }
            let messages = self.pull().await;
            if !messages.is_empty() {
                self.acknowledge(&messages).await;
            }
        }
    }
}

/// Fails instead of hanging.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("in time")
}

/// What was pushed.
#[derive(Debug)]
pub(crate) struct Pushed {
    pub(crate) body: Value,
}

impl Pushed {
    pub(crate) fn data(&self) -> String {
        use base64::Engine as _;
        let data = self.body["message"]["data"].as_str().expect("data");
        let data = base64::engine::general_purpose::STANDARD.decode(data);
        String::from_utf8(data.expect("base64")).expect("text")
    }

    pub(crate) fn task_id(&self) -> String {
        let data: Value = serde_json::from_str(&self.data()).expect("JSON");
        data["task_id"].as_str().expect("an id").to_owned()
    }
}

/// An endpoint for pushes.
pub(crate) struct Receiver {
    pub(crate) url: String,
    pub(crate) pushed: mpsc::UnboundedReceiver<Pushed>,
    /// The statuses of the next answers; then 204.
    pub(crate) answers: Arc<Mutex<Vec<u16>>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, pushed) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(Vec::new()));
        let script = answers.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, script) = (sender.clone(), script.clone());
                let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let (sender, script) = (sender.clone(), script.clone());
                    async move {
                        let body = request.into_body().collect().await?.to_bytes();
                        let body = serde_json::from_slice(&body).expect("JSON");
                        let status = {
                            let mut script = script.lock().expect("unbroken");
                            match script.is_empty() {
                                true => 204,
                                false => script.remove(0),
                            }
                        };
                        let _test_is_over = sender.send(Pushed { body });
                        let mut response = Response::new(Full::<Bytes>::default());
                        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
                        Ok::<_, hyper::Error>(response)
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Receiver {
            url: format!("http://{address}/push"),
            pushed,
            answers,
        }
    }

    pub(crate) async fn next(&mut self) -> Pushed {
        within(self.pushed.recv()).await.expect("a push")
    }
}
