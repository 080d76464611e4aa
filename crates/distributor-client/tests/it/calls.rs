//! Single calls.

use std::sync::Arc;

use distributor_client::{Client, ClientError, Code, ConnectOptions, RetryPolicy};
use distributor_proto::{control, dm};
use tokio::net::TcpListener;
use tonic::Status;

use crate::fake::Fake;

fn wanted() -> control::FindQuestsRequest {
    control::FindQuestsRequest {
        prefix: "abc".to_owned(),
        limit: 3,
    }
}

#[tokio::test]
async fn a_call_has_its_path_its_message_and_its_caller() {
    let fake = Fake::new().await;
    fake.answers(control::FindQuestsResponse {
        quests: vec![dm::quest::Id {
            id: "abcd".to_owned(),
        }],
    });
    let found = fake.client().find_quests(wanted()).await.unwrap();
    assert_eq!(found.quests[0].id, "abcd");
    let asked = &fake.asked()[0];
    assert_eq!(asked.path, "/distributor.control.Control/FindQuests");
    assert_eq!(asked.decode::<control::FindQuestsRequest>(), wanted());
    assert_eq!(asked.authorization.as_deref(), Some("Bearer hunter2"));
}

#[tokio::test]
async fn transient_failures_are_met_with_the_identical_call() {
    let fake = Fake::new().await;
    fake.fails(Code::Unavailable)
        .fails(Code::Internal)
        .fails(Code::Unknown)
        .answers(control::FindQuestsResponse::default());
    fake.client().find_quests(wanted()).await.unwrap();
    let asked = fake.asked();
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|it| *it == asked[0]), "{asked:?}");
}

#[tokio::test]
async fn other_failures_and_the_last_one_are_told() {
    let fake = Fake::new().await;
    fake.fails(Code::NotFound);
    let error = fake.client().find_quests(wanted()).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert_eq!(error.to_string(), "as told");
    assert_eq!(fake.asked().len(), 1);
    for _ in 0..11 {
        fake.fails(Code::Unavailable);
    }
    let error = fake.client().find_quests(wanted()).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert_eq!(fake.asked().len(), 1 + 11);
}

#[tokio::test]
async fn a_watch_is_not_repeated() {
    let fake = Fake::new().await;
    fake.fails(Code::Unavailable);
    let request = control::WatchRequest::default();
    let opened = fake.client().watch(request).await;
    let code = match opened {
        Err(error) => error.code(),
        Ok(mut stream) => stream.message().await.unwrap_err().code(),
    };
    assert_eq!(code, Code::Unavailable);
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn nobody_there_is_unavailable_and_says_why() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let options = ConnectOptions {
        retry: RetryPolicy::never(),
        ..ConnectOptions::default()
    };
    let client = Client::new(&address, &options).unwrap();
    let error = client.find_quests(wanted()).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_wrong_address_is_refused_with_advice() {
    let options = ConnectOptions::default();
    for address in [
        "",
        "http://",
        "ftp://host:1",
        "http://host:1/prpc",
        "http://user@host:1",
        "http://:1",
        "host:port",
        "http://a b",
    ] {
        let error = Client::new(address, &options).unwrap_err();
        assert!(matches!(error, ClientError::Address { .. }), "{address}");
        assert!(error.to_string().contains("http://HOST:PORT"), "{error}");
    }
    for address in ["host:1", "http://host:1", "http://[::1]:1/"] {
        Client::new(address, &options).unwrap();
    }
    let bearer = ConnectOptions {
        bearer: Some("canary\n".to_owned()),
        ..ConnectOptions::default()
    };
    let error = Client::new("host:1", &bearer).unwrap_err();
    assert!(!format!("{error} {error:?} {bearer:?}").contains("canary"));
}

#[tokio::test]
async fn https_does_not_fall_back_to_http() {
    let fake = Fake::new().await;
    let options = ConnectOptions {
        retry: RetryPolicy::never(),
        ..ConnectOptions::default()
    };
    // It may fail at once, where the system has no certificates to trust.
    if let Ok(client) = Client::new(&format!("https://{}", fake.address), &options) {
        client.find_quests(wanted()).await.unwrap_err();
    }
    assert!(fake.asked().is_empty());
}

/// Seen when a service was killed just as a call was about to go out on its connection.
#[test]
fn a_call_that_its_connection_has_cancelled_may_be_made_again() {
    let mut broken = Status::cancelled("operation was canceled");
    let answered = ClientError::from(Box::new(broken.clone()));
    assert_eq!(answered.code(), Code::Cancelled);
    broken.set_source(Arc::new(std::io::Error::other("connection closed")));
    let broken = ClientError::from(Box::new(broken));
    assert_eq!(broken.code(), Code::Unavailable);
    assert!(broken.to_string().contains("connection closed"), "{broken}");
}
