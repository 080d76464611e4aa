//! Activate, finish, halt: who may, and what it changes.

use distributor_core::dm::attempt::State as Attempt;
use distributor_core::dm::execution::State as Execution;
use distributor_store::bits::Bits;
use distributor_store::records::StoredSecret;

use super::*;

fn denied<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> &'static str {
    match answer {
        Err(Refusal::Denied(why)) => why,
        other => panic!("expected to be denied: {other:?}"),
    }
}

#[test]
fn t13_revoking_erases_the_token_and_stops() {
    let life = Life::stopping(timed());
    assert!(life.execution().auth_token.0.is_empty());
    assert_eq!(life.execution_state(), Execution::Stopping);
}

#[test]
fn t15_a_call_is_refused_unless_execution_state_and_token_fit() {
    let mut life = Life::running(timed());
    let not_current = "not the current execution";
    assert_eq!(denied(life.finish_attempt_with(2, EXECUTION)), not_current);
    assert_eq!(denied(life.finish_attempt_with(0, EXECUTION)), not_current);
    for token in [WRONG, ACTIVATION, b"", &EXECUTION[..31]] {
        let answer = life.finish_attempt_with(1, token);
        assert_eq!(denied(answer), "wrong execution token");
    }
    let mut life = Life::scheduled(timed());
    for token in [ACTIVATION, EXECUTION, b""] {
        let answer = life.finish_attempt_with(1, token);
        assert_eq!(denied(answer), "the execution is not running");
    }
    let mut life = Life::waiting(timed(), 1);
    let answer = life.finish_attempt_with(1, EXECUTION);
    assert_eq!(denied(answer), "the attempt is not executing");
}

#[test]
fn t16_a_call_is_accepted_if_everything_fits() {
    assert_eq!(Life::running(timed()).finish_attempt(), Ok(()));
    assert_eq!(Life::running(timed()).halt(&[false]), Ok(()));
}

#[test]
fn t16_authentication_alone_changes_nothing() {
    let life = Life::running(timed());
    let secret = |token: &[u8]| Secret::new(token);
    assert_eq!(authenticate(&life.record, 1, &secret(EXECUTION)), Ok(()));
    for (number, token) in [(1, WRONG), (1, ACTIVATION), (1, b""), (2, EXECUTION)] {
        denied(authenticate(&life.record, number, &secret(token)));
    }
    let stopping = Life::stopping(timed());
    denied(authenticate(&stopping.record, 1, &secret(EXECUTION)));
    denied(authenticate(&stopping.record, 1, &secret(b"")));
}

#[test]
fn t17_an_execution_that_does_not_exist_cannot_be_activated() {
    for mut life in [Life::new(timed()), Life::declared(timed(), 1)] {
        let answer = life.activate_with(ACTIVATION, EXECUTION);
        assert_eq!(denied(answer), "the attempt is not executing");
    }
}

#[test]
fn t18_activation_is_refused_unless_execution_state_and_token_fit() {
    let mut life = Life::scheduled(timed());
    for token in [WRONG, EXECUTION, b""] {
        let answer = life.activate_with(token, EXECUTION);
        assert_eq!(denied(answer), "wrong activation token");
    }
    let mut life = Life::stopping(timed());
    let answer = life.activate_with(ACTIVATION, EXECUTION);
    assert_eq!(denied(answer), "the execution is stopping");
    life.ended(data("{}"));
    let answer = life.activate_with(ACTIVATION, EXECUTION);
    assert_eq!(denied(answer), "the attempt is not executing");
}

#[test]
fn t19_activate_ok_is_running() {
    let mut life = Life::scheduled(timed());
    let before = life.execution().clone();
    life.set(4).activate();
    let expected = ExecutionRecord {
        state: Execution::Running,
        modified: at(4),
        auth_token: StoredSecret(Secret::new(EXECUTION)),
        deadline: Some(at(104)),
        ..before
    };
    assert_eq!(*life.execution(), expected);
}

#[test]
fn t20_a_second_task_cannot_activate() {
    let mut life = Life::running(timed());
    let answer = life.activate_with(ACTIVATION, WRONG);
    assert_eq!(answer, Err(Refusal::AlreadyActivated));
    // Who was never invited does not learn that it came second.
    let answer = life.activate_with(WRONG, WRONG);
    assert_eq!(denied(answer), "wrong activation token");
}

#[test]
fn t21_the_same_activation_again_is_fine_and_does_not_move_the_deadline() {
    let mut life = Life::running(timed());
    let before = life.record.clone();
    assert_eq!(life.set(50).activate_with(ACTIVATION, EXECUTION), Ok(()));
    assert_eq!(life.activate_with(WRONG, EXECUTION), Ok(()));
    assert_eq!(life.record, before);
}

#[test]
fn t22_a_token_works_once_for_the_end() {
    let mut life = Life::running(timed());
    denied(life.finish_attempt_with(1, WRONG));
    assert_eq!(life.finish_attempt(), Ok(()));
    denied(life.finish_attempt());
    denied(life.halt(&[false]));

    let mut life = Life::running(timed());
    assert_eq!(life.halt(&[false]), Ok(()));
    denied(life.halt(&[false]));
    denied(life.finish_attempt());
}

#[test]
fn dc_27_before_run_has_answered_the_invited_task_is_told_to_come_again() {
    let mut life = Life::new(timed());
    life.start();
    let mut call = |number, token: &[u8]| {
        life.apply(Event::Activate {
            execution: number,
            activation_token: Secret::new(token),
            execution_token: Secret::new(EXECUTION),
        })
    };
    assert_eq!(call(1, ACTIVATION), Err(Refusal::NotSettled));
    assert_eq!(denied(call(1, WRONG)), "wrong activation token");
    assert_eq!(denied(call(2, ACTIVATION)), "not the current execution");
    assert_eq!(denied(call(0, ACTIVATION)), "the attempt is not executing");
    life.run_answers(Ok(pending()));
    life.activate();
}

#[test]
fn dc_27_the_token_of_an_earlier_execution_opens_nothing() {
    let mut life = Life::running(Policy {
        retries: one_retry_each(),
        ..timed()
    });
    life.ended(failure(Status::Failed, "x"));
    life.does(Event::Start {
        activation_token: Secret::new(*b"another activation token of 32 b"),
        config: config(),
    });
    life.run_answers(Ok(pending()));
    denied(life.activate_with(ACTIVATION, EXECUTION));
    denied(life.finish_attempt_with(1, EXECUTION));
    denied(life.finish_attempt_with(2, EXECUTION));
}

#[test]
fn an_abandoned_execution_cannot_be_activated() {
    let mut life = Life::new(timed());
    life.start();
    life.cancel();
    let answer = life.apply(Event::Activate {
        execution: 1,
        activation_token: Secret::new(ACTIVATION),
        execution_token: Secret::new(EXECUTION),
    });
    assert_eq!(denied(answer), "the attempt was called off");
}

#[test]
fn nobody_speaks_for_the_job_of_a_simple_quest() {
    let mut life = Life::scheduled(simple());
    for token in [ACTIVATION, b""] {
        denied(life.activate_with(token, EXECUTION));
    }
    life.status(AnsweredState::Running);
    for token in [ACTIVATION, b""] {
        denied(life.activate_with(token, EXECUTION));
        denied(life.activate_with(token, b""));
        denied(life.finish_attempt_with(1, token));
    }
}

#[test]
fn t42_finish_attempt_keeps_the_result_and_waits_for_the_task() {
    let mut life = Life::running(timed());
    let before = life.record.clone();
    life.set(20).finish_attempt().unwrap();
    let expected = AttemptRecord {
        execution: Some(ExecutionRecord {
            state: Execution::Stopping,
            modified: at(20),
            auth_token: StoredSecret::default(),
            deadline: Some(at(80)),
            ..before.execution.clone().unwrap()
        }),
        outcome: Some(Outcome::Data(json(r#"{"a":1}"#))),
        ..before
    };
    assert_eq!(life.record, expected);
    assert_eq!(life.record.state, Attempt::Executing);
}

#[test]
fn t43_finish_attempt_with_a_bad_token_stores_nothing() {
    let mut life = Life::running(timed());
    denied(life.finish_attempt_with(1, WRONG));
    assert_eq!(life.record.outcome, None);
    assert_eq!(life.states(), (Attempt::Executing, Execution::Running));
    assert!(!life.execution().auth_token.0.is_empty());
}

#[test]
fn t33_a_halt_with_a_bad_token_changes_nothing() {
    let mut life = Life::running(timed());
    denied(life.apply(Event::Halt {
        execution: 1,
        token: Secret::new(WRONG),
        satisfied: vec![false],
    }));
}

#[test]
fn t34_a_job_that_waits_for_nothing_pending_is_not_stopped() {
    let mut life = Life::running(timed());
    let before = life.record.clone();
    for satisfied in [&[][..], &[true], &[true, true]] {
        assert_eq!(life.halt(satisfied), Ok(()));
        assert_eq!(life.record, before);
    }
    life.finish_attempt().unwrap();
    life.ended(data("{}"));
    assert_eq!(life.record.state, Attempt::Finished);
}

#[test]
fn t35_a_halt_stops_the_execution_and_its_normal_end_makes_the_attempt_wait() {
    let mut life = Life::running(timed());
    life.set(20)
        .halt(&[false, true, false, false, true, false])
        .unwrap();
    assert_eq!(life.states(), (Attempt::Executing, Execution::Stopping));
    let mut dependencies = Bits::new(6);
    dependencies.set(1);
    dependencies.set(4);
    assert_eq!(life.record.dependencies, dependencies);
    assert!(life.execution().auth_token.0.is_empty());
    assert_eq!(life.execution().deadline, Some(at(80)));

    assert_eq!(life.ended(data("{}")), [release(1)]);
    assert_eq!(life.states(), (Attempt::Waiting, Execution::Finished));
    assert_eq!(life.record.dependencies, dependencies);
    assert_eq!(life.record.outcome, None);
}

#[test]
fn calls_of_an_execution_that_was_called_off_are_refused() {
    let why = "the execution is being cancelled";
    let mut life = Life::scheduled(timed());
    life.cancel();
    assert_eq!(denied(life.activate_with(ACTIVATION, EXECUTION)), why);
    assert_eq!(life.execution_state(), Execution::Scheduling);

    let mut life = Life::running(timed());
    life.cancel();
    assert!(life.execution().auth_token.0.is_empty());
    assert_eq!(denied(life.activate_with(ACTIVATION, EXECUTION)), why);
    assert_eq!(denied(life.activate_with(ACTIVATION, WRONG)), why);
    assert_eq!(denied(life.finish_attempt()), why);
    assert_eq!(denied(life.halt(&[false])), why);
}
