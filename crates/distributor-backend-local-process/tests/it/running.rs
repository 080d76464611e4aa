//! Starting tasks and what becomes of them.

use std::fs;
use std::path::Path;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::{
    Abandoned, Applied, Distributor, ErrorKind, LogStream, TaskResult, TaskState, Token, dm,
};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn dc_26_running_one_execution_again_gives_the_first_token_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new(&folder.path().join("state"), &config());
    let pipe = fifo(&folder.path().join("pipe"));
    let ledger = folder.path().join("ledger");
    let line = format!("echo ran >> {}; read go < {pipe}", ledger.display());

    let runs = (0..3).map(|_| service.run(1, shell(line.clone())));
    let tokens: Vec<Token> = in_time(async {
        let mut tokens = Vec::new();
        for started in join_all(runs).await {
            tokens.push(started.unwrap().token);
        }
        tokens
    })
    .await;
    let again = service.run(1, shell(line.clone())).await.unwrap();
    assert_eq!(again.state, TaskState::Running);
    release(&pipe);
    service.finished(&again.token).await;
    let after_the_end = service.run(1, shell(line)).await.unwrap();

    assert!(matches!(after_the_end.state, TaskState::Finished(_)));
    assert_eq!(after_the_end.token, again.token);
    assert!(tokens.iter().all(|token| *token == again.token));
    assert_eq!(fs::read_to_string(ledger).unwrap(), "ran\n");
}

/// Polls all of them at once; a dependency for this would be too much.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        match outputs.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(outputs.iter_mut().filter_map(Option::take).collect()),
            false => std::task::Poll::Pending,
        }
    })
    .await
}

#[tokio::test]
async fn dc_39_a_task_is_running_until_it_has_a_result() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new(&folder.path().join("state"), &config());
    let pipe = fifo(&folder.path().join("pipe"));
    let token = service
        .start(1, shell(format!("read go < {pipe}; echo done")))
        .await;
    assert_eq!(service.status(&token).await, TaskState::Running);
    release(&pipe);
    let result = service.finished(&token).await;
    assert_eq!(
        service.status(&token).await,
        TaskState::Finished(result.clone())
    );
    let data = data(result);
    assert_eq!(data["exit_code"], 0);
    assert_eq!(data["signal"], json!(null));
    assert_eq!(data["stdout_tail"], "done\n");
    assert_eq!(data["stderr_tail"], "");
    assert!(data["wall_seconds"].as_f64().unwrap() > 0.0);
    assert!(data["cpu_seconds"].is_f64());
    assert!(data["max_rss_bytes"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn dc_72_different_executions_have_different_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::new(&folder.path().join("state"), &config());
    let one = service.start(1, shell("exit 0")).await;
    let two = service.start(2, shell("exit 0")).await;
    assert_ne!(one, two);
}

#[tokio::test]
async fn no_more_tasks_run_at_once_than_there_are_slots() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new(&folder.path().join("state"), &config());
    let pipes: Vec<String> = (0..4)
        .map(|number| fifo(&folder.path().join(format!("pipe{number}"))))
        .collect();
    let job = |number: usize| shell(format!("read go < {}", pipes[number]));
    let first = service.start(1, job(1)).await;
    let second = service.start(2, job(2)).await;

    let mut third = Box::pin(service.backend.run(request(3, job(3))));
    tokio::select! {
        biased;
        _ = &mut third => panic!("started without a slot"),
        () = std::future::ready(()) => {}
    }
    release(&pipes[1]);
    let third = in_time(third).await.unwrap().token;
    // The slot of the first, so the first is over.
    assert!(matches!(
        service.status(&first).await,
        TaskState::Finished(_)
    ));
    assert_eq!(service.status(&second).await, TaskState::Running);
    release(&pipes[2]);
    release(&pipes[3]);
    for token in [first, second, third] {
        data(service.finished(&token).await);
    }
}

#[tokio::test]
async fn an_exit_code_is_a_failure_with_the_last_line_of_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new(&folder.path().join("state"), &config());
    let result = service
        .end(1, shell("echo one >&2; echo two >&2; exit 7"))
        .await;
    assert_eq!(
        abnormal(result),
        (Status::Failed, "exit code 7: two".to_owned())
    );
    let result = service.end(2, json!({ "argv": ["false"] })).await;
    assert_eq!(abnormal(result), (Status::Failed, "exit code 1".to_owned()));
}

#[tokio::test]
async fn a_signal_is_a_crash_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new(&folder.path().join("state"), &config());
    let result = service.end(1, shell("kill -SEGV $$")).await;
    assert_eq!(
        abnormal(result),
        (Status::Crashed, "ended by signal 11 (SIGSEGV)".to_owned())
    );
}

#[tokio::test]
async fn a_task_has_default_signal_handling_and_its_own_group() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new(&folder.path().join("state"), &config());
    let line = "grep ^Sig /proc/self/status; cut -d' ' -f1,5 /proc/$$/stat";
    let data = data(service.end(1, shell(line)).await);
    let text = data["stdout_tail"].as_str().unwrap();
    // What the test itself was given, but for SIGPIPE, which Rust ignores in its own programs, and for
    // those that the supervisor catches: HUP, INT and QUIT.
    let own = fs::read_to_string("/proc/self/status").unwrap();
    let not_inherited = 1 << 12 | 0b111;
    assert_eq!(
        signals(text, "SigIgn"),
        signals(&own, "SigIgn") & !not_inherited
    );
    assert_eq!(signals(text, "SigBlk"), 0);
    let lines = text.lines();
    let (pid, group) = lines.last().unwrap().split_once(' ').unwrap();
    assert_eq!(pid, group);
}

fn signals(status: &str, set: &str) -> u64 {
    let line = status.lines().find(|line| line.starts_with(set)).unwrap();
    // Without the real-time signals: the C library keeps some of them for itself.
    u64::from_str_radix(line.split_once(":\t").unwrap().1, 16).unwrap() & 0x7fff_ffff
}

#[tokio::test]
async fn output_goes_to_private_files_that_can_be_read_from_an_offset() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let small_tail = ConfigMessage {
        tail_bytes: 3,
        ..config()
    };
    let mut service = Service::new(&state, &small_tail);
    let pipe = fifo(&folder.path().join("pipe"));
    let line = format!("printf 12345; printf abc >&2; read go < {pipe}; printf 6");
    let token = service.start(1, shell(line)).await;
    let read = async |stream, offset, limit| {
        let chunk = service
            .backend
            .read_log(&token, stream, offset, limit)
            .await
            .unwrap();
        (String::from_utf8(chunk.data).unwrap(), chunk.complete)
    };
    let pipe = tokio::task::spawn_blocking(move || fs::OpenOptions::new().write(true).open(pipe));
    // The task has opened the pipe, so it has printed what comes before.
    let mut pipe = pipe.await.unwrap().unwrap();
    assert_eq!(
        read(LogStream::Stdout, 0, 100).await,
        ("12345".to_owned(), false)
    );
    assert_eq!(
        read(LogStream::Stderr, 0, 100).await,
        ("abc".to_owned(), false)
    );
    std::io::Write::write_all(&mut pipe, b"go\n").unwrap();
    let result = service.finished(&token).await;
    let read = async |stream, offset, limit| {
        let chunk = service
            .backend
            .read_log(&token, stream, offset, limit)
            .await
            .unwrap();
        (String::from_utf8(chunk.data).unwrap(), chunk.complete)
    };
    assert_eq!(
        read(LogStream::Stdout, 3, 2).await,
        ("45".to_owned(), false)
    );
    assert_eq!(read(LogStream::Stdout, 5, 2).await, ("6".to_owned(), true));
    assert_eq!(read(LogStream::Stdout, 6, 2).await, (String::new(), true));
    assert_eq!(data(result)["stdout_tail"], "456");

    let url = service.backend.info_url(&token);
    let path = Path::new(url.strip_prefix("file://").unwrap());
    let name = format!("{}.1.1.stdout", "A".repeat(43));
    assert_eq!(path, state.join("output/A").join(name));
    assert_eq!(fs::read_to_string(path).unwrap(), "123456");
    assert_eq!(mode(path), 0o600);
    for private in ["", "output", "output/A", "log", "work"] {
        assert_eq!(mode(&state.join(private)), 0o700, "{private}");
    }
    for segment in segments(&state) {
        assert_eq!(mode(&segment), 0o600);
    }
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_a_permanent_error_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("text"), "just text\n").unwrap();
    fs::write(path("script"), "#!/nonexistent/interpreter\n").unwrap();
    fs::write(path("noise"), [0x7f, 1, 2, 3]).unwrap();
    for executable in ["script", "noise"] {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(path(executable), permissions).unwrap();
    }
    let mut service = Service::new(&folder.path().join("state"), &config());
    let table = [
        (
            json!({ "argv": ["no-such-tool"], "env": { "PATH": "/no/a:/no/b" } }),
            "program \"no-such-tool\" not found: tried /no/a/no-such-tool, /no/b/no-such-tool"
                .to_owned(),
        ),
        (
            json!({ "argv": ["./tool"], "directory": folder.path() }),
            format!("cannot start program {}: No such file", path("./tool")),
        ),
        (
            json!({ "argv": [path("text")] }),
            format!("cannot start program {}: Permission denied", path("text")),
        ),
        (
            json!({ "argv": [path("script")] }),
            "the interpreter named in its first line".to_owned(),
        ),
        (
            json!({ "argv": [path("noise")] }),
            "Exec format error".to_owned(),
        ),
        (
            json!({ "argv": ["/bin/true"], "directory": path("none") }),
            format!("in directory {}: No such file", path("none")),
        ),
        (
            json!({ "argv": ["/bin/true"], "directory": path("text") }),
            format!("in directory {}: not a directory", path("text")),
        ),
        (json!({ "argv": [] }), "argv: empty".to_owned()),
    ];
    // More than the slots: a refused start must give its slot back.
    for (number, (parameters, expected)) in (1..).zip(table) {
        let error = service.run(number, parameters).await.unwrap_err();
        assert!(
            error.to_string().contains(&expected),
            "{error}\nnot: {expected}"
        );
        assert!(!error.is_transient(), "{error}");
        assert_eq!(error.applied(), Applied::No);
    }
    data(service.end(100, json!({ "argv": ["true"] })).await);
}

#[tokio::test]
async fn a_large_standard_input_does_not_block_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut service = Service::new(&state, &config());
    let text = "x".repeat(1 << 20);
    let result = service
        .end(1, json!({ "argv": ["wc", "-c"], "stdin": text }))
        .await;
    assert_eq!(data(result)["stdout_tail"], "1048576\n");
    let unread = service
        .end(2, json!({ "argv": ["true"], "stdin": text }))
        .await;
    data(unread);
    let none = service.end(3, json!({ "argv": ["wc", "-c"] })).await;
    assert_eq!(data(none)["stdout_tail"], "0\n");
    wait_until_empty(&state.join("work")).await;
}

#[tokio::test]
async fn a_task_sees_the_variables_that_are_passed_on_and_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let only_path = ConfigMessage {
        pass_environment: vec!["PATH".to_owned()],
        ..config()
    };
    let mut service = Service::new(&folder.path().join("state"), &only_path);
    let job = json!({ "argv": ["env"], "env": { "GREETING": "hello world" } });
    let data = data(service.end(5, job).await);
    let mut names: Vec<&str> = data["stdout_tail"]
        .as_str()
        .unwrap()
        .lines()
        .map(|line| line.split('=').next().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["DISTRIBUTOR_EXECUTION", "GREETING", "PATH"],
        "a simple quest gets nothing of the API"
    );
    let text = data["stdout_tail"].as_str().unwrap();
    assert!(text.contains("GREETING=hello world\n"));
    assert!(text.contains(&format!("DISTRIBUTOR_EXECUTION={}|5|1\n", "A".repeat(43))));
}

#[tokio::test]
async fn results_and_parameters_are_in_private_files_until_the_task_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut service = Service::new(&state, &config());
    let line = "cat $DISTRIBUTOR_RESULTS $DISTRIBUTOR_PARAMETERS; \
                stat -c %a $DISTRIBUTOR_RESULTS $DISTRIBUTOR_PARAMETERS";
    let mut request = with_needs(
        request(1, shell(line)),
        &[("compile", TaskResult::data(r#"{"exit_code":0}"#))],
    );
    std::sync::Arc::make_mut(&mut request.quest).parameters = r#"{"level":3}"#.to_owned();
    let token = in_time(service.backend.run(request)).await.unwrap().token;
    let data = data(service.finished(&token).await);
    assert_eq!(
        data["stdout_tail"],
        concat!(
            r#"{"compile":{"state":"FINISHED","result":{"exit_code":0}}}"#,
            "\n",
            r#"{"level":3}"#,
            "600\n600\n"
        )
    );
    wait_until_empty(&state.join("work")).await;
}

#[tokio::test]
async fn the_directory_of_the_quest_goes_before_that_of_the_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new(&folder.path().join("state"), &config());
    let path = |name: &str| {
        let path = folder.path().canonicalize().unwrap().join(name);
        fs::create_dir(&path).unwrap();
        path
    };
    let (of_quest, of_parameters) = (path("quest"), path("parameters"));
    let job = json!({ "argv": ["pwd"], "directory": of_parameters });
    let request = in_directory(request(1, job.clone()), &of_quest);
    let token = in_time(service.backend.run(request)).await.unwrap().token;
    let first = data(service.finished(&token).await);
    assert_eq!(first["stdout_tail"], format!("{}\n", of_quest.display()));
    let second = data(service.end(2, job).await);
    assert_eq!(
        second["stdout_tail"],
        format!("{}\n", of_parameters.display())
    );
    let third = data(service.end(3, json!({ "argv": ["pwd"] })).await);
    let own = std::env::current_dir().unwrap();
    assert_eq!(third["stdout_tail"], format!("{}\n", own.display()));
}

#[tokio::test]
async fn an_abandoned_run_that_waits_for_a_slot_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let one_slot = ConfigMessage {
        slots: 1,
        ..config()
    };
    let mut service = Service::new(&state, &one_slot);
    let pipe = fifo(&folder.path().join("pipe"));
    let first = service.start(1, shell(format!("read go < {pipe}"))).await;
    let (signal, abandoned) = Abandoned::channel();
    let mut second = request(2, json!({ "argv": ["true"], "stdin": "text" }));
    second.abandoned = abandoned;
    let second = service.backend.run(second);
    signal.abandon();
    let error = in_time(second).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(error.applied(), Applied::No);
    assert_eq!(fs::read_dir(state.join("work")).unwrap().count(), 0);
    release(&pipe);
    data(service.finished(&first).await);
    assert!(
        !state
            .join("output/A")
            .join(format!("{}.2.1.stdout", "A".repeat(43)))
            .exists()
    );
}

#[tokio::test]
async fn dropped_runs_leak_no_slot() {
    let folder = tempfile::tempdir().unwrap();
    let one_slot = ConfigMessage {
        slots: 1,
        ..config()
    };
    let mut service = Service::new(&folder.path().join("state"), &one_slot);
    for number in 1..20 {
        let run = service
            .backend
            .run(request(number, json!({ "argv": ["true"] })));
        // Dropped while it waits for its slot or for its start, as it happens.
        tokio::select! {
            biased;
            _ = run => {}
            () = tokio::task::yield_now() => {}
        }
    }
    data(service.end(20, json!({ "argv": ["true"] })).await);
}

#[tokio::test]
async fn nothing_is_touched_before_the_first_run() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let service = Service::new(&state, &config());
    let quest = dm::quest::Desc::default();
    let token = Token("nonsense".to_owned());
    assert!(service.backend.info_url(&token).starts_with("file:///"));
    assert_eq!(service.backend.capacity(), Some(2 + 32));
    service.backend.validate(r#"{"argv":["true"]}"#).unwrap();
    let error = service
        .backend
        .get_status(&quest, &token)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = service
        .backend
        .read_log(&token, LogStream::Stdout, 0, 1)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    service.backend.release(&token);
    assert!(!state.exists());
}

#[tokio::test]
async fn a_log_segment_goes_when_all_in_it_are_released() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let two_a_segment = ["--starts-per-segment=2"];
    let mut service = Service::with_helper_options(&state, &config(), &two_a_segment);
    let mut tokens = Vec::new();
    for number in 1..=5 {
        let token = service.start(number, shell("exit 0")).await;
        data(service.finished(&token).await);
        tokens.push(token);
    }
    let all = segments(&state);
    assert_eq!(all.len(), 3);
    service.backend.release(&tokens[0]);
    service.backend.release(&tokens[2]);
    assert_eq!(segments(&state), all);
    service.backend.release(&tokens[1]);
    assert_eq!(segments(&state), all[1..]);
    service.backend.release(&tokens[3]);
    service.backend.release(&tokens[4]);
    assert_eq!(segments(&state), all[2..], "the open segment stays");
    let quest = dm::quest::Desc::default();
    let error = service
        .backend
        .get_status(&quest, &tokens[4])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let log = service
        .backend
        .read_log(&tokens[4], LogStream::Stdout, 0, 1)
        .await
        .unwrap();
    assert!(log.complete, "outputs are kept longer than records");
}
