//! What is sent for a new task, and that a repetition finds it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use distributor_core::{Applied, Distributor, TaskResult, TaskState, dm};
use serde_json::{Value, json};

use crate::server::{Reply, Server};
use crate::support::{Bench, TASK, Topics, created, execution, failed, parameters, request, task};

/// Makes one task for each `request_uuid`, as the real one.
#[derive(Debug, Default)]
struct Farm {
    tasks: Mutex<HashMap<String, String>>,
}

impl Farm {
    fn create(&self, body: &Value) -> Value {
        let uuid = body["request_uuid"].as_str().expect("a uuid").to_owned();
        let mut tasks = self.tasks.lock().expect("no panic");
        let next = format!("{:x}0", 0xa0 + tasks.len());
        created(tasks.entry(uuid).or_insert(next))
    }

    fn count(&self) -> usize {
        self.tasks.lock().expect("no panic").len()
    }
}

#[tokio::test]
async fn dc_73_the_request_is_complete() {
    let server = Server::scripted([Reply::json(200, &created(TASK))]).await;
    let started = Bench::new(&server).run(1).await.expect("it starts");
    assert_eq!(started.token.0, TASK);
    assert_eq!(started.state, TaskState::Pending);

    let seen = server.seen();
    assert_eq!(server.calls(), ["POST tasks/new"]);
    let agent = seen[0].header("user-agent").expect("a user agent");
    assert!(agent.starts_with("distributor/"), "{agent}");
    assert_eq!(seen[0].header("authorization"), None);
    assert_eq!(seen[0].query, []);

    let mut body = seen[0].body.clone();
    let uuid = body["request_uuid"].take();
    assert_eq!(uuid.as_str().map(str::len), Some(36));
    let secret = body["properties"]["secret_bytes"].take();
    assert!(
        secret
            .as_str()
            .is_some_and(|secret| secret.starts_with("eyJ")),
        "base64 of JSON"
    );
    let id = execution(1);
    let expected = json!({
        "name": id.to_string(),
        "priority": "100",
        "expiration_secs": "604800",
        "properties": {
            "command": ["bin/tool", "--dm=dm.example.com"],
            "dimensions": [
                {"key": "os", "value": "Linux"},
                {"key": "pool", "value": "default"},
            ],
            "env": [{"key": "LANG", "value": "C"}],
            "cipd_input": {
                "server": "https://packages.example.com",
                "packages": [{"path": ".", "package_name": "a/b", "version": "latest"}],
            },
            "execution_timeout_secs": "601140",
            "grace_period_secs": "30",
            "io_timeout_secs": "0",
            "idempotent": false,
            "secret_bytes": null,
        },
        "tags": [
            "requestor:DM",
            "requestor:dm.example.com",
            "requestor:swarming_v1",
            format!("quest:{}", id.attempt.quest),
            format!("attempt:{}", id.attempt),
            format!("execution:{id}"),
        ],
        "request_uuid": null,
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn dc_18_the_topic_and_its_token_go_with_the_request() {
    let server = Server::scripted([Reply::json(200, &created(TASK))]).await;
    let bench = Bench::new(&server);
    bench.host.set_topics(Topics::One);
    let started = bench.run(3).await.expect("it starts");
    // Insurance for a lost notification (DC-35).
    assert!(started.poll_timeout >= Duration::from_secs(3_600));
    let body = &server.seen()[0].body;
    assert_eq!(
        body["pubsub_topic"],
        "projects/p/topics/dm-distributor-notify"
    );
    assert_eq!(body["pubsub_auth_token"], "topic-token-of-3");
}

#[tokio::test]
async fn without_a_topic_the_host_asks_and_never_waits_for_ever() {
    let server = Server::scripted([Reply::json(200, &created(TASK))]).await;
    let started = Bench::new(&server).run(1).await.expect("it starts");
    assert!(!started.poll_timeout.is_zero());
    assert!(started.poll_timeout <= Duration::from_secs(600));
    let body = server.seen()[0].body.clone();
    assert_eq!(body.get("pubsub_topic"), None);
    assert_eq!(body.get("pubsub_auth_token"), None);
}

#[tokio::test]
async fn a_topic_that_cannot_be_had_now_is_waited_for() {
    let server = Server::scripted([]).await;
    let bench = Bench::new(&server);
    bench.host.set_topics(Topics::NotNow);
    assert!(failed(bench.run(1).await).is_transient());
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn publishing_can_be_turned_off() {
    let server = Server::scripted([Reply::json(200, &created(TASK))]).await;
    let mut message = crate::support::message(&server.url);
    message.set_publish(distributor_backend_swarming_v1::proto::config::Publish::Never);
    let bench = Bench::with(message);
    bench.host.set_topics(Topics::One);
    bench.run(1).await.expect("it starts");
    assert_eq!(server.seen()[0].body.get("pubsub_topic"), None);
}

#[tokio::test]
async fn dc_26_a_repetition_after_a_lost_answer_finds_its_own_task() {
    let farm = Arc::new(Farm::default());
    let (created, lost) = (Arc::clone(&farm), Mutex::new(true));
    let server = Server::new(move |seen| {
        let answer = created.create(&seen.body);
        match std::mem::take(&mut *lost.lock().expect("no panic")) {
            true => Reply::close(),
            false => Reply::json(200, &answer),
        }
    })
    .await;
    let bench = Bench::new(&server);
    let error = failed(bench.run(1).await);
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(error.applied(), Applied::Unknown);
    let found = bench.run(1).await.expect("it is found");
    assert_eq!(found.token.0, "a00");
    assert_eq!(farm.count(), 1);
    // Also after a restart of the service, by another instance.
    let again = Bench::new(&server).run(1).await.expect("it is found");
    assert_eq!(again.token, found.token);
    assert_eq!(bench.run(2).await.expect("it starts").token.0, "a10");
}

#[tokio::test]
async fn dc_26_two_runs_at_once_give_one_task() {
    let farm = Arc::new(Farm::default());
    let created = Arc::clone(&farm);
    let server = Server::new(move |seen| Reply::json(200, &created.create(&seen.body))).await;
    let bench = Bench::new(&server);
    let (a, b) = tokio::join!(bench.run(1), bench.run(1));
    assert_eq!(a.expect("it starts").token, b.expect("it starts").token);
    assert_eq!(farm.count(), 1);
}

#[tokio::test]
async fn dc_26_a_dropped_run_is_found_by_the_next_one() {
    let farm = Arc::new(Farm::default());
    let (created, first) = (Arc::clone(&farm), Mutex::new(true));
    let server = Server::new(move |seen| {
        let answer = created.create(&seen.body);
        match std::mem::take(&mut *first.lock().expect("no panic")) {
            true => Reply::Hang,
            false => Reply::json(200, &answer),
        }
    })
    .await;
    let bench = Bench::new(&server);
    tokio::select! {
        answer = bench.run(1) => panic!("nobody answered: {answer:?}"),
        () = server.asked(1) => {}
    }
    assert_eq!(bench.run(1).await.expect("it is found").token.0, "a00");
    assert_eq!(farm.count(), 1);
}

#[tokio::test]
async fn a_task_that_is_over_already_needs_no_question() {
    let mut answer = created(TASK);
    answer["task_result"] = json!({"state": "COMPLETED", "exit_code": "0"});
    let mut running = created(TASK);
    running["task_result"] = task("RUNNING");
    let server = Server::scripted([Reply::json(200, &answer), Reply::json(200, &running)]).await;
    let bench = Bench::new(&server);
    let started = bench.run(1).await.expect("it starts");
    let TaskState::Finished(TaskResult::Data(data)) = started.state else {
        panic!("{started:?}");
    };
    assert_eq!(data.object, "{}");
    assert_eq!(
        bench.run(1).await.expect("it starts").state,
        TaskState::Running
    );
}

#[tokio::test]
async fn dc_25_the_previous_result_pins_packages_and_dimensions() {
    let server = Server::scripted([Reply::json(200, &created(TASK))]).await;
    let mut run = request(2);
    run.previous_result = Some(dm::JsonResult {
        object: json!({
            "cipd_pins": {"by_path": {"": {"pkg": [{"name": "a/b", "version": "iid"}]}}},
            "snapshot_dimensions": {"os": "Ubuntu-24.04"},
        })
        .to_string(),
        ..Default::default()
    });
    Bench::new(&server)
        .backend
        .run(run)
        .await
        .expect("it starts");
    let properties = server.seen()[0].body["properties"].clone();
    assert_eq!(properties["cipd_input"]["packages"][0]["version"], "iid");
    assert_eq!(properties["dimensions"][0]["value"], "Ubuntu-24.04");
}

#[tokio::test]
async fn dc_28_wrong_parameters_are_refused_before_anything_is_sent() {
    let server = Server::scripted([]).await;
    let mut wrong = parameters();
    wrong["scheduling"]["priority"] = json!(256);
    let mut quest = crate::support::quest();
    quest.distributor_parameters = wrong.to_string();
    let mut run = request(1);
    run.quest = Arc::new(quest);
    let error = failed(Bench::new(&server).backend.run(run).await);
    assert!(!error.is_transient());
    assert!(
        error
            .message()
            .contains("scheduling.priority: must be at most 255, got 256"),
        "{error}"
    );
    assert!(server.calls().is_empty());
}
