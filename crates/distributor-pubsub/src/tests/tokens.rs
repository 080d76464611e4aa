//! Tokens: shown to the API, renewed when they were refused, and kept from an emulator.

use std::sync::Arc;

use tokio::net::TcpListener;

use super::clock::TestClock;
use super::server::{Fault, NAME, Server};
use crate::{Client, CredentialSource, Credentials, Endpoint};

async fn server() -> (Server, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = Server::new();
    server.serve(listener);
    server.publish_plain("1");
    (server, address)
}

fn credentials(line: String, clock: &Arc<TestClock>) -> Credentials {
    Credentials::new(CredentialSource::Command(line), clock.clone())
}

#[tokio::test]
async fn a_token_that_was_refused_is_not_shown_again() {
    let (server, address) = server().await;
    let clock = Arc::new(TestClock::new());
    let folder = tempfile::tempdir().unwrap();
    let calls = folder.path().join("calls");
    let line = format!("echo x >> '{0}'; echo t$(wc -l < '{0}')", calls.display());
    let endpoint = Endpoint::emulator(&address).unwrap();
    let client = Client::for_test(endpoint, credentials(line, &clock), clock);
    let subscription = NAME.parse().unwrap();
    server.fail("pull", Fault::Refuse(401, None));
    let error = client.pull(&subscription, 1).await.unwrap_err();
    assert_eq!(error.to_string(), "HTTP 401: as told");
    assert_eq!(client.pull(&subscription, 1).await.unwrap().len(), 1);
    client
        .acknowledge(&subscription, &["a".to_owned()])
        .await
        .unwrap();
    let shown = server.0.borrow().authorizations.clone();
    let expected = ["Bearer t1", "Bearer t2", "Bearer t2"];
    assert_eq!(shown, expected.map(|it| Some(it.to_owned())));
    assert!(!format!("{client:?}").contains("Bearer"));
}

#[tokio::test]
async fn an_emulator_is_shown_no_token() {
    let (server, address) = server().await;
    let clock = Arc::new(TestClock::new());
    let credentials = credentials("echo canary".to_owned(), &clock);
    let endpoint = Endpoint::emulator(&address).unwrap();
    let client = Client::new(endpoint, Some(credentials), clock).unwrap();
    let pulled = client.pull(&NAME.parse().unwrap(), 1).await.unwrap();
    assert_eq!(pulled.len(), 1);
    assert_eq!(server.0.borrow().authorizations, [None]);
}
