//! Calls over HTTP: what they answer, whom they refuse, and what is left after a restart.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{World, task};
use distributor_fake_swarming::{Caller, ErrorShape, Farm, StartError};
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

#[tokio::test]
async fn a_task_comes_to_its_end_and_is_shown_in_the_wire_form() {
    let world = World::start(|_| {}).await;
    let mut request = task(&[("FAKE_EXIT_CODE", "3")]);
    request["tags"] = json!(["quest:q"]);
    request["properties"]["secret_bytes"] = json!("Y2FuYXJ5");
    request["properties"]["cipd_input"] = json!({
        "client_package": {"package_name": "tools/${platform}", "version": "latest"},
        "packages": [{"package_name": "a", "version": "v:1", "path": "bin"}],
    });
    let new = world.client.post("tasks/new", &request).await.json();
    let id = new["task_id"].as_str().expect("an id");
    assert!(id.ends_with('0'));
    assert_eq!(new["request"]["priority"], "100");
    assert_eq!(new["request"]["expiration_secs"], "600");
    assert_eq!(
        new["request"]["properties"]["secret_bytes"],
        "PFJFREFDVEVEPg=="
    );
    assert!(new["request"].get("pubsub_auth_token").is_none());
    let result = world.client.until(id, "COMPLETED").await;
    assert_eq!(result["exit_code"], "3");
    assert_eq!(result["failure"], true);
    assert!(result.get("internal_failure").is_none());
    assert_eq!(result["created_ts"], "2023-11-14T22:13:20");
    assert_eq!(result["current_task_slice"], "0");
    assert!(result["run_id"].as_str().expect("a run").ends_with('1'));
    assert_eq!(result["bot_id"], "bot-1");
    let pool = json!({"key": "pool", "value": ["default"]});
    assert!(
        result["bot_dimensions"]
            .as_array()
            .expect("a list")
            .contains(&pool)
    );
    let pins = &result["cipd_pins"];
    assert_eq!(pins["client_package"]["package_name"], "tools/linux-amd64");
    assert_eq!(pins["packages"][0]["path"], "bin");
    assert_eq!(
        pins["packages"][0]["version"].as_str().map(str::len),
        Some(44)
    );
    let tags = result["tags"].as_array().expect("a list");
    assert!(tags.contains(&json!("quest:q")) && tags.contains(&json!("pool:default")));
    // The run's id names the same task.
    let run = result["run_id"].as_str().expect("a run");
    assert_eq!(world.client.result(run).await["task_id"], id);
    let request = world.client.get(&format!("task/{id}/request")).await.json();
    assert_eq!(request["name"], "a task");
    let stdout = world.client.get(&format!("task/{id}/stdout")).await.json();
    assert_eq!(stdout, json!({"state": "COMPLETED"}));
}

#[tokio::test]
async fn lists_counts_states_and_cancels_by_tags() {
    let world = World::start(|_| {}).await;
    let mut request = task(&[("FAKE_STATE", "RUNNING")]);
    request["tags"] = json!(["a:b"]);
    let runs = world.client.new_task(&request).await;
    world.client.until(&runs, "RUNNING").await;
    let waits = world.client.new_task(&request).await;
    let other = world.client.new_task(&task(&[])).await;
    let list = world.client.get("tasks/list?tags=a:b&limit=1").await.json();
    assert_eq!(list["items"][0]["task_id"], waits.as_str());
    let cursor = list["cursor"].as_str().expect("a cursor");
    let path = format!("tasks/list?tags=a:b&limit=1&cursor={cursor}");
    let list = world.client.get(&path).await.json();
    assert_eq!(list["items"][0]["task_id"], runs.as_str());
    assert!(list.get("cursor").is_none());
    let requests = world.client.get("tasks/requests?tags=a:b").await.json();
    assert_eq!(requests["items"].as_array().map(Vec::len), Some(2));
    let count = world
        .client
        .get("tasks/count?state=PENDING&tags=a:b")
        .await
        .json();
    assert_eq!(count["count"], "1");
    let path = format!("tasks/get_states?task_id={waits}&task_id={runs}&task_id=abc0");
    let states = world.client.get(&path).await.json();
    assert_eq!(states["states"], json!(["PENDING", "RUNNING", "PENDING"]));
    let bots = world
        .client
        .get("bots/count?dimensions=pool:default")
        .await
        .json();
    assert_eq!((&bots["count"], &bots["busy"]), (&json!("1"), &json!("1")));
    let bots = world.client.get("bots/list?is_busy=FALSE").await.json();
    assert!(bots.get("items").is_none());
    let cancel = json!({"tags": ["a:b"], "kill_running": true});
    let answer = world.client.post("tasks/cancel", &cancel).await.json();
    assert_eq!(answer["matched"], "2");
    world.client.until(&waits, "CANCELED").await;
    world.client.until(&runs, "KILLED").await;
    world.client.until(&other, "COMPLETED").await;
    let details = world.client.get("server/details").await.json();
    assert_eq!(details["server_version"], "fake-1");
    let permissions = world.client.get("server/permissions").await.json();
    assert_eq!(permissions["list_tasks"], json!(["default"]));
}

#[tokio::test]
async fn a_cancel_answers_as_a_farm_does() {
    let world = World::start(|settings| settings.kill_seconds = 5.0).await;
    let runs = world
        .client
        .new_task(&task(&[("FAKE_STATE", "RUNNING")]))
        .await;
    world.client.until(&runs, "RUNNING").await;
    let path = format!("task/{runs}/cancel");
    let cancel = json!({"kill_running": true});
    let answer = world.client.post(&path, &cancel).await.json();
    assert_eq!(answer, json!({"ok": true, "was_running": true}));
    assert_eq!(world.client.result(&runs).await["state"], "RUNNING");
    let answer = world.client.post(&path, &cancel).await.json();
    assert_eq!(answer, json!({"ok": false, "was_running": true}));
    world.clock.advance(Duration::from_secs(5));
    world.client.until(&runs, "KILLED").await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_right_status() {
    let world = World::start(|settings| {
        settings.callers = vec![Caller {
            token: "secret".to_owned(),
            identity: "user:me".to_owned(),
        }];
        settings.pools = vec!["empty".to_owned()];
    })
    .await;
    let mut client = world.client.clone();
    assert_eq!(client.post("tasks/new", &task(&[])).await.status, 401);
    client.bearer = Some("stale".to_owned());
    assert_eq!(client.post("tasks/new", &task(&[])).await.status, 401);
    client.bearer = Some("secret".to_owned());
    let mut request = task(&[]);
    request["properties"]["dimensions"][0]["value"] = json!("foreign");
    assert_eq!(client.post("tasks/new", &request).await.status, 403);
    request["properties"]["dimensions"][0]["value"] = json!("empty");
    let id = client.new_task(&request).await;
    assert_eq!(client.result(&id).await["state"], "NO_RESOURCE");
    request["priority"] = json!(0);
    let answer = client.post("tasks/new", &request).await;
    assert_eq!(answer.status, 400);
    let reason = "priority: must be between 1 and 255, got 0";
    assert_eq!(answer.json(), json!({"error": {"message": reason}}));
    for (path, status) in [
        ("task/5f300000000ffff0/result", 404),
        ("task/xyz/result", 400),
        ("task/5f300000000ffff2/result", 400),
        ("tasks/list?limit=0", 400),
        ("tasks/list?state=HAPPY", 400),
        ("tasks/list?cursor=x", 400),
        ("tasks/list?no_such=1", 400),
        ("tasks/get_states", 400),
        ("bots/list?is_dead=true", 400),
        ("task/5f300000000ffff0/nothing", 404),
        ("tasks/new", 404),
    ] {
        assert_eq!(client.get(path).await.status, status, "{path}");
    }
    for (path, body, status) in [
        ("task/5f300000000ffff0/cancel", json!({}), 404),
        (
            "task/5f300000000ffff0/cancel",
            json!({"kill_running": "yes"}),
            400,
        ),
        ("tasks/cancel", json!({}), 400),
        ("tasks/cancel", json!({"tags": ["a:b"], "limit": 1001}), 400),
        ("tasks/new", json!([]), 400),
    ] {
        assert_eq!(client.post(path, &body).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn errors_come_in_both_shapes() {
    let world = World::start(|settings| settings.errors = ErrorShape::FrontEnd).await;
    let answer = world
        .client
        .get("task/5f300000000ffff0/result")
        .await
        .json();
    assert_eq!(answer["error"]["code"], 404);
    assert_eq!(answer["error"]["errors"][0]["reason"], "notFound");
    assert_eq!(
        answer["error"]["message"],
        answer["error"]["errors"][0]["message"]
    );
}

#[tokio::test]
async fn a_dry_run_makes_no_task() {
    let world = World::start(|_| {}).await;
    let mut request = task(&[]);
    request["evaluate_only"] = json!(true);
    let answer = world.client.post("tasks/new", &request).await.json();
    assert_eq!(answer["request"]["name"], "a task");
    assert!(answer.get("task_id").is_none());
    assert_eq!(world.client.tasks().await["created"], 0);
}

#[tokio::test]
async fn a_repeated_request_finds_its_task_also_after_a_restart() {
    let mut world = World::start(|_| {}).await;
    let mut request = task(&[("FAKE_STATE", "PENDING")]);
    request["request_uuid"] = json!("u-1");
    let first = world.client.new_task(&request).await;
    assert_eq!(world.client.new_task(&request).await, first);
    world.restart().await;
    assert_eq!(world.client.new_task(&request).await, first);
    let tasks = world.client.tasks().await;
    assert_eq!(tasks["created"], 1);
    assert_eq!(tasks["tasks"][0]["asked"], 3);
    assert_eq!(tasks["tasks"][0]["request_uuid"], "u-1");
}

#[tokio::test]
async fn a_restart_keeps_everything_but_the_bots() {
    let mut world = World::start(|_| {}).await;
    let done = world
        .client
        .new_task(&task(&[("FAKE_EXIT_CODE", "4")]))
        .await;
    world.client.until(&done, "COMPLETED").await;
    let runs = world
        .client
        .new_task(&task(&[("FAKE_STATE", "RUNNING")]))
        .await;
    world.client.until(&runs, "RUNNING").await;
    let waits = world.client.new_task(&task(&[])).await;
    world.restart().await;
    assert_eq!(world.client.result(&done).await["exit_code"], "4");
    let died = world.client.result(&runs).await;
    assert_eq!(
        (&died["state"], &died["internal_failure"]),
        (&json!("BOT_DIED"), &json!(true))
    );
    world.client.until(&waits, "COMPLETED").await;
}

#[tokio::test]
async fn two_farms_do_not_share_a_state() {
    let world = World::start(|_| {}).await;
    let second = Farm::start(world.settings.clone()).await;
    assert!(matches!(second, Err(StartError::State { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_clients_at_once_get_their_own_tasks() {
    let world = World::start(|settings| settings.subscriptions.clear()).await;
    let mut clients = JoinSet::new();
    for number in 0..10 {
        let client = world.client.clone();
        clients.spawn(async move {
            let mut ids = Vec::new();
            for task_number in 0..20 {
                let mut request = task(&[("FAKE_STATE", "PENDING")]);
                // Each is asked for by two clients.
                request["request_uuid"] = json!(format!("{}-{task_number}", number / 2));
                ids.push(client.new_task(&request).await);
                let id = ids.last().expect("one");
                assert_eq!(client.result(id).await["state"], "PENDING");
            }
            ids
        });
    }
    let mut ids = BTreeSet::new();
    while let Some(done) = clients.join_next().await {
        ids.extend(done.expect("a client"));
    }
    assert_eq!(ids.len(), 100);
    let tasks = world.client.tasks().await;
    assert_eq!(tasks["created"], 100);
    let all = tasks["tasks"].as_array().expect("a list");
    assert!(all.iter().all(|task: &Value| task["asked"] == 2));
    let unknown = world.client.call(Method::GET, "/nothing", None).await;
    assert_eq!(unknown.expect("an answer").status, 404);
}
