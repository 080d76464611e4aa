//! The promises of the contract that need no graph.

use std::sync::Arc;

use distributor_backend_jobsim::{Jobsim, proto};
use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::quest::desc;
use distributor_core::{
    Config, ConfigSnapshot, Distributor, ErrorKind, QueueTask, Registry, TaskState, Token,
};

use crate::support::{Bench, Method, World, config, request};

#[tokio::test]
async fn dc_26_running_one_execution_again_starts_nothing() {
    let bench = Bench::new();
    let id = bench.submit(r#"{"name":"x","stages":[{"stall":{"delay":"60s"}}]}"#, 1);
    let start = bench.next_start();
    let first = bench.try_run(start.clone()).await.expect("it starts");
    assert_eq!(first.token, Token(format!("main|{}", id.execution(1))));
    assert_eq!(bench.try_run(start.clone()).await.expect("known"), first);
    bench.world.clock.pass_a_sleep().await;
    bench.notification().await;
    let again = bench.try_run(start).await.expect("known");
    assert_eq!(again.token, first.token);
    assert!(matches!(again.state, TaskState::Finished(_)));
    assert_eq!(bench.world.calls(Method::Activate).len(), 1);
}

#[tokio::test]
async fn dc_27_a_run_with_another_activation_token_replaces_what_nobody_knows() {
    let bench = Bench::new();
    let id = bench.submit(r#"{"name":"x"}"#, 1);
    let start = bench.next_start();
    let mut lost = start.clone();
    lost.activation_token = vec![1; 32];
    bench.try_run(lost).await.expect("it starts");
    bench
        .world
        .wait(|| !bench.world.calls(Method::Activate).is_empty())
        .await;
    bench.world.graph().starts.push(start);
    assert_eq!(bench.object(id).await, r#"{"success":true,"value":"1"}"#);
}

#[tokio::test]
async fn dc_72_executions_have_tokens_of_their_own() {
    let bench = Bench::new();
    let mut tokens = Vec::new();
    for (name, number) in [("x", 1), ("x", 2), ("y", 1)] {
        bench.submit(&format!(r#"{{"name":"{name}"}}"#), number);
        tokens.push(
            bench
                .try_run(bench.next_start())
                .await
                .expect("it starts")
                .token,
        );
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 3);
}

#[tokio::test]
async fn dc_28_a_malformed_phrase_is_a_permanent_error() {
    let bench = Bench::new();
    for (phrase, message) in [
        ("{}", "parameters: name: is required: name the job"),
        (
            r#"{"name":"x","stages":[{}]}"#,
            "parameters: stages[0]: empty stage: set `failure`, `stall` or `deps`",
        ),
    ] {
        let (status, reason) = bench.abnormal(bench.submit(phrase, 1)).await;
        assert_eq!(status, Status::Rejected);
        assert_eq!(reason, message);
    }
}

#[tokio::test]
async fn a_simple_quest_is_refused() {
    let bench = Bench::new();
    bench.submit(r#"{"name":"x"}"#, 1);
    let mut start = bench.next_start();
    start.desc.meta = Some(desc::Meta {
        simple: Some(desc::meta::Simple::default()),
        ..Default::default()
    });
    let error = bench.try_run(start).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().starts_with("meta.simple: "), "{error}");
}

#[tokio::test]
async fn dc_53_distributor_parameters_are_an_empty_object() {
    let bench = Bench::new();
    bench.backend.validate("{}").expect("nothing");
    bench.backend.validate("{ }").expect("nothing");
    for parameters in [r#"{"name":"x"}"#, r#"{"a":{}}"#, "null", "[]", "", "{} {}"] {
        let error = bench.backend.validate(parameters).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{parameters}");
        assert!(
            error.message().starts_with("distributor_parameters: "),
            "{error}"
        );
    }
    bench.submit(r#"{"name":"x"}"#, 1);
    let mut request = request(&bench.next_start());
    let mut quest = request.quest.as_ref().clone();
    quest.distributor_parameters = r#"{"name":"x"}"#.to_owned();
    request.quest = Arc::new(quest);
    assert!(bench.backend.run(request).await.is_err());
}

#[tokio::test]
async fn dc_43_any_token_has_a_url() {
    let bench = Bench::new();
    let url = |token: &str| bench.backend.info_url(&Token(token.to_owned()));
    assert_eq!(url("main|Q|1|2"), "jobsim://sim/ver/rev-7/tok/main|Q|1|2");
    assert_eq!(url(""), "jobsim://sim/ver/rev-7/tok/");
    assert_eq!(
        url("a b/c?\n"),
        "jobsim://sim/ver/rev-7/tok/a%20b%2Fc%3F%0A"
    );
}

#[tokio::test]
async fn dc_50_no_work_is_queued() {
    let bench = Bench::new();
    let task = QueueTask::default();
    let error = bench
        .backend
        .handle_task_queue_task(task)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn dc_10_the_kind_is_registered_with_its_number() {
    let registry = Registry::linked().expect("the kinds fit together");
    let kind = registry
        .descriptors()
        .iter()
        .find(|kind| kind.kind == "jobsim");
    let kind = kind.expect("it is linked");
    assert_eq!((kind.number, kind.config_type), (2048, "jobsim.Config"));
    let text = r#"distributor_configs { key: "sim" value { jobsim { pool: "" } } }"#;
    let file = registry.parse("distributors.cfg", text, "1");
    let snapshot = file.resolve("sim", "dm.example.com").expect("it is there");
    let host = Arc::clone(config(&proto::Config::default(), &World::new(None)).host());
    let Err(error) = registry.build(snapshot, host) else {
        panic!("a pool without a name");
    };
    assert_eq!(error.to_string(), "pool must not be empty");
}

#[tokio::test]
async fn a_host_without_api_is_told_what_to_do() {
    let pool = "main".to_owned();
    let content = proto::Config {
        pool,
        do_pollback: false,
    };
    let with = config(&content, &World::new(None));
    let snapshot = ConfigSnapshot {
        dm_host: String::new(),
        ..with.snapshot().as_ref().clone()
    };
    let backend = Jobsim::new(&Config::new(Arc::new(snapshot), Arc::clone(with.host())));
    let bench = Bench::new();
    bench.submit(r#"{"name":"x"}"#, 1);
    let run = backend
        .expect("a good configuration")
        .run(request(&bench.next_start()))
        .await;
    let error = run.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("distributor serve"), "{error}");
}
