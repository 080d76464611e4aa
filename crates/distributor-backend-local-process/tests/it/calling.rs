//! Tasks whose jobs call the API: what they are given for that, and that it is gone with them.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{Distributor, RunRequest, TaskResult, Token, dm};
use serde_json::{Value, json};

use crate::support::*;

/// An activation token whose traces are easy to look for.
const CANARY: &[u8] = b"canary-canary-canary-canary-canary";

/// Starts a job that calls the API.
async fn start(service: &Service, number: u32, parameters: Value) -> Token {
    run(service, calling(request(number, parameters), CANARY)).await
}

async fn run(service: &Service, request: RunRequest) -> Token {
    in_time(service.backend.run(request)).await.unwrap().token
}

async fn stdout(service: &mut Service, request: RunRequest) -> String {
    let token = run(service, request).await;
    let data = data(service.finished(&token).await);
    data["stdout_tail"].as_str().unwrap().to_owned()
}

/// The token as it is, and as the context file holds it.
fn traces() -> [String; 2] {
    let auth = format!(
        r#"{{"id":{{"quest":"{}","attempt":1,"id":1}},"token":"{}"}}"#,
        "A".repeat(43),
        STANDARD.encode(CANARY)
    );
    [STANDARD.encode(CANARY), STANDARD.encode(auth)]
}

/// The files under `folder` that hold a trace of the token.
fn files_with_traces(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(content) = fs::read(&path) else {
                continue;
            };
            let content = String::from_utf8_lossy(&content);
            let raw = String::from_utf8_lossy(CANARY);
            if content.contains(&*raw) || traces().iter().any(|trace| content.contains(trace)) {
                found.push(path.file_name().unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found
}

#[tokio::test]
async fn a_job_finds_its_authorization_where_luci_puts_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new(&folder.path().join("state"), &config());
    let request = calling(request(7, shell("cat $LUCI_CONTEXT")), CANARY);
    let context: Value = serde_json::from_str(&stdout(&mut service, request).await).unwrap();
    let secret = context["swarming"]["secret_bytes"].as_str().unwrap();
    let auth: Value = serde_json::from_slice(&STANDARD.decode(secret).unwrap()).unwrap();
    let expected = json!({
        "id": { "quest": "A".repeat(43), "attempt": 7, "id": 1 },
        "token": STANDARD.encode(CANARY),
    });
    assert_eq!(auth, expected);
}

#[tokio::test]
async fn dc_12_a_job_is_told_where_the_api_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new(&folder.path().join("state"), &config());
    let line = "echo $DISTRIBUTOR_SERVER ${DM.HOST} $HOST_IN_ENV";
    let job = json!({ "shell": line, "env": { "HOST_IN_ENV": "<${DM.HOST}>" } });
    let request = |number, job| calling(request(number, job), CANARY);
    assert_eq!(
        stdout(&mut service, request(1, job)).await,
        format!("{DM_HOST} {DM_HOST} <{DM_HOST}>\n")
    );
    let job = json!({
        "shell": "echo $DISTRIBUTOR_SERVER",
        "env": { "DISTRIBUTOR_SERVER": "https://${DM.HOST}" },
    });
    assert_eq!(
        stdout(&mut service, request(2, job)).await,
        format!("https://{DM_HOST}\n"),
        "a job may know better"
    );
}

#[tokio::test]
async fn dc_25_the_previous_result_and_the_description_are_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new(&folder.path().join("state"), &config());
    let job = json!({ "argv": [
        "cat",
        "${DM.PREVIOUS.EXECUTION.STATE:PATH}",
        "/dev/null",
        "${DM.QUEST.DATA.DESC:PATH}",
    ]});
    let first = calling(request(1, job.clone()), CANARY);
    let text = stdout(&mut service, first.clone()).await;
    let description = text
        .strip_prefix("{}")
        .expect("no data of a first execution");
    let description: Value = serde_json::from_str(description).unwrap();
    let expected = json!({
        "parameters": "{}",
        "distributor_parameters": job.to_string(),
        "meta": {},
    });
    assert_eq!(description, expected);

    let mut second = calling(request(2, job), CANARY);
    second.previous_result = Some(dm::JsonResult {
        object: r#"{"n":1.0}"#.to_owned(),
        ..dm::JsonResult::default()
    });
    let text = stdout(&mut service, second).await;
    assert!(text.starts_with(r#"{"n":1.0}{"#), "{text}");
}

#[tokio::test]
async fn variables_are_replaced_wherever_they_stand_and_dollars_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new(&folder.path().join("state"), &config());
    let job = json!({ "argv": [
        "printf", "%s\n", "a${DM.HOST}b${DM.HOST}", "${DM.host}", "${ISOLATED_OUTDIR}/$x", "$$", "${",
    ]});
    let expected =
        format!("a{DM_HOST}b{DM_HOST}\n${{DM.host}}\n${{ISOLATED_OUTDIR}}/$x\n$$\n${{\n");
    let text = stdout(&mut service, calling(request(1, job.clone()), CANARY)).await;
    assert_eq!(text, expected);
    let simple = stdout(&mut service, request(2, job)).await;
    assert!(
        simple.contains("${DM.HOST}b"),
        "a simple quest gets none of it"
    );
}

#[tokio::test]
async fn the_files_are_for_their_owner_alone_and_gone_with_the_task() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut service = Service::new(&state, &config());
    // A job may leave something there, as `distributor job activate` does.
    let line = "cd $(dirname $LUCI_CONTEXT) && stat -c '%a %n' . * && mkdir deep && echo x > deep/x; exit 4";
    let token = start(&service, 1, json!({ "shell": line })).await;
    let (status, _) = abnormal(service.finished(&token).await);
    assert_eq!(status, Status::Failed);
    let log = service
        .backend
        .read_log(&token, distributor_core::LogStream::Stdout, 0, 1000)
        .await
        .unwrap();
    assert_eq!(
        String::from_utf8(log.data).unwrap(),
        "700 .\n600 luci_context.json\n600 previous_execution.json\n600 quest_description.json\n"
    );
    wait_until_empty(&state.join("work")).await;
}

#[tokio::test]
async fn the_token_is_in_one_file_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut service = Service::new(&state, &config());
    let pipe = fifo(&folder.path().join("pipe"));
    let line = format!(
        "read go < {pipe}; tr '\\0' '\\n' < /proc/self/environ; tr '\\0' ' ' < /proc/self/cmdline"
    );
    let token = start(&service, 1, shell(line)).await;
    assert_eq!(files_with_traces(&state), ["luci_context.json"]);
    let shown = format!("{service:?}");
    let raw = String::from_utf8_lossy(CANARY);
    assert!(!shown.contains(&*raw) && !traces().iter().any(|trace| shown.contains(trace)));
    release(&pipe);
    data(service.finished(&token).await);
    wait_until_empty(&state.join("work")).await;
    assert!(files_with_traces(&state).is_empty());
}

#[tokio::test]
async fn a_refused_start_leaves_no_token_and_names_none() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let service = Service::new(&state, &config());
    for (number, program) in [(1, "/absent/program"), (2, "absent-program")] {
        let job = calling(request(number, json!({ "argv": [program] })), CANARY);
        let error = in_time(service.backend.run(job)).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            !text.contains("canary") && !text.contains(&traces()[0]),
            "{text}"
        );
    }
    wait_until_empty(&state.join("work")).await;
    // Nor does a folder that cannot be made: the error is a temporary one, and names the place.
    fs::remove_dir(state.join("work")).unwrap();
    let job = calling(request(3, json!({ "argv": ["true"] })), CANARY);
    let error = in_time(service.backend.run(job)).await.unwrap_err();
    assert!(error.is_transient());
    let text = format!("{error} {error:?}");
    assert!(
        !text.contains("canary") && !text.contains(&traces()[0]),
        "{text}"
    );
}

#[tokio::test]
async fn what_ends_while_no_service_is_there_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let pipe = fifo(&folder.path().join("pipe"));
    let one_slot = ConfigMessage {
        slots: 1,
        ..config()
    };
    let service = Service::new(&state, &one_slot);
    start(&service, 1, shell(format!("read go < {pipe}"))).await;
    let mut waits = Box::pin(start(&service, 2, json!({ "argv": ["true"] })));
    tokio::select! {
        biased;
        _ = &mut waits => panic!("started without a slot"),
        () = std::future::ready(()) => {}
    }
    let both = ["luci_context.json", "luci_context.json"];
    assert_eq!(files_with_traces(&state), both);
    drop(waits);
    drop(service);
    release(&pipe);
    wait_until_empty(&state.join("work")).await;
}

#[tokio::test]
async fn what_a_killed_supervisor_leaves_goes_when_the_end_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let pipe = fifo(&folder.path().join("pipe"));
    let mut service = Service::new(&state, &config());
    let token = start(&service, 1, shell(format!("read go < {pipe}"))).await;
    kill(supervisors(&state)[0]).await;
    release(&pipe);
    let (status, _) = abnormal(service.finished(&token).await);
    assert_eq!(status, Status::Crashed);
    service.backend.release(&token);
    assert_eq!(fs::read_dir(state.join("work")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_killed_services_and_supervisors_leave_goes_with_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let pipe = fifo(&folder.path().join("pipe"));
    let service = Service::new(&state, &config());
    let alive = start(
        &service,
        1,
        shell(format!("read go < {pipe}; cat $LUCI_CONTEXT")),
    )
    .await;
    drop(service);
    kill(supervisors(&state)[0]).await;
    // A start that was prepared and never made.
    let leftover = state.join(format!("work/{}.9.1.job", "A".repeat(43)));
    fs::create_dir(&leftover).unwrap();
    fs::write(leftover.join("luci_context.json"), CANARY).unwrap();

    let mut service = Service::new(&state, &config());
    data(service.end(2, json!({ "argv": ["true"] })).await);
    assert_eq!(
        files_with_traces(&state),
        ["luci_context.json"],
        "what runs keeps its file, the rest is gone"
    );
    assert!(!leftover.exists());
    release(&pipe);
    let (status, _) = abnormal(service.finished(&alive).await);
    assert_eq!(status, Status::Crashed);
    service.backend.release(&alive);
    wait_until_empty(&state.join("work")).await;
}

#[tokio::test]
async fn what_a_job_prints_is_the_state_for_its_next_execution() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new(&folder.path().join("state"), &config());
    let line = "sed 's/.*\"stdout_tail\":\"\\([^\"]*\\).*/\\1+/' $DISTRIBUTOR_PREVIOUS";
    let mut previous = None;
    for (number, expected) in [(1, "{}"), (2, "{}+"), (3, "{}++")] {
        let mut job = calling(request(number, shell(line)), CANARY);
        job.previous_result = previous;
        let token = run(&service, job).await;
        let TaskResult::Data(data) = service.finished(&token).await else {
            panic!("no data");
        };
        let object: Value = serde_json::from_str(&data.object).unwrap();
        assert_eq!(object["stdout_tail"], expected, "execution {number}");
        previous = Some(data);
    }
}
