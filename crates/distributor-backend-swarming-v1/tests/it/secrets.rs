//! What must be seen nowhere: access tokens, the topic's token, the activation token.

use std::io::Write;
use std::sync::{Arc, Mutex};

use distributor_core::{Distributor, Notification};
use tracing_subscriber::fmt::MakeWriter;

use crate::credentials::{file, with};
use crate::server::{Reply, Server};
use crate::support::{Bench, TASK, Topics, execution, failed, quest, token};

/// Where log lines go.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Log;

    fn make_writer(&self) -> Log {
        self.clone()
    }
}

impl Log {
    /// Takes all that is logged on this thread from now on.
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(self.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned()
    }
}

#[tokio::test]
async fn no_secret_is_in_an_error_a_log_line_or_debug_even_if_the_server_sends_it_back() {
    let log = Log::default();
    let _listening = log.listen();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    std::fs::write(&path, "canary-access").expect("a file");
    // As the page of a proxy that helps with debugging, and as JSON with other escapes.
    let server = Server::new(|seen| {
        let access = seen.header("authorization").unwrap_or_default();
        let (topic, secret) = (
            seen.body["pubsub_auth_token"].as_str().unwrap_or_default(),
            seen.body["properties"]["secret_bytes"]
                .as_str()
                .unwrap_or_default(),
        );
        let sent = format!("{access} {topic} {secret}");
        match seen.path.as_str() {
            path if path.ends_with("/new") => Reply::text(403, &format!("<pre>{sent}</pre>")),
            path if path.ends_with("/cancel") => {
                let sent = sent.replace("canary", "can\\u0061ry");
                Reply::text(500, &format!(r#"{{"error":{{"message":"{sent}"}}}}"#))
            }
            path if path.ends_with("/stdout") => Reply::text(200, &format!("\"{sent}\"")),
            _ => Reply::text(403, &sent),
        }
    })
    .await;
    let bench = Bench::with(with(&server.url, file(&path)));
    bench.host.set_topics(Topics::One);
    let backend = &bench.backend;
    let stdout = distributor_core::LogStream::Stdout;
    let notification = Notification::new(execution(1), r#"{"task_id":"4f2a9c10"}"#);
    let errors = [
        failed(bench.run(1).await),
        failed(bench.status(TASK).await),
        failed(backend.cancel(&quest(), &token(TASK)).await),
        failed(backend.read_log(&token(TASK), stdout, 0, 100).await),
        failed(
            backend
                .handle_notification(&quest(), &token(TASK), &notification)
                .await,
        ),
    ];
    let sent = server.seen()[0].clone();
    assert_eq!(sent.header("authorization"), Some("Bearer canary-access"));
    assert_eq!(sent.body["pubsub_auth_token"], "topic-token-of-1");
    let secret = sent.body["properties"]["secret_bytes"]
        .as_str()
        .expect("secret bytes");

    let mut shown = format!("{backend:?}\n{}", log.text());
    for error in &errors {
        shown += &format!(
            "{error}\n{error:?}\n{:?}\n",
            std::error::Error::source(error).map(|it| it.to_string())
        );
    }
    assert!(
        shown.contains("HTTP 403: <pre>Bearer (secret) (secret) (secret)</pre>"),
        "{shown}"
    );
    for secret in ["canary", "topic-token", "activation-token", secret] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn that_the_server_does_not_let_us_in_is_logged_loudly_but_seldom() {
    let log = Log::default();
    let _listening = log.listen();
    let server = Server::new(|_| Reply::text(403, "no permission")).await;
    let bench = Bench::new(&server);
    let complaints = || log.text().matches("ERROR").count();
    for _ in 0..3 {
        failed(bench.status(TASK).await);
    }
    assert_eq!(complaints(), 1);
    assert!(log.text().contains("no permission"), "{}", log.text());
    bench.advance(599);
    failed(bench.status(TASK).await);
    assert_eq!(complaints(), 1);
    bench.advance(1);
    failed(bench.status(TASK).await);
    assert_eq!(complaints(), 2);
}
