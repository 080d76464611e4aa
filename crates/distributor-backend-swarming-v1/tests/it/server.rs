//! A server of HTTP/1.1 that answers as ordered, also wrongly.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What the server was asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// `null` if there is none.
    pub(crate) body: Value,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// `METHOD PATH` below the API.
    pub(crate) fn call(&self) -> String {
        let path = self.path.strip_prefix("/_ah/api/swarming/v1/");
        format!("{} {}", self.method, path.expect("below the API"))
    }

    /// The id in the path.
    pub(crate) fn task(&self) -> &str {
        self.path.split('/').nth_back(1).expect("a path with an id")
    }
}

/// What it does then.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Sends nothing and keeps the connection until the test is over.
    Hang,
}

impl Reply {
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut bytes = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n");
        for (name, value) in headers {
            bytes += &format!("{name}: {value}\r\n");
        }
        if status != 204 {
            bytes += &format!("Content-Length: {}\r\n", body.len());
        }
        let mut bytes = (bytes + "\r\n").into_bytes();
        bytes.extend(body);
        Reply::Bytes(bytes)
    }

    pub(crate) fn status(status: u16) -> Self {
        Reply::new(status, &[], b"")
    }

    pub(crate) fn text(status: u16, text: &str) -> Self {
        Reply::new(status, &[("Content-Type", "text/html")], text.as_bytes())
    }

    pub(crate) fn json(status: u16, json: &Value) -> Self {
        let headers = [("Content-Type", "application/json; charset=UTF-8")];
        Reply::new(status, &headers, json.to_string().as_bytes())
    }

    /// The connection is closed without an answer.
    pub(crate) fn close() -> Self {
        Reply::Bytes(Vec::new())
    }

    /// The same answer without its last bytes.
    pub(crate) fn truncated(self, missing: usize) -> Self {
        match self {
            Reply::Bytes(mut bytes) => {
                bytes.truncate(bytes.len() - missing);
                Reply::Bytes(bytes)
            }
            Reply::Hang => Reply::Hang,
        }
    }
}

type Handler = dyn Fn(&Seen) -> Reply + Send + Sync;

pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    count: watch::Receiver<usize>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Answers each request as `handler` says.
    pub(crate) async fn new(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (sender, count) = watch::channel(0);
        let handler: Arc<Handler> = Arc::new(handler);
        let all = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            let sender = Arc::new(sender);
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (handler, all, sender) =
                    (Arc::clone(&handler), Arc::clone(&all), Arc::clone(&sender));
                connections.spawn(async move {
                    serve(stream, handler.as_ref(), &all, &sender).await;
                });
            }
        });
        Server {
            url,
            seen,
            count,
            accepting,
        }
    }

    /// Answers with these in turn; a request too many gets 418, which no test expects.
    pub(crate) async fn scripted(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies: Mutex<VecDeque<Reply>> = Mutex::new(replies.into_iter().collect());
        Server::new(move |_| {
            let reply = replies.lock().expect("no panic").pop_front();
            reply.unwrap_or_else(|| Reply::text(418, "one request too many"))
        })
        .await
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.seen().iter().map(Seen::call).collect()
    }

    /// Returns once so many requests have come in whole.
    pub(crate) async fn asked(&self, times: usize) {
        let mut count = self.count.clone();
        count
            .wait_for(|count| *count >= times)
            .await
            .expect("the server is there");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    handler: &Handler,
    all: &Mutex<Vec<Seen>>,
    count: &watch::Sender<usize>,
) {
    let Some(seen) = read(&mut stream).await else {
        return;
    };
    let reply = handler(&seen);
    all.lock().expect("no panic").push(seen);
    count.send_modify(|count| *count += 1);
    match reply {
        Reply::Bytes(bytes) => {
            // Whoever asked may be gone.
            let _gone = stream.write_all(&bytes).await;
            let _gone = stream.shutdown().await;
        }
        Reply::Hang => std::future::pending().await,
    }
}

/// One whole request; nothing if the connection ends before.
async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("a head in ASCII");
    let mut lines = head.split("\r\n");
    let mut first = lines.next().expect("a first line").split(' ');
    let method = first.next().expect("a method").to_owned();
    let target = first.next().expect("a target").to_owned();
    assert_eq!(first.next(), Some("HTTP/1.1"));
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").expect("a header");
            (name.to_lowercase(), value.to_owned())
        })
        .collect();
    let header = |name: &str| headers.iter().find(|(found, _)| found == name);
    let length = header("content-length").map_or(0, |(_, value)| value.parse().expect("a length"));
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    // As strict as the real one.
    assert_eq!(
        header("accept").map(|(_, value)| value.as_str()),
        Some("*/*")
    );
    if method == "POST" {
        let (_, kind) = header("content-type").expect("a POST has a type");
        assert_eq!(kind, "application/json");
    } else {
        assert!(body.is_empty(), "a body in a {method}");
    }
    let url = url::Url::parse(&format!("http://host{target}")).expect("a target");
    let body = match body.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&body).expect("a body in JSON"),
    };
    Some(Seen {
        method,
        path: url.path().to_owned(),
        query: url.query_pairs().into_owned().collect(),
        headers,
        body,
    })
}
