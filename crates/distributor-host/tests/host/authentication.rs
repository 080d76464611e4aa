//! Who is the running execution that it says it is, and what it may do.

use distributor_core::dm::{attempt, execution};
use distributor_core::{AttemptId, Secret, dm};
use distributor_host::driver::{CallError, Dependent};
use distributor_host::machine::Refusal;

use crate::support::{CommitFault, Method, Quest, World, abnormal_end, job, run, secs};

fn is_denied<T: std::fmt::Debug>(answer: Result<T, CallError>) {
    let denied = matches!(answer, Err(CallError::Refused(Refusal::Denied(_))));
    assert!(denied, "{answer:?}");
}

fn is_missing<T: std::fmt::Debug>(answer: Result<T, CallError>, id: AttemptId) {
    let missing = matches!(&answer, Err(CallError::NotFound(named)) if *named == id);
    assert!(missing, "{answer:?}");
}

fn wrong() -> Secret {
    Secret::new(vec![8; 32])
}

fn result() -> dm::JsonResult {
    dm::JsonResult {
        object: r#"{ "result": true }"#.to_owned(),
        ..Default::default()
    }
}

/// Those who are not what they say: another number, another token, another time.
fn impostors(job: &Dependent) -> Vec<Dependent> {
    let with = |number, token: Secret| Dependent {
        execution: job.execution.attempt.execution(number),
        token,
    };
    let number = job.execution.number;
    vec![
        with(number, wrong()),
        with(number, Secret::default()),
        with(number + 1, job.token.clone()),
        with(0, job.token.clone()),
    ]
}

#[test]
fn t14_t28_t38_a_missing_attempt_is_not_found() {
    run(async {
        let world = World::new();
        world.jobs("b");
        let nobody = Dependent {
            execution: job("nobody").attempt().execution(1),
            token: wrong(),
        };
        let id = nobody.execution.attempt;
        is_missing(world.engine.authenticate(&nobody).await, id);
        is_missing(world.depend(&nobody, &[job("x")]).await, id);
        assert_eq!(world.find(job("x").attempt()), None);
        let finish = world
            .engine
            .finish_attempt(nobody.execution, wrong(), result());
        is_missing(finish.await, id);
        let cancel = world
            .engine
            .cancel_execution(nobody.execution, "no".to_owned());
        is_missing(cancel.await, id);
    });
}

#[test]
fn t15_t33_who_is_not_the_running_execution_is_refused_and_changes_nothing() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let id = by.execution.attempt;
        let before = world.get(id);
        for impostor in impostors(&by) {
            is_denied(world.engine.authenticate(&impostor).await);
            // Over an absent quest he learns nothing.
            let mut request = world.request(&[job("x")]);
            request.attempts.push(job("absent").attempt());
            request.dependent = Some(impostor);
            is_denied(world.engine.ensure_graph(request).await);
        }
        assert_eq!(world.get(id), before);
        assert_eq!(world.find(job("x").attempt()), None);
        // Not running yet, and not any more.
        let scheduled = world.ensure_one(&job("scheduled")).await;
        world.until_executing(scheduled).await;
        let early = Dependent {
            execution: scheduled.execution(1),
            token: by.token.clone(),
        };
        is_denied(world.engine.authenticate(&early).await);
        is_denied(world.depend(&early, &[job("x")]).await);
        world.halt(&by, &[job("scheduled")]).await;
        is_denied(world.engine.authenticate(&by).await);
        is_denied(world.depend(&by, &[job("x")]).await);
        assert_eq!(world.find(job("x").attempt()), None);
    });
}

#[test]
fn t16_the_running_execution_is_accepted_and_nothing_changes() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let before = world.get(by.execution.attempt);
        for _ in 0..3 {
            let accepted = world.engine.authenticate(&by).await;
            accepted.expect("the running execution");
        }
        assert_eq!(world.get(by.execution.attempt), before);
    });
}

#[test]
fn t17_activating_what_does_not_exist_is_refused() {
    run(async {
        let world = World::new();
        world.jobs("b");
        let id = world.ensure_one(&job("by")).await;
        world.until_executing(id).await;
        let activate = |id| world.engine.activate(id, wrong(), wrong());
        is_denied(activate(id.execution(7)).await);
        let nobody = job("nobody").attempt();
        is_missing(activate(nobody.execution(1)).await, nobody);
    });
}

#[test]
fn t22_t43_a_bad_token_stores_nothing_and_a_good_one_works_once() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let id = by.execution.attempt;
        let before = world.get(id);
        let finish = |token| world.engine.finish_attempt(by.execution, token, result());
        is_denied(finish(wrong()).await);
        assert_eq!(world.get(id), before);
        finish(by.token.clone()).await.expect("the right token");
        is_denied(finish(by.token.clone()).await);
        let record = world.get(id);
        assert_eq!(record.state, attempt::State::Executing);
        let execution = record.execution.expect("an execution");
        assert_eq!(execution.state, execution::State::Stopping);
        assert!(execution.auth_token.0.is_empty());
    });
}

#[test]
fn t23_a_failed_write_leaves_the_token_good() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let before = world.get(by.execution.attempt);
        world.store.fail_next_commit(CommitFault::Lost);
        let finish = || {
            let token = by.token.clone();
            world.engine.finish_attempt(by.execution, token, result())
        };
        let answer = finish().await;
        assert!(matches!(answer, Err(CallError::NotStored(_))), "{answer:?}");
        assert_eq!(world.get(by.execution.attempt), before);
        world.advance(secs(1)).await;
        finish().await.expect("the same call");
        let execution = world.get(by.execution.attempt).execution;
        assert!(execution.expect("an execution").auth_token.0.is_empty());
    });
}

#[test]
fn t24_secrets_are_never_shown() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let shown = format!("{:?} {by:?}", world.get(by.execution.attempt));
        assert!(
            !shown.contains("7, 7") && shown.contains("Secret(…)"),
            "{shown}"
        );
    });
}

#[test]
fn only_the_current_execution_can_be_cancelled_by_its_number() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let id = by.execution.attempt;
        world.halt(&by, &[job("x")]).await;
        let cancel = |number, reason: &str| {
            let execution = id.execution(number);
            world.engine.cancel_execution(execution, reason.to_owned())
        };
        // It is over, and the attempt waits.
        is_denied(cancel(1, "late").await);
        let x = world.job(&backend, job("x").attempt()).await;
        world.finish(&x, "{}").await;
        world.until_executing(id).await;
        let before = world.get(id);
        for number in [0, 1, 3] {
            is_denied(cancel(number, "another").await);
        }
        assert_eq!(world.get(id), before);
        cancel(2, "enough").await.expect("the current execution");
        backend.called(Method::Cancel, 1).await;
        cancel(2, "again").await.expect("it is not over yet");
        world.end_current(id, "{}").await;
        assert_eq!(abnormal_end(&world.get(id)).1, "enough");
        assert_eq!(backend.count(Method::Cancel), 1);
        is_denied(cancel(2, "too late").await);
    });
}

#[test]
fn a_job_that_is_being_cancelled_may_not_ask_for_anything() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let by = world.new_job(&backend, &job("by")).await;
        let no = world.engine.cancel(by.execution.attempt, "no".to_owned());
        no.await.expect("it exists");
        is_denied(world.engine.authenticate(&by).await);
        is_denied(world.depend(&by, &[job("x")]).await);
    });
}

#[test]
fn a_simple_quest_has_no_token_that_opens_anything() {
    run(async {
        let world = World::new();
        world.jobs("b");
        let id = world.ensure_one(&Quest::simple("b", "simple")).await;
        world.until_executing(id).await;
        for token in [Secret::default(), wrong()] {
            let caller = Dependent {
                execution: id.execution(1),
                token,
            };
            is_denied(world.engine.authenticate(&caller).await);
            is_denied(world.depend(&caller, &[job("x")]).await);
        }
    });
}
