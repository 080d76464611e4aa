//! Killed services, killed supervisors, torn logs and restarted machines.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{Distributor, ErrorKind, LogStream, TaskState, Token, dm};
use serde_json::json;

use crate::support::*;

/// Set for the process that [`a_service_to_be_killed`] is to be.
const STATE_VARIABLE: &str = "SERVICE_TO_BE_KILLED";

/// How many tasks it runs.
const TASKS: u32 = 30;

fn ledger_job(folder: &Path, number: u32) -> serde_json::Value {
    let ledger = folder.join("ledger").display().to_string();
    shell(format!("echo {number} >> {ledger}; exit {}", number % 7))
}

/// Not a test of its own: the service that the next test starts as a process, and kills.
#[tokio::test]
async fn a_service_to_be_killed() {
    let Some(folder) = std::env::var_os(STATE_VARIABLE) else {
        return;
    };
    let folder = Path::new(&folder);
    let mut service = Service::new(&folder.join("state"), &config());
    let mut stdout = std::io::stdout();
    for number in 1..=TASKS {
        let token = service.start(number, ledger_job(folder, number)).await;
        writeln!(stdout, "\nstarted {number}").unwrap();
        if number % 3 == 0 {
            service.finished(&token).await;
        }
    }
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_killed_service_loses_no_exit_status_and_starts_nothing_twice() {
    for kill_after in [1, 2, 5, 12, 30] {
        let folder = tempfile::tempdir().unwrap();
        let mut service = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "survival::a_service_to_be_killed", "--nocapture"])
            .env(STATE_VARIABLE, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let wanted = format!("started {kill_after}");
        std::io::BufReader::new(service.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .find(|line| *line == wanted)
            .expect("a service that starts tasks");
        service.kill().unwrap();
        service.wait().unwrap();

        let mut service = Service::new(&folder.path().join("state"), &config());
        for number in 1..=TASKS {
            let result = service.end(number, ledger_job(folder.path(), number)).await;
            match number % 7 {
                0 => drop(data(result)),
                code => assert_eq!(
                    abnormal(result),
                    (Status::Failed, format!("exit code {code}"))
                ),
            }
        }
        let ledger = fs::read_to_string(folder.path().join("ledger")).unwrap();
        let mut runs: BTreeMap<u32, u32> = BTreeMap::new();
        for line in ledger.lines() {
            *runs.entry(line.parse().unwrap()).or_default() += 1;
        }
        let once: BTreeMap<u32, u32> = (1..=TASKS).map(|number| (number, 1)).collect();
        assert_eq!(runs, once, "killed after {kill_after}");
    }
}

#[tokio::test]
async fn a_new_service_adopts_what_runs_and_counts_its_slots() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let one_slot = ConfigMessage {
        slots: 1,
        ..config()
    };
    let pipe = fifo(&folder.path().join("pipe"));
    let job = shell(format!("read go < {pipe}; exit 3"));
    let old = Service::new(&state, &one_slot);
    let token = old.start(1, job.clone()).await;
    drop(old);

    let mut service = Service::new(&state, &one_slot);
    let again = service.run(1, job).await.unwrap();
    assert_eq!((&again.token, again.state), (&token, TaskState::Running));
    let mut second = Box::pin(service.backend.run(request(2, json!({ "argv": ["true"] }))));
    tokio::select! {
        biased;
        _ = &mut second => panic!("started without a slot"),
        () = std::future::ready(()) => {}
    }
    release(&pipe);
    let second = in_time(second).await.unwrap().token;
    assert_eq!(
        abnormal(service.finished(&token).await),
        (Status::Failed, "exit code 3".to_owned())
    );
    data(service.finished(&second).await);
}

#[tokio::test]
async fn a_new_service_can_cancel_what_the_old_one_left_running() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let pipe = fifo(&folder.path().join("pipe"));
    let line = format!("trap '' TERM; echo ready > {pipe}; while :; do sleep 1000; done");
    let old = Service::new(&state, &config());
    let gentle = old.start(1, json!({ "argv": ["sleep", "1000"] })).await;
    let stubborn = old.start(2, shell(line)).await;
    assert_eq!(fs::read_to_string(pipe).unwrap(), "ready\n");
    drop(old);

    let mut service = Service::new(&state, &config());
    for token in [&gentle, &stubborn] {
        service.cancel(token).await;
        service.cancel(token).await;
    }
    let (status, reason) = abnormal(service.finished(&gentle).await);
    assert_eq!(status, Status::Cancelled);
    assert_eq!(reason, "cancelled; ended by signal 15 (SIGTERM)");
    let (status, reason) = abnormal(service.finished(&stubborn).await);
    assert_eq!(status, Status::Cancelled);
    assert_eq!(reason, "cancelled; ended by signal 9 (SIGKILL)");
    drop(service);

    let mut third = Service::new(&state, &config());
    let (status, _) = abnormal(third.finished(&gentle).await);
    assert_eq!(status, Status::Cancelled, "the wish was noted");
}

#[tokio::test]
async fn tasks_of_a_killed_supervisor_run_on_and_then_count_as_crashed() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut service = Service::new(&state, &config());
    let pipe = fifo(&folder.path().join("pipe"));
    let ledger = folder.path().join("ledger");
    let line = format!("read go < {pipe}; echo done >> {}", ledger.display());
    let token = service.start(1, shell(line.clone())).await;
    kill(supervisors(&state)[0]).await;

    // A new supervisor serves the other slot; there is no third.
    data(service.end(2, json!({ "argv": ["true"] })).await);
    assert_eq!(supervisors(&state).len(), 2);
    assert_eq!(service.status(&token).await, TaskState::Running);
    let again = service.run(1, shell(line)).await.unwrap();
    assert_eq!((&again.token, again.state), (&token, TaskState::Running));
    release(&pipe);
    let (status, reason) = abnormal(service.finished(&token).await);
    assert_eq!(status, Status::Crashed);
    assert_eq!(reason, "its supervisor died; exit status unknown");
    assert_eq!(fs::read_to_string(ledger).unwrap(), "done\n");
}

#[tokio::test]
async fn a_supervisor_killed_between_services_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let pipe = fifo(&folder.path().join("pipe"));
    let old = Service::new(&state, &config());
    let alive = old.start(1, shell(format!("read go < {pipe}"))).await;
    let cancelled = old.start(2, json!({ "argv": ["sleep", "1000"] })).await;
    drop(old);
    kill(supervisors(&state)[0]).await;

    let mut service = Service::new(&state, &config());
    assert_eq!(service.status(&alive).await, TaskState::Running);
    service.cancel(&cancelled).await;
    let (status, reason) = abnormal(service.finished(&cancelled).await);
    assert_eq!(status, Status::Cancelled);
    assert_eq!(reason, "cancelled; exit status unknown");
    release(&pipe);
    let (status, _) = abnormal(service.finished(&alive).await);
    assert_eq!(status, Status::Crashed);
}

#[tokio::test]
async fn a_start_without_a_pid_in_the_log_is_found_by_its_environment() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let pipe = fifo(&folder.path().join("pipe"));
    let old = Service::new(&state, &config());
    let token = old.start(1, shell(format!("read go < {pipe}"))).await;
    drop(old);
    kill(supervisors(&state)[0]).await;
    // As if it had been killed right after it made the process; the last line is torn as well.
    let segment = &segments(&state)[0];
    let text = fs::read_to_string(segment).unwrap();
    let end = text.find("{\"started\"").unwrap();
    fs::write(segment, &text[..end + 9]).unwrap();

    let mut service = Service::new(&state, &config());
    assert_eq!(service.status(&token).await, TaskState::Running);
    release(&pipe);
    let (status, reason) = abnormal(service.finished(&token).await);
    assert_eq!(status, Status::Crashed);
    assert_eq!(reason, "its supervisor died; exit status unknown");
}

#[tokio::test]
async fn a_restart_of_the_machine_is_a_crash_of_what_ran() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut old = Service::new(&state, &config());
    let ended = old.start(1, json!({ "argv": ["true"] })).await;
    data(old.finished(&ended).await);
    let token = old.start(2, json!({ "argv": ["sleep", "1000"] })).await;
    drop(old);
    kill(supervisors(&state)[0]).await;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let other_boot = "00000000-1111-2222-3333-444444444444";
    let segment = &segments(&state)[0];
    let text = fs::read_to_string(segment).unwrap();
    // The machine did not really restart.
    let sleeper = text
        .rsplit_once("\"pid\":")
        .unwrap()
        .1
        .split(',')
        .next()
        .unwrap();
    kill(sleeper.parse().unwrap()).await;
    fs::write(segment, text.replace(boot.trim(), other_boot)).unwrap();
    let old_token = |token: &Token| Token(token.0.replace(&boot[..8], "00000000"));

    let service = Service::new(&state, &config());
    let restarted = |state| match state {
        TaskState::Finished(result) => abnormal(result),
        other => panic!("{other:?}"),
    };
    let expected = (
        Status::Crashed,
        "the machine restarted while it ran".to_owned(),
    );
    assert_eq!(
        restarted(service.status(&old_token(&token)).await),
        expected
    );
    let again = service.run(2, json!({ "argv": ["true"] })).await.unwrap();
    assert_eq!(again.token, old_token(&token), "the first token");
    assert_eq!(restarted(again.state), expected);
    let TaskState::Finished(result) = service.status(&old_token(&ended)).await else {
        panic!("an end that was recorded is kept");
    };
    data(result);
    let without_any_record = Token(old_token(&token).0.replace("|2|1", "|77|1"));
    assert_eq!(
        restarted(service.status(&without_any_record).await),
        expected
    );
    let quest = dm::quest::Desc::default();
    let of_this_boot = Token(token.0.replace("|2|1", "|77|1"));
    let error = service
        .backend
        .get_status(&quest, &of_this_boot)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.is_transient()),
        (ErrorKind::NotFound, false)
    );
}

#[tokio::test]
async fn releases_are_remembered_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut old = Service::new(&state, &config());
    let mut tokens = Vec::new();
    for number in 1..=2 {
        let token = old.start(number, json!({ "argv": ["true"] })).await;
        data(old.finished(&token).await);
        tokens.push(token);
    }
    old.backend.release(&tokens[0]);
    drop(old);
    let first = segments(&state);

    let mut service = Service::new(&state, &config());
    data(service.finished(&tokens[1]).await);
    data(service.end(3, json!({ "argv": ["true"] })).await);
    assert!(first[0].exists(), "one of the two is still wanted");
    service.backend.release(&tokens[1]);
    in_time(async {
        // The old supervisor may still hold it.
        while first[0].exists() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(segments(&state).len(), 1);
}

#[tokio::test]
async fn an_onlooker_sees_what_happens_and_disturbs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut service = Service::new(&state, &config());
    let pipe = fifo(&folder.path().join("pipe"));
    let ended = service.start(1, json!({ "argv": ["true"] })).await;
    let result = service.finished(&ended).await;
    let token = service
        .start(2, shell(format!("read go < {pipe}; echo done")))
        .await;
    let before = segments(&state);

    let mut onlooker = Service::new(&state, &config());
    assert_eq!(onlooker.status(&ended).await, TaskState::Finished(result));
    assert_eq!(onlooker.status(&token).await, TaskState::Running);
    assert_eq!(
        onlooker.backend.info_url(&token),
        service.backend.info_url(&token)
    );
    release(&pipe);
    let seen = onlooker.finished(&token).await;
    let chunk = onlooker
        .backend
        .read_log(&token, LogStream::Stdout, 0, 100)
        .await
        .unwrap();
    assert_eq!(
        (chunk.data.as_slice(), chunk.complete),
        (b"done\n".as_slice(), true)
    );
    assert_eq!(service.finished(&token).await, seen);
    drop(onlooker);
    assert_eq!(segments(&state), before);
    data(service.end(3, json!({ "argv": ["true"] })).await);
}

#[tokio::test]
async fn a_cancelled_task_whose_supervisor_was_killed_is_ended_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut service = Service::new(&state, &config());
    let token = service.start(1, json!({ "argv": ["sleep", "1000"] })).await;
    let supervisor = supervisors(&state)[0];
    let pid = rustix::process::Pid::from_raw(supervisor).unwrap();
    // It takes no request any more, and then it is killed.
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let quest = dm::quest::Desc::default();
    let cancel = service.backend.cancel(&quest, &token);
    let ((), cancelled) = tokio::join!(kill(supervisor), in_time(cancel));
    cancelled.unwrap();
    let (status, reason) = abnormal(service.finished(&token).await);
    assert_eq!(status, Status::Cancelled);
    assert_eq!(reason, "cancelled; exit status unknown");
}
