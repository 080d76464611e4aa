//! New attempts, decided executions, and what `run` answers.

use distributor_core::dm::attempt::State as Attempt;
use distributor_core::dm::execution::State as Execution;
use distributor_store::bits::Bits;
use distributor_store::records::{Prepared, StoredSecret};
use sha2::{Digest, Sha256};

use super::super::policy;
use super::*;

#[test]
fn t39_a_new_attempt_is_scheduling_and_wants_to_be_started() {
    let expected = AttemptRecord {
        id: ID,
        version: 0,
        config_name: "fake".into(),
        policy: timed(),
        state: Attempt::Scheduling,
        created: at(0),
        modified: at(0),
        failures: Retries::default(),
        current_execution: 0,
        last_successful_execution: 0,
        dependencies: Bits::default(),
        ready: None,
        prepared: None,
        execution: None,
        outcome: None,
    };
    assert_eq!(Life::new(timed()).record, expected);
}

#[test]
fn declared_dependencies_make_a_new_attempt_wait() {
    let life = Life::declared(timed(), 3);
    assert_eq!(life.record.state, Attempt::Waiting);
    assert_eq!(life.record.dependencies, Bits::new(3));
    assert_eq!(life.record.current_execution, 0);
}

#[test]
fn the_policy_is_what_the_description_says() {
    use dm::quest::desc::Meta;
    use dm::quest::desc::meta::{Retry, Simple, Timeouts};
    let duration = |seconds, nanos| Some(prost_types::Duration { seconds, nanos });
    let mut desc = dm::quest::Desc {
        meta: Some(Meta {
            retry: Some(Retry {
                failed: 1,
                crashed: 2,
                expired: 3,
                timed_out: u32::MAX,
            }),
            timeouts: Some(Timeouts {
                start: duration(300, 0),
                run: duration(0, 5_000),
                stop: None,
            }),
            ..Meta::default()
        }),
        ..dm::quest::Desc::default()
    };
    let expected = Policy {
        retries: Retries {
            failed: 1,
            crashed: 2,
            expired: 3,
            timed_out: u32::MAX,
        },
        start_timeout: 5 * MINUTE,
        run_timeout: Duration::from_micros(5),
        ..Policy::default()
    };
    assert_eq!(policy(&desc), expected);
    let run_anyway = true;
    desc.meta.as_mut().unwrap().simple = Some(Simple {
        run_anyway,
        ..Simple::default()
    });
    let expected = Policy {
        simple: true,
        run_anyway,
        ..expected
    };
    assert_eq!(policy(&desc), expected);
    assert_eq!(policy(&dm::quest::Desc::default()), Policy::default());
}

#[test]
fn a_decided_execution_fixes_token_and_configuration_before_run() {
    let mut life = Life::new(timed());
    life.record.ready = Some(17);
    assert_eq!(life.set(3).start(), [Effect::Run]);
    let prepared = Prepared {
        execution: 1,
        activation_token: StoredSecret(Secret::new(ACTIVATION)),
        config: config(),
        created: at(3),
        poke: false,
        ending: None,
        give_up_at: None,
    };
    assert_eq!(life.record.prepared, Some(prepared));
    assert_eq!(life.record.ready, None);
    // Deciding again would give a repeated `run` another token.
    life.ignores(Event::Start {
        activation_token: Secret::new(WRONG),
        config: config(),
    });
    life.ignores(Event::StartImpossible {
        config: config(),
        reason: "gone".to_owned(),
    });
}

#[test]
fn dc_29_until_run_has_answered_no_execution_exists_and_no_number_is_used_up() {
    let mut life = Life::new(timed());
    life.start();
    assert_eq!(life.record.state, Attempt::Scheduling);
    assert_eq!(life.record.current_execution, 0);
    assert_eq!(life.record.execution, None);
    assert_eq!(life.record.wake_at(), None);
    // A transient error reaches the machine as nothing at all; the later success has number 1.
    life.set(1000).run_answers(Ok(pending()));
    assert_eq!(life.execution().number, 1);
}

#[test]
fn t48_run_ok_is_executing_with_the_token_and_a_start_timer() {
    let policy = Policy {
        start_timeout: 5 * MINUTE,
        ..timed()
    };
    let mut life = Life::new(policy);
    life.set(1).start();
    assert_eq!(life.set(4).run_answers(Ok(pending())), []);
    let expected = ExecutionRecord {
        number: 1,
        state: Execution::Scheduling,
        created: at(1),
        modified: at(4),
        started: at(4),
        config: config(),
        token: token(1),
        auth_token: StoredSecret(Secret::new(ACTIVATION)),
        poll_timeout: Duration::ZERO,
        deadline: Some(at(304)),
        poll_at: None,
        polls: 0,
        polling: false,
        ask_again: false,
        last_error: None,
        activation_digest: Sha256::digest(ACTIVATION).to_vec(),
        ending: None,
        outcome: None,
    };
    assert_eq!(life.record.execution, Some(expected));
    assert_eq!(life.record.state, Attempt::Executing);
    assert_eq!(life.record.prepared, None);
    assert_eq!(life.record.modified, at(4));
}

#[test]
fn t10_the_last_number_of_an_execution_is_used_and_none_comes_after_it() {
    let mut life = Life::waiting(timed(), 1);
    life.record.current_execution = u32::MAX - 1;
    life.record.last_successful_execution = u32::MAX - 1;
    life.record.execution.as_mut().unwrap().number = u32::MAX - 1;
    life.dependency_ended(0, None);
    life.execute();
    assert_eq!(life.execution().number, u32::MAX);
    life.activate();
    life.halt(&[false]).unwrap();
    life.ended(data("{}"));
    life.dependency_ended(0, None);
    assert_eq!(life.start(), [Effect::Ended]);
    let reason = "no execution number is left";
    let expected = abnormal(Status::Rejected, reason);
    assert_eq!(life.record.outcome, Some(expected));
}

#[test]
fn a_second_answer_of_run_changes_nothing() {
    let mut life = Life::scheduled(timed());
    for (execution, answer) in [(1, Ok(pending())), (2, Ok(pending())), (1, Err("x".into()))] {
        life.ignores(Event::RunAnswered { execution, answer });
    }
    life.activate();
    life.ended(failure(Status::Failed, "x"));
    life.ignores(Event::RunAnswered {
        execution: 2,
        answer: Ok(pending()),
    });
}

#[test]
fn an_answer_of_run_for_another_execution_leaves_the_prepared_one_alone() {
    let mut life = Life::new(timed());
    life.start();
    for execution in [0, 2] {
        life.ignores(Event::RunAnswered {
            execution,
            answer: Ok(pending()),
        });
    }
}

#[test]
fn dc_28_a_permanent_run_error_is_rejected_verbatim() {
    let mut life = Life::new(Policy {
        retries: one_retry_each(),
        ..timed()
    });
    life.start();
    assert_eq!(
        life.set(2).run_answers(Err("no such program: /x")),
        [Effect::Ended]
    );
    assert_eq!(life.states(), BOTH_FAILED);
    let rejected = Some(abnormal(Status::Rejected, "no such program: /x"));
    assert_eq!(life.record.outcome, rejected);
    assert_eq!(life.execution().outcome, rejected);
    assert_eq!(life.record.current_execution, 1);
    assert_eq!(life.record.wake_at(), None);
    assert_eq!(life.record.failures, Retries::default());
}

#[test]
fn t50_a_permanent_run_error_ends_a_later_execution_too() {
    let mut life = Life::running(Policy {
        retries: one_retry_each(),
        ..timed()
    });
    life.ended(failure(Status::Failed, "once"));
    let past = life.archived();
    life.start();
    assert_eq!(life.run_answers(Err("full")), [past, Effect::Ended]);
    assert_eq!(life.states(), BOTH_FAILED);
    assert_eq!(life.execution().number, 2);
}

#[test]
fn a_configuration_that_does_not_exist_rejects_the_execution() {
    let mut life = Life::new(timed());
    life.record.ready = Some(1);
    let reason = "no configuration `fake`".to_owned();
    let effects = life.does(Event::StartImpossible {
        config: config(),
        reason: reason.clone(),
    });
    assert_eq!(effects, [Effect::Ended]);
    assert_eq!(life.states(), BOTH_FAILED);
    assert_eq!(
        life.record.outcome,
        Some(abnormal(Status::Rejected, &reason))
    );
    assert_eq!(
        (life.record.current_execution, life.record.ready),
        (1, None)
    );
}

#[test]
fn only_a_scheduling_attempt_is_started() {
    let lives = [
        Life::declared(timed(), 1),
        Life::scheduled(timed()),
        Life::stopping(timed()),
        Life::waiting(timed(), 1),
        {
            let mut life = Life::stopping(timed());
            life.ended(data("{}"));
            life
        },
    ];
    for mut life in lives {
        life.ignores(Event::Start {
            activation_token: Secret::new(ACTIVATION),
            config: config(),
        });
        life.ignores(Event::StartImpossible {
            config: config(),
            reason: "gone".to_owned(),
        });
    }
}

#[test]
fn a_retry_archives_the_former_execution_and_is_number_2() {
    let mut life = Life::running(Policy {
        retries: one_retry_each(),
        ..timed()
    });
    life.ended(failure(Status::Crashed, "signal 11"));
    let past = life.archived();
    assert_eq!(life.start(), [Effect::Run]);
    assert_eq!(life.run_answers(Ok(pending())), [past]);
    assert_eq!(life.execution().number, 2);
    assert_eq!(life.execution().token, token(2));
    assert_eq!(life.execution().outcome, None);
}

#[test]
fn a_simple_quest_has_no_tokens_and_is_polled() {
    let mut life = Life::new(Policy {
        simple: true,
        ..timed()
    });
    life.start();
    let answer = run_answer(1, 7 * SECOND, AnsweredState::Pending);
    life.run_answers(Ok(answer));
    assert!(life.execution().auth_token.0.is_empty());
    assert!(life.execution().activation_digest.is_empty());
    assert_eq!(life.execution().poll_at, Some(at(7)));
    assert_eq!(life.execution().deadline, Some(at(10)));
}

#[test]
fn a_simple_quest_runs_once_the_backend_says_so() {
    let mut life = Life::new(Policy {
        simple: true,
        ..timed()
    });
    life.start();
    life.run_answers(Ok(run_answer(1, SECOND, AnsweredState::Running)));
    assert_eq!(life.execution_state(), Execution::Running);
    assert_eq!(life.execution().deadline, Some(at(100)));

    // Later the same news does not move the deadline, and the opposite does not undo it.
    life.set(5).status(AnsweredState::Running);
    life.set(6).status(AnsweredState::Pending);
    assert_eq!(life.execution_state(), Execution::Running);
    assert_eq!(life.execution().deadline, Some(at(100)));
}

#[test]
fn a_job_that_speaks_the_api_runs_only_once_it_says_so_itself() {
    let mut life = Life::new(timed());
    life.start();
    life.run_answers(Ok(run_answer(1, SECOND, AnsweredState::Running)));
    life.status(AnsweredState::Running);
    assert_eq!(life.execution_state(), Execution::Scheduling);
    assert_eq!(life.execution().deadline, Some(at(10)));
}

#[test]
fn a_run_that_is_over_at_once_finishes_a_simple_quest() {
    let mut life = Life::new(simple());
    life.start();
    let answer = run_answer(1, SECOND, AnsweredState::Finished(data(r#"{ "x": 1 }"#)));
    assert_eq!(life.run_answers(Ok(answer)), [release(1), Effect::Ended]);
    assert_eq!(life.states(), (Attempt::Finished, Execution::Finished));
    assert_eq!(life.record.outcome, Some(normal(r#"{"x":1}"#)));
}

#[test]
fn a_run_that_failed_at_once_is_retried() {
    let mut life = Life::new(Policy {
        retries: one_retry_each(),
        ..timed()
    });
    life.start();
    life.does(Event::Poke { execution: 1 });
    let over = AnsweredState::Finished(failure(Status::Failed, "exit code 1"));
    let effects = life.run_answers(Ok(run_answer(1, SECOND, over)));
    assert_eq!(effects, [release(1), Effect::Ready]);
    assert_eq!(life.record.state, Attempt::Scheduling);
}

#[test]
fn dc_47_a_notification_before_run_has_answered_becomes_one_status_query() {
    let mut life = Life::new(timed());
    life.start();
    for _ in 0..2 {
        assert_eq!(life.does(Event::Poke { execution: 1 }), []);
    }
    assert_eq!(life.run_answers(Ok(pending())), [Effect::GetStatus]);
    assert!(life.execution().polling);
    let effects = life.status(AnsweredState::Finished(failure(Status::Crashed, "x")));
    assert_eq!(effects, [release(1), Effect::Ended]);
}

#[test]
fn dc_47_a_notification_for_any_other_execution_is_no_poke() {
    let mut life = Life::new(timed());
    life.ignores(Event::Poke { execution: 1 });
    life.start();
    for execution in [0, 2] {
        life.ignores(Event::Poke { execution });
    }
    assert_eq!(life.run_answers(Ok(pending())), []);
    life.ignores(Event::Poke { execution: 1 });
}

#[test]
fn an_attempt_without_a_number_left_is_over_instead_of_counting_from_zero() {
    let mut life = Life::new(timed());
    life.record.current_execution = u32::MAX;
    for event in [
        Event::Start {
            activation_token: Secret::new(ACTIVATION),
            config: config(),
        },
        Event::StartImpossible {
            config: config(),
            reason: "gone".to_owned(),
        },
    ] {
        let mut record = life.record.clone();
        assert_eq!(apply(&mut record, event, at(0)), Ok(vec![Effect::Ended]));
        assert!(record.is_final() && record.prepared.is_none());
    }
}
