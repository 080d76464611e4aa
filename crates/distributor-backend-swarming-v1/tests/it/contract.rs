//! Promises that need no server.

use std::sync::Arc;

use distributor_backend_swarming_v1::Swarming;
use distributor_core::{Config, ConfigSnapshot, Distributor, ErrorKind, Host, QueueTask, Registry};

use crate::server::Server;
use crate::support::{Bench, TestHost, config, message, parameters, token};

/// No runtime is there, and nothing listens at that address.
fn offline() -> Bench {
    Bench::with(message("https://swarming.invalid"))
}

#[test]
fn dc_10_the_kind_is_registered_with_the_number_of_the_original() {
    let registry = Registry::linked().expect("the kinds fit together");
    let mut kinds = registry.descriptors().iter();
    let kind = kinds
        .find(|kind| kind.kind == "swarming_v1")
        .expect("it is linked");
    assert_eq!((kind.number, kind.config_type), (4, "swarmingV1.Config"));
    let text = format!(
        "distributor_configs {{ key: \"farm\" value {{ swarming_v1 {{ {} }} }} }}",
        kind.example
    );
    let file = registry.parse("distributors.cfg", &text, "1");
    let snapshot = file
        .resolve("farm", "dm.example.com")
        .expect("the example is right");
    let host = TestHost::new() as Arc<dyn Host>;
    assert!(registry.build(snapshot, host).is_ok());
}

#[test]
fn dc_56_the_factory_touches_nothing_and_names_what_is_wrong() {
    assert!(format!("{:?}", offline().backend).contains("swarming.invalid"));
    let host = TestHost::new();
    let error = Swarming::new(&config(&message("https://x/y"), &host)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.message().starts_with("config.swarming.host: "),
        "{error}"
    );
    let good = config(&message("https://x"), &host);
    let damaged = ConfigSnapshot {
        content: vec![0xff],
        ..good.snapshot().as_ref().clone()
    };
    let error = Swarming::new(&Config::new(Arc::new(damaged), host)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn dc_42_the_url_is_the_page_of_the_task() {
    let url = offline().backend.info_url(&token("4f2a9c10"));
    assert_eq!(url, "https://swarming.invalid/task?id=4f2a9c10");
}

#[test]
fn dc_43_any_token_has_a_url_without_a_network_and_without_a_runtime() {
    let bench = offline();
    for bogus in ["", "a/b?c#d", "\u{0}\n", "ü 🦀", &"x".repeat(4096)] {
        let url = bench.backend.info_url(&token(bogus));
        assert!(
            url.starts_with("https://swarming.invalid/task?id="),
            "{url}"
        );
        assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
    }
}

#[test]
fn dc_53_parameters_are_checked_with_the_path_of_the_field() {
    let backend = offline().backend;
    assert!(backend.validate(&parameters().to_string()).is_ok());
    for (pointer, value, expected) in [
        ("/scheduling", serde_json::Value::Null, "scheduling"),
        ("/job/command", serde_json::json!([]), "job.command"),
        (
            "/job/inputs/cipd/server",
            serde_json::json!("x"),
            "job.inputs.cipd.server",
        ),
        ("/job/env", serde_json::json!({"": "x"}), "job.env"),
    ] {
        let mut wrong = parameters();
        *wrong.pointer_mut(pointer).expect("it is there") = value;
        let error = backend.validate(&wrong.to_string()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.message().contains(expected), "{error}");
    }
    assert!(backend.validate("{}").is_err());
    assert!(backend.validate(r#"{"shceduling": {}}"#).is_err());
}

#[tokio::test]
async fn dc_50_no_work_is_queued() {
    let task = QueueTask::default();
    let error = offline()
        .backend
        .handle_task_queue_task(task)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!error.is_transient());
}

#[tokio::test]
async fn dc_72_different_executions_have_different_tokens() {
    let server = Server::new(|seen| {
        // As a server that knows no request for the second time.
        let uuid = seen.body["request_uuid"].as_str().expect("a uuid");
        let id = uuid.replace('-', "");
        crate::server::Reply::json(200, &crate::support::created(&id))
    })
    .await;
    let bench = Bench::new(&server);
    let first = bench.run(1).await.expect("it starts");
    let second = bench.run(2).await.expect("it starts");
    assert_ne!(first.token, second.token);
}
