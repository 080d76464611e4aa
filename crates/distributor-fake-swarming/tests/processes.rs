//! Tasks that run for real, as processes of this machine.

mod common;

use std::time::Duration;

use common::{World, task};
use distributor_fake_swarming::faults::Script;
use serde_json::{Value, json};

async fn world() -> World {
    World::start(|settings| settings.run_commands = true).await
}

fn shell(script: &str, env: &[(&str, &str)]) -> Value {
    let mut request = task(env);
    request["properties"]["command"] = json!(["/bin/sh", "-c", script]);
    request
}

/// Waits until the task has written this: it shows it by being asked for its output.
async fn output(world: &World, id: &str) -> String {
    let answer = world.client.get(&format!("task/{id}/stdout")).await.json();
    answer["output"].as_str().unwrap_or_default().to_owned()
}

async fn until_output(world: &World, id: &str, wanted: &str) {
    common::within(async {
        while !output(world, id).await.contains(wanted) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_command_runs_with_its_variables_and_secret_and_its_output_is_kept() {
    let world = world().await;
    let script = "echo out $A; echo err >&2; pwd; stat -c %a \"$LUCI_CONTEXT\"; \
                  cat \"$LUCI_CONTEXT\"; echo; echo $SWARMING_TASK_ID; exit 3";
    let mut request = shell(script, &[("A", "b")]);
    request["properties"]["secret_bytes"] = json!("c2VjcmV0");
    request["properties"]["relative_cwd"] = json!("below");
    let id = world.client.new_task(&request).await;
    let result = world.client.until(&id, "COMPLETED").await;
    assert_eq!(result["exit_code"], "3");
    let output = output(&world, &id).await;
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(&lines[..2], ["out b", "err"]);
    assert!(lines[2].ends_with("/root/below"), "{output}");
    assert_eq!(lines[3], "600");
    assert_eq!(lines[4], r#"{"swarming":{"secret_bytes":"c2VjcmV0"}}"#);
    assert_eq!(result["run_id"], lines[5]);
    let part = world
        .client
        .get(&format!("task/{id}/stdout?offset=4&length=1"))
        .await;
    assert_eq!(part.json()["output"], "b");
    // Its folder is gone, and with it the secret.
    let mut left = std::fs::read_dir(world.settings.state.join("work")).expect("a folder");
    assert!(left.next().is_none());
}

#[tokio::test]
async fn only_so_much_output_is_kept() {
    let world = World::start(|settings| {
        settings.run_commands = true;
        settings.output_cap = 10;
    })
    .await;
    let id = world
        .client
        .new_task(&shell("echo 0123456789abc; echo more", &[]))
        .await;
    world.client.until(&id, "COMPLETED").await;
    assert_eq!(output(&world, &id).await, "0123456789");
}

#[tokio::test]
async fn a_cancelled_command_gets_a_signal_and_its_group_with_it() {
    let world = world().await;
    let script = "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 1000 & wait $!; done";
    let id = world.client.new_task(&shell(script, &[])).await;
    until_output(&world, &id, "ready").await;
    let cancel = json!({"kill_running": true});
    let answer = world
        .client
        .post(&format!("task/{id}/cancel"), &cancel)
        .await;
    assert_eq!(answer.json(), json!({"ok": true, "was_running": true}));
    let result = world.client.until(&id, "KILLED").await;
    assert_eq!(result["exit_code"], "5");
    assert!(output(&world, &id).await.contains("bye"));
}

#[tokio::test]
async fn a_command_that_ignores_the_signal_is_killed_after_its_grace() {
    let world = world().await;
    let script = "trap 'echo no' TERM; echo ready; while :; do sleep 1000 & wait $!; done";
    let mut request = shell(script, &[]);
    request["properties"]["grace_period_secs"] = json!(7);
    let id = world.client.new_task(&request).await;
    until_output(&world, &id, "ready").await;
    let cancel = json!({"kill_running": true});
    world
        .client
        .post(&format!("task/{id}/cancel"), &cancel)
        .await;
    until_output(&world, &id, "no").await;
    assert_eq!(world.client.result(&id).await["state"], "RUNNING");
    world.clock.advance(Duration::from_secs(7));
    let result = world.client.until(&id, "KILLED").await;
    assert_eq!(result["exit_code"], "-9");
}

#[tokio::test]
async fn a_command_that_runs_or_is_silent_for_too_long_times_out() {
    for (name, value) in [("execution_timeout_secs", 60), ("io_timeout_secs", 60)] {
        let world = world().await;
        let mut request = shell("echo ready; exec sleep 1000", &[]);
        request["properties"][name] = json!(value);
        let id = world.client.new_task(&request).await;
        until_output(&world, &id, "ready").await;
        world.clock.advance(Duration::from_secs(60));
        let result = world.client.until(&id, "TIMED_OUT").await;
        assert_eq!(
            (&result["exit_code"], &result["failure"]),
            (&json!("-15"), &json!(true))
        );
    }
}

#[tokio::test]
async fn a_command_that_cannot_be_started_has_failed() {
    let world = world().await;
    let mut request = task(&[]);
    request["properties"]["command"] = json!(["/no/such/program"]);
    let id = world.client.new_task(&request).await;
    let result = world.client.until(&id, "COMPLETED").await;
    assert_eq!(result["exit_code"], "-1");
    assert!(output(&world, &id).await.contains("cannot run the command"));
}

#[tokio::test]
async fn a_bot_that_dies_takes_its_command_with_it() {
    let world = World::start(|settings| {
        settings.run_commands = true;
        let text = "bots = {die = 1.0, within_seconds = 10.0}";
        settings.faults = Some(Script::parse(text).expect("good"));
    })
    .await;
    let id = world
        .client
        .new_task(&shell("echo $$; exec sleep 1000", &[]))
        .await;
    until_output(&world, &id, "\n").await;
    let pid = output(&world, &id).await;
    world.clock.advance(Duration::from_secs(10));
    let result = world.client.until(&id, "BOT_DIED").await;
    assert_eq!(result["internal_failure"], true);
    gone(pid.trim()).await;
}

#[tokio::test]
async fn a_farm_that_ends_leaves_nothing_running() {
    let mut world = world().await;
    let id = world
        .client
        .new_task(&shell("echo $$; exec sleep 1000", &[]))
        .await;
    until_output(&world, &id, "\n").await;
    let pid = output(&world, &id).await;
    world.end().await;
    gone(pid.trim()).await;
}

/// Waits until no process of this id runs; what is dead and not yet collected does not.
async fn gone(pid: &str) {
    let stat = format!("/proc/{pid}/stat");
    let alive = || {
        let text = std::fs::read_to_string(&stat).unwrap_or_default();
        let state = text
            .rsplit(')')
            .next()
            .and_then(|rest| rest.trim().chars().next());
        state.is_some_and(|state| state != 'Z')
    };
    common::within(async {
        while alive() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn no_more_commands_run_than_there_are_bots() {
    let world = world().await;
    let first = world
        .client
        .new_task(&shell("echo ready; exec sleep 1000", &[]))
        .await;
    until_output(&world, &first, "ready").await;
    let second = world.client.new_task(&shell("true", &[])).await;
    assert_eq!(world.client.result(&second).await["state"], "PENDING");
    let cancel = json!({"kill_running": true});
    world
        .client
        .post(&format!("task/{first}/cancel"), &cancel)
        .await;
    world.client.until(&second, "COMPLETED").await;
}

#[tokio::test]
async fn a_task_that_says_how_it_ends_is_not_run() {
    let world = world().await;
    let id = world
        .client
        .new_task(&shell("exit 9", &[("FAKE_STATE", "COMPLETED")]))
        .await;
    assert_eq!(world.client.until(&id, "COMPLETED").await["exit_code"], "0");
}
