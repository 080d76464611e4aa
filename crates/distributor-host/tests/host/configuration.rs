//! Which configuration a backend is built from, and what it is told of it (DC-02 … DC-16, DC-53).

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::quest::desc::meta::Retry;
use distributor_core::{DistributorSource, Notification, TaskResult, TaskState, Token};
use distributor_host::driver::CallError;
use distributor_store::StateCounts;

use crate::support::{
    Gate, Method, Quest, Reply, ScriptedSource, World, abnormal_end, run, secs, started,
};

#[test]
fn dc_02_configuration_is_read_when_an_execution_starts() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let gate = Gate::closed();
        let failed = TaskState::Finished(TaskResult::abnormal(Status::Failed, "first"));
        let first = started("first", secs(0), failed);
        backend.run.next(Reply::Behind(gate.clone(), Ok(first)));
        let retry = Retry {
            failed: 1,
            ..Default::default()
        };
        let id = world.ensure_one(&Quest::simple("b", 1).retry(retry)).await;
        backend.called(Method::Run, 1).await;
        world.source.set("b", "new content", "v2");
        gate.open();
        world.until_final(id).await;
        let runs = backend.calls_of(Method::Run);
        let seen: Vec<_> = runs
            .iter()
            .map(|run| (run.config.content.as_slice(), run.config.version.as_str()))
            .collect();
        assert_eq!(seen, [(&b"content"[..], "v1"), (b"new content", "v2")]);
        assert_eq!(world.execution(id.execution(1)).config.version, "v1");
        assert_eq!(world.execution(id.execution(2)).config.version, "v2");
    });
}

#[test]
fn dc_03_an_execution_keeps_its_configuration_for_every_later_call() {
    run(async {
        let mut world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(10), TaskState::Running);
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        world.until_executing(id).await;
        world.source.set("b", "other content", "v2");

        world.advance(secs(10)).await;
        world
            .host
            .notify(Notification::new(id.execution(1), b"news".as_slice()));
        backend.called(Method::Notification, 1).await;
        world.settle().await;
        world.source.remove("b");
        world.restart().await;
        world.settle().await;
        world
            .host
            .notify(Notification::new(id.execution(1), b"news".as_slice()));
        backend.called(Method::Notification, 2).await;
        world
            .engine
            .cancel(id, "enough".to_owned())
            .await
            .expect("taken");
        world.settle().await;

        for method in [Method::GetStatus, Method::Notification, Method::Cancel] {
            let calls = backend.calls_of(method);
            assert!(!calls.is_empty(), "{method:?} was not called");
            for call in calls {
                assert_eq!(call.config.version, "v1", "{method:?}");
                assert_eq!(call.config.content, b"content", "{method:?}");
            }
        }
        assert_eq!(
            backend.count(Method::GetStatus),
            2,
            "one poll, and one after the restart"
        );
        let execution = world.execution(id.execution(1));
        let built = world
            .source
            .distributor(&execution.config)
            .expect("a backend");
        let url = built.info_url(&execution.token);
        assert!(url.starts_with("b/v1/content/"), "{url}");
    });
}

#[test]
fn dc_42_43_any_token_gives_a_url_of_the_executions_own_configuration() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.starts(secs(10), TaskState::Running);
        let id = world.ensure_one(&Quest::simple("b", 1)).await;
        world.until_executing(id).await;
        world.source.set("b", "other content", "v2");
        world.source.remove("b");
        let execution = world.execution(id.execution(1));
        let source = world.engine.source();
        let built = source.distributor(&execution.config).expect("a backend");
        let calls = backend.calls().len();
        for token in [
            execution.token,
            Token(String::new()),
            Token("\n".to_owned()),
        ] {
            let expected = format!("b/v1/content/{token}");
            assert_eq!(built.info_url(&token), expected);
        }
        assert_eq!(backend.calls().len(), calls);
    });
}

#[test]
fn dc_04_the_token_is_stored_and_passed_on_exactly() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        let long = "x".repeat(4096);
        for (index, token) in ["", "ein Tökén\n\0|", long.as_str()].iter().enumerate() {
            let answer = started(token, secs(10), TaskState::Running);
            backend.run.next(Reply::Now(Ok(answer)));
            let id = world.ensure_one(&Quest::simple("b", index)).await;
            world.until_executing(id).await;
            let token = Token((*token).to_owned());
            assert_eq!(world.execution(id.execution(1)).token, token);
            backend
                .status
                .next(Reply::Now(Ok(TaskState::Finished(TaskResult::data("{}")))));
            world.advance(secs(10)).await;
            let asked = backend.calls_of(Method::GetStatus);
            assert_eq!(
                asked.last().and_then(|call| call.token.clone()),
                Some(token)
            );
        }
    });
}

#[test]
fn dc_12_to_16_a_backend_sees_one_resolved_configuration_at_one_point_in_time() {
    run(async {
        let world = World::new();
        let backend = world.backend("real");
        backend.starts(secs(10), TaskState::Running);
        world.source.alias("alias", "real");
        let id = world.ensure_one(&Quest::simple("alias", 1)).await;
        world.until_executing(id).await;
        let config = backend.calls_of(Method::Run).remove(0).config;
        world.source.set("real", "changed", "v2");
        assert_eq!(config.dm_host, ScriptedSource::DM_HOST, "DC-12");
        assert_eq!(config.name, "real", "DC-13");
        assert_eq!(config.version, "v1", "DC-14");
        assert_eq!(config.content, b"content", "DC-15, DC-16");
        assert_eq!(world.execution(id.execution(1)).config, config);
        let record = world.get(id);
        assert_eq!(&*record.config_name, "alias", "the quest's own word stays");
    });
}

#[test]
fn dc_28_a_name_that_vanished_rejects_with_the_reason() {
    run(async {
        let world = World::new();
        let backend = world.backend("b");
        backend.set_capacity(1);
        let gate = Gate::closed();
        let answer = started("t", secs(0), TaskState::Finished(TaskResult::data("{}")));
        backend.run.next(Reply::Behind(gate.clone(), Ok(answer)));
        let quests = [
            Quest::simple("b", 1),
            Quest::simple("b", 2),
            Quest::simple("b", 3),
        ];
        let ids = world.ensure(&quests).await;
        backend.called(Method::Run, 1).await;
        world.source.remove("b");
        gate.open();
        for id in &ids[1..] {
            let record = world.until_final(*id).await;
            let (status, reason) = abnormal_end(&record);
            assert_eq!(status, Status::Rejected);
            assert!(
                reason.contains("unknown distributor configuration `b`"),
                "{reason}"
            );
            assert_eq!(world.execution(id.execution(1)).config.name, "b");
        }
        assert_eq!(backend.count(Method::Run), 1);
    });
}

#[test]
fn a_configuration_that_cannot_be_read_now_is_waited_for() {
    run(async {
        let mut world = World::new();
        let backend = world.backend("b");
        backend.set_capacity(1);
        let gate = Gate::closed();
        let answer = started("t", secs(0), TaskState::Finished(TaskResult::data("{}")));
        backend.run.next(Reply::Behind(gate.clone(), Ok(answer)));
        let ids = world
            .ensure(&[Quest::simple("b", 1), Quest::simple("b", 2)])
            .await;
        backend.called(Method::Run, 1).await;
        world.source.unreadable("b");
        gate.open();
        world.until_final(ids[0]).await;
        for _ in 0..5 {
            world.advance(secs(1)).await;
        }
        world.restart().await;
        world.settle().await;
        assert!(world.get(ids[1]).ready.is_some(), "it still waits");
        world.source.set("b", "content", "v1");
        world.clock.advance(secs(1));
        world.until_final(ids[1]).await;
    });
}

#[test]
fn dc_53_wrong_parameters_are_refused_before_anything_is_stored() {
    run(async {
        let world = World::new();
        *world.backend("b").refuses.lock().expect("refuses") = Some("bad".to_owned());
        let good = Quest::simple("b", 1);
        let bad = Quest::simple("b", 2).distributor_parameters(r#"{"bad":1}"#);
        let answer = world.engine.ensure(vec![good.ensure(), bad.ensure()]).await;
        let Err(CallError::Invalid { field, message }) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(field, "quest[1].distributor_parameters");
        assert!(message.contains("`bad`"), "{message}");
        assert_eq!(
            world.inner.counts().expect("counts"),
            StateCounts::default()
        );
        assert_eq!(world.store.commits(), 0);
    });
}

#[test]
fn dc_54_what_is_no_object_never_reaches_validate() {
    run(async {
        let world = World::new();
        *world.backend("b").refuses.lock().expect("refuses") = Some(String::new());
        for parameters in ["null", "[]", "1", "\"\"", "{} x", ""] {
            let quest = Quest::simple("b", 1).distributor_parameters(parameters);
            let answer = world.engine.ensure(vec![quest.ensure()]).await;
            let Err(CallError::Invalid { field, message }) = answer else {
                panic!("{parameters}: {answer:?}");
            };
            assert_eq!(field, "quest[0]", "{parameters}: {message}");
        }
    });
}

#[test]
fn a_name_that_is_not_configured_is_refused() {
    run(async {
        let world = World::new();
        let answer = world
            .engine
            .ensure(vec![Quest::simple("nobody", 1).ensure()])
            .await;
        assert!(
            matches!(&answer, Err(CallError::Invalid { field, .. })
                if field == "quest[0].distributor_config_name"),
            "{answer:?}"
        );
    });
}

#[test]
fn a_configuration_that_cannot_be_read_now_is_no_fault_of_the_request() {
    run(async {
        let world = World::new();
        world.backend("b");
        world.source.unreadable("b");
        let request = || vec![Quest::simple("b", 1).ensure()];
        let answer = world.engine.ensure(request()).await;
        assert!(
            matches!(answer, Err(CallError::Unavailable(_))),
            "{answer:?}"
        );
        world.source.set("b", "content", "v1");
        world
            .engine
            .ensure(request())
            .await
            .expect("readable again");
    });
}
