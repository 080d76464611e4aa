//! Tasks that claim their execution before the answer of `run` is recorded.

use std::sync::Arc;

use distributor_core::dm::abnormal_finish::Status;
use distributor_core::dm::attempt::State;
use distributor_core::{AttemptId, Error, ExecutionId, Secret, TaskState};
use distributor_host::Engine;
use distributor_host::driver::{CallError, Dependent};
use distributor_host::machine::Refusal;
use distributor_store::MemoryStore;
use tokio::task::{JoinHandle, yield_now};

use crate::support::{
    CommitFault, Gate, Method, Reply, ScriptedBackend, World, abnormal_end, job, permanent, run,
    secs, started, transient,
};

/// As many claims of one attempt as may wait.
const MOST_EACH: usize = 16;
/// As many claims as may wait.
const MOST: usize = 1024;
/// How long they may.
const PATIENCE: u64 = 10;

type Answer = Result<(), CallError>;

/// A call under way.
struct Claim(JoinHandle<Answer>);

impl Claim {
    async fn answer(self) -> Answer {
        self.0.await.expect("no panic")
    }

    /// The caller does not wait any more.
    async fn leave(self) {
        self.0.abort();
        assert!(self.0.await.expect_err("no answer yet").is_cancelled());
    }
}

/// An attempt whose `run` is under way, and the task that it has started.
struct Task {
    engine: Engine,
    execution: ExecutionId,
    activation: Vec<u8>,
    gate: Gate,
}

impl Task {
    fn claim_with(&self, activation: Vec<u8>, token: u8) -> Claim {
        let (engine, id) = (self.engine.clone(), self.execution);
        let token = Secret::new(vec![token; 32]);
        Claim(tokio::spawn(async move {
            engine.activate(id, Secret::new(activation), token).await
        }))
    }

    fn claim(&self, token: u8) -> Claim {
        self.claim_with(self.activation.clone(), token)
    }

    /// A claim that the host has taken in, and not answered.
    async fn waiting_claim(&self, token: u8) -> Claim {
        let claim = self.claim(token);
        yield_now().await;
        self.engine.flush().await;
        yield_now().await;
        assert!(!claim.0.is_finished());
        claim
    }

    fn caller(&self, token: u8) -> Dependent {
        Dependent {
            execution: self.execution,
            token: Secret::new(vec![token; 32]),
        }
    }
}

/// `run` of the next execution answers like this, once the task's gate is opened.
fn gated(backend: &ScriptedBackend, answer: Result<TaskState, Error>) -> Gate {
    let gate = Gate::closed();
    let answer = answer.map(|state| started("task", secs(0), state));
    backend.run.next(Reply::Behind(gate.clone(), answer));
    gate
}

async fn task(world: &World, name: &str, answer: Result<TaskState, Error>) -> Task {
    let backend = world.jobs("b");
    let gate = gated(&backend, answer);
    let calls = backend.count(Method::Run);
    let id = world.ensure_one(&job(name)).await;
    backend.called(Method::Run, calls + 1).await;
    task_of(world, &backend, id, gate)
}

fn task_of(world: &World, backend: &ScriptedBackend, id: AttemptId, gate: Gate) -> Task {
    let mut runs = backend.calls_of(Method::Run);
    runs.retain(|run| run.execution.is_some_and(|it| it.attempt == id));
    let run = runs.pop().expect("run was called");
    Task {
        engine: world.engine.clone(),
        execution: run.execution.expect("an execution"),
        activation: run.activation_token,
        gate,
    }
}

fn is_not_settled(answer: &Answer) -> bool {
    matches!(answer, Err(CallError::Refused(Refusal::NotSettled)))
}

fn denied(answer: Answer) -> &'static str {
    match answer {
        Err(CallError::Refused(Refusal::Denied(why))) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn dc_27_a_task_that_comes_before_its_run_has_answered_waits_and_is_activated() {
    run(async {
        let world = World::new();
        let task = task(&world, "a", Ok(TaskState::Pending)).await;
        let claim = task.waiting_claim(7).await;
        assert_eq!(world.get(task.execution.attempt).state, State::Scheduling);
        task.gate.open();
        claim.answer().await.expect("the right activation token");
        let caller = task.caller(7);
        let known = world.engine.authenticate(&caller).await;
        known.expect("it runs");
    });
}

#[test]
fn a_claim_waits_through_tries_of_run_that_fail() {
    run(async {
        let world = World::new();
        let task = task(&world, "a", Err(transient("busy"))).await;
        let claim = task.waiting_claim(7).await;
        task.gate.open();
        let backend = world.jobs("b");
        backend.answered(1).await;
        world.engine.flush().await;
        world.clock.advance(secs(1));
        claim.answer().await.expect("the right activation token");
        assert_eq!(backend.count(Method::Run), 2);
    });
}

#[test]
fn dc_28_a_claim_of_an_execution_that_is_rejected_is_refused() {
    run(async {
        let world = World::new();
        let task = task(&world, "a", Err(permanent("no"))).await;
        let claim = task.waiting_claim(7).await;
        task.gate.open();
        assert_eq!(denied(claim.answer().await), "the attempt is not executing");
        let end = abnormal_end(&world.get(task.execution.attempt));
        assert_eq!(end.0, Status::Rejected);
    });
}

#[test]
fn a_claim_of_an_attempt_that_is_called_off_is_refused_at_once() {
    run(async {
        let world = World::new();
        let task = task(&world, "a", Ok(TaskState::Pending)).await;
        let claim = task.waiting_claim(7).await;
        let id = task.execution.attempt;
        let cancelled = world.engine.cancel(id, "not wanted".to_owned()).await;
        cancelled.expect("the wish is taken");
        let called_off = "the attempt was called off";
        assert_eq!(denied(claim.answer().await), called_off);
        assert_eq!(denied(task.claim(7).answer().await), called_off);
    });
}

#[test]
fn dc_27_a_wrong_token_is_refused_at_once() {
    run(async {
        let world = World::new();
        let task = task(&world, "a", Ok(TaskState::Pending)).await;
        let wrong = task.claim_with(vec![1; 32], 7).answer().await;
        assert_eq!(denied(wrong), "wrong activation token");
        let empty = task.claim_with(Vec::new(), 7).answer().await;
        assert_eq!(denied(empty), "wrong activation token");
    });
}

#[test]
fn dc_27_of_two_tasks_that_come_early_the_first_is_activated() {
    run(async {
        let world = World::new();
        let task = task(&world, "a", Ok(TaskState::Pending)).await;
        let first = task.waiting_claim(7).await;
        let second = task.waiting_claim(8).await;
        let repeated = task.waiting_claim(7).await;
        task.gate.open();
        first.answer().await.expect("the first");
        let second = second.answer().await;
        let slower = matches!(&second, Err(CallError::Refused(Refusal::AlreadyActivated)));
        assert!(slower, "{second:?}");
        repeated.answer().await.expect("the same call again");
        let known = world.engine.authenticate(&task.caller(7)).await;
        known.expect("the first runs");
        let other = world.engine.authenticate(&task.caller(8)).await;
        assert_eq!(denied(other), "wrong execution token");
    });
}

#[test]
fn an_execution_is_not_given_to_a_caller_who_has_gone() {
    run(async {
        let world = World::new();
        let task = task(&world, "a", Ok(TaskState::Pending)).await;
        // One is forgotten before the execution is settled, the other at that moment.
        let forgotten = task.waiting_claim(5).await;
        forgotten.leave().await;
        world.engine.flush().await;
        let gone = task.waiting_claim(6).await;
        let second = task.waiting_claim(7).await;
        let hold = world.store.hold_next_commit();
        let other = [job("other")];
        let leave = async {
            world.store.held().await;
            task.gate.open();
            world.jobs("b").answered(1).await;
            gone.leave().await;
            drop(hold);
        };
        tokio::join!(world.ensure(&other), leave);
        second.answer().await.expect("nobody else waits");
    });
}

#[test]
fn a_claim_does_not_wait_for_ever_and_its_place_is_free_again() {
    run(async {
        let world = World::new();
        let task = task(&world, "a", Ok(TaskState::Pending)).await;
        let mut claims = Vec::new();
        for token in 0..MOST_EACH {
            claims.push(task.waiting_claim(token as u8).await);
        }
        assert!(is_not_settled(&task.claim(99).answer().await));
        world.clock.advance(secs(PATIENCE));
        for claim in claims {
            assert!(is_not_settled(&claim.answer().await));
        }
        let claim = task.waiting_claim(7).await;
        task.gate.open();
        claim.answer().await.expect("the right activation token");
    });
}

#[test]
fn many_claims_wait_and_leave_room_for_others() {
    run(async {
        let world = World::new();
        let backend = world.jobs("b");
        let gate = Gate::closed();
        let behind = gate.clone();
        backend.run.rule(move |seen| {
            let started = started(&seen.task(), secs(0), TaskState::Pending);
            Reply::Behind(behind.clone(), Ok(started))
        });
        let quests: Vec<_> = (0..MOST / MOST_EACH + 1).map(job).collect();
        let ids = world.ensure(&quests).await;
        backend.called(Method::Run, ids.len()).await;
        let tasks = ids
            .iter()
            .map(|id| task_of(&world, &backend, *id, gate.clone()));
        let mut tasks: Vec<Task> = tasks.collect();
        let late = tasks.pop().expect("one more");
        let mut claims = Vec::new();
        for task in &tasks {
            for token in 0..MOST_EACH {
                claims.push((token, task.claim(token as u8)));
            }
        }
        yield_now().await;
        world.engine.flush().await;
        yield_now().await;
        assert!(claims.iter().all(|(_, claim)| !claim.0.is_finished()));
        assert!(is_not_settled(&late.claim(7).answer().await));
        // The host goes on meanwhile, also with calls of clients.
        let cancelled = world.engine.cancel(late.execution.attempt, String::new());
        cancelled.await.expect("taken");
        gate.open();
        for (token, claim) in claims {
            let answer = claim.answer().await;
            assert_eq!(answer.is_ok(), token == 0, "{answer:?}");
        }
    });
}

#[test]
fn when_the_store_fails_claims_are_answered_and_may_come_again() {
    run(async {
        for fault in [CommitFault::Lost, CommitFault::Doubtful] {
            let world = World::new();
            let task = task(&world, "a", Ok(TaskState::Pending)).await;
            let claim = task.waiting_claim(7).await;
            world.store.fail_next_commit(fault);
            // The batch that fails is the one that would settle it.
            task.gate.open();
            let answer = claim.answer().await;
            assert!(matches!(answer, Err(CallError::NotStored(_))), "{answer:?}");
            world.store.failed(1).await;
            world.clock.advance(secs(1));
            world.until_executing(task.execution.attempt).await;
            task.claim(7)
                .answer()
                .await
                .expect("the right activation token");
        }
    });
}

#[test]
fn a_failure_of_another_batch_answers_claims_too() {
    run(async {
        let world = World::new();
        let task = task(&world, "a", Ok(TaskState::Pending)).await;
        let claim = task.waiting_claim(7).await;
        world.store.fail_next_commit(CommitFault::Lost);
        let id = task.execution.attempt;
        let poked = world.engine.ensure(crate::support::ensure_all(&[job("x")]));
        assert!(poked.await.is_err());
        assert!(matches!(claim.answer().await, Err(CallError::NotStored(_))));
        world.clock.advance(secs(1));
        let claim = task.waiting_claim(7).await;
        task.gate.open();
        claim.answer().await.expect("the right activation token");
        assert_eq!(world.get(id).current_execution, 1);
    });
}

#[test]
fn the_host_stops_although_claims_wait() {
    run(async {
        let world = World::new();
        let task = task(&world, "a", Ok(TaskState::Pending)).await;
        let claim = task.waiting_claim(7).await;
        world.engine.stop().await;
        assert!(matches!(claim.answer().await, Err(CallError::Stopped)));
    });
}

#[test]
fn after_a_crash_the_task_comes_again_with_the_same_token() {
    run(async {
        let mut world = World::on(Arc::new(MemoryStore::new()), Default::default(), 1);
        let first = task(&world, "a", Ok(TaskState::Pending)).await;
        let claim = first.waiting_claim(7).await;
        world.crash().await;
        let answer = claim.answer().await;
        assert!(matches!(answer, Err(CallError::Stopped)), "{answer:?}");
        let backend = world.jobs("b");
        let id = first.execution.attempt;
        let again = Task {
            engine: world.engine.clone(),
            ..first
        };
        let early = again.claim(7);
        again.gate.open();
        early.answer().await.expect("the right activation token");
        backend.called(Method::Run, 2).await;
        assert_eq!(backend.activation_tokens()[&id.execution(1)], 1);
    });
}
