//! The end of an execution, and what the attempt makes of it.

use distributor_core::dm::attempt::State as Attempt;
use distributor_core::dm::execution::State as Execution;

use super::*;

type Counter = fn(&mut Retries) -> &mut u32;

/// The retryable statuses, each with its counter.
const RETRYABLE: [(Status, Counter); 4] = [
    (Status::Failed, |it| &mut it.failed),
    (Status::Crashed, |it| &mut it.crashed),
    (Status::Expired, |it| &mut it.expired),
    (Status::TimedOut, |it| &mut it.timed_out),
];

#[test]
fn a_normal_end_without_dependencies_finishes_the_attempt() {
    let mut life = Life::stopping(timed());
    let before = life.record.clone();
    let effects = life.set(20).ended(data(r#"{ "state" : 1 }"#));
    assert_eq!(effects, [release(1), Effect::Ended]);
    let expected = AttemptRecord {
        state: Attempt::Finished,
        modified: at(20),
        last_successful_execution: 1,
        execution: Some(ExecutionRecord {
            state: Execution::Finished,
            modified: at(20),
            deadline: None,
            outcome: Some(normal(r#"{"state":1}"#)),
            ..before.execution.clone().unwrap()
        }),
        ..before
    };
    assert_eq!(life.record, expected);
    // The backend's data goes to the next execution, the job's to the dependents.
    assert_eq!(life.record.outcome, Some(Outcome::Data(json(r#"{"a":1}"#))));
}

#[test]
fn a_normal_end_outside_stopping_is_failed_and_the_reason_names_the_state() {
    for (mut life, state) in [
        (Life::scheduled(timed()), "SCHEDULING"),
        (Life::running(timed()), "RUNNING"),
    ] {
        assert_eq!(life.ended(data("{}")), [release(1), Effect::Ended]);
        let reason = format!("distributor finished execution while it was in the {state} state.");
        assert_eq!(life.record.outcome, Some(abnormal(Status::Failed, &reason)));
        assert_eq!(life.states(), BOTH_FAILED);
        assert!(life.execution().auth_token.0.is_empty());
    }
}

#[test]
fn a_simple_quest_is_finished_by_its_task_from_any_state() {
    for mut life in [Life::scheduled(simple()), Life::running(simple())] {
        let before = life.execution().modified;
        let effects = life.ended(data(r#"{ "x": [1] }"#));
        assert_eq!(effects, [release(1), Effect::Ended]);
        assert_eq!(life.states(), (Attempt::Finished, Execution::Finished));
        assert_eq!(life.record.outcome, Some(normal(r#"{"x":[1]}"#)));
        assert_eq!(life.execution().outcome, Some(normal(r#"{"x":[1]}"#)));
        assert!(life.execution().modified > before);
    }
}

#[test]
fn an_abnormal_end_is_recorded_as_it_is() {
    for status in [
        Status::Failed,
        Status::Crashed,
        Status::Expired,
        Status::TimedOut,
        Status::Cancelled,
        Status::Rejected,
        Status::Missing,
        Status::ResultMalformed,
    ] {
        for mut life in [
            Life::scheduled(timed()),
            Life::running(timed()),
            Life::stopping(timed()),
            Life::running(simple()),
        ] {
            let effects = life.ended(failure(status, "so it went"));
            assert_eq!(effects, [release(1), Effect::Ended]);
            assert_eq!(life.states(), BOTH_FAILED);
            let outcome = Some(abnormal(status, "so it went"));
            assert_eq!(life.execution().outcome, outcome);
            assert_eq!(life.record.outcome, outcome);
            assert_eq!(life.record.last_successful_execution, 0);
        }
    }
}

#[test]
fn a_budget_of_n_allows_n_re_executions() {
    for (status, counter) in RETRYABLE {
        for budget in [0, 1, 3] {
            let mut policy = timed();
            *counter(&mut policy.retries) = budget;
            let mut life = Life::new(policy);
            for number in 1..=budget {
                life.execute();
                let effects = life.ended(failure(status, "again"));
                assert_eq!(effects, [release(number), Effect::Ready]);
                assert_eq!(life.record.state, Attempt::Scheduling);
                assert_eq!(life.record.outcome, None);
                assert_eq!(*counter(&mut life.record.failures), number);
            }
            life.execute();
            let effects = life.ended(failure(status, "the last"));
            assert_eq!(effects, [release(budget + 1), Effect::Ended]);
            assert_eq!(life.record.outcome, Some(abnormal(status, "the last")));
            assert_eq!(life.record.current_execution, budget + 1);
            // It counts what it does not retry, too.
            assert_eq!(*counter(&mut life.record.failures), budget + 1);
        }
    }
}

#[test]
fn each_class_has_its_own_budget() {
    for (status, counter) in RETRYABLE {
        let mut policy = Policy {
            retries: one_retry_each(),
            ..timed()
        };
        *counter(&mut policy.retries) = 0;
        let mut life = Life::new(policy);
        for (other, _) in RETRYABLE.into_iter().filter(|(it, _)| *it != status) {
            life.execute();
            assert_eq!(life.ended(failure(other, "x")).last(), Some(&Effect::Ready));
        }
        life.execute();
        assert_eq!(
            life.ended(failure(status, "x")).last(),
            Some(&Effect::Ended)
        );
    }
}

#[test]
fn what_is_not_retryable_ends_the_attempt_whatever_the_budgets() {
    let generous = Retries {
        failed: 9,
        crashed: 9,
        expired: 9,
        timed_out: 9,
    };
    for status in [
        Status::Cancelled,
        Status::Rejected,
        Status::Missing,
        Status::ResultMalformed,
    ] {
        let mut life = Life::running(Policy {
            retries: generous,
            ..timed()
        });
        assert_eq!(
            life.ended(failure(status, "x")).last(),
            Some(&Effect::Ended)
        );
        assert_eq!(life.record.failures, Retries::default());
    }
}

#[test]
fn a_normal_end_forgives_all_failures() {
    let mut life = Life::new(Policy {
        retries: one_retry_each(),
        ..timed()
    });
    for round in 0..3 {
        for (status, _) in RETRYABLE {
            life.execute();
            life.ended(failure(status, "x"));
        }
        assert_eq!(life.record.failures, one_retry_each());
        life.execute();
        life.activate();
        life.halt(&[false]).unwrap();
        life.ended(data("{}"));
        assert_eq!(life.record.failures, Retries::default());
        life.dependency_ended(0, None);
        assert_eq!(life.record.state, Attempt::Scheduling, "{round}");
    }
}

#[test]
fn dc_25_an_abnormal_execution_does_not_replace_the_last_successful_one() {
    let mut life = Life::waiting(
        Policy {
            retries: one_retry_each(),
            ..timed()
        },
        1,
    );
    assert_eq!(life.record.last_successful_execution, 1);
    life.dependency_ended(0, None);
    life.execute();
    life.ended(failure(Status::Crashed, "x"));
    assert_eq!(life.record.last_successful_execution, 1);
    life.execute();
    life.activate();
    life.finish_attempt().unwrap();
    life.ended(data("{}"));
    assert_eq!(life.record.last_successful_execution, 3);
}

#[test]
fn t55_the_next_execution_finds_the_normalized_data_of_the_former() {
    let mut life = Life::running(timed());
    life.halt(&[false]).unwrap();
    life.ended(data(r#"{ "originalState" : true }"#));
    life.dependency_ended(0, None);
    life.start();
    let effects = life.run_answers(Ok(pending()));
    let [Effect::Archive(past)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(past.number, life.record.last_successful_execution);
    assert_eq!(past.outcome, Some(normal(r#"{"originalState":true}"#)));
}

#[test]
fn dc_59_data_is_normalized_or_becomes_result_malformed() {
    let mut life = Life::stopping(timed());
    life.status(AnsweredState::Finished(data(r#"{"b":1, "a":2}"#)));
    assert_eq!(life.execution().outcome, Some(normal(r#"{"a":2,"b":1}"#)));

    for junk in ["nonsense", "[]", "null", "1", r#"{"a":1} x"#] {
        let mut life = Life::stopping(Policy {
            retries: one_retry_each(),
            ..timed()
        });
        assert_eq!(life.ended(data(junk)), [release(1), Effect::Ended]);
        let Some(Outcome::Abnormal(finish)) = &life.record.outcome else {
            panic!("{junk} was taken");
        };
        assert_eq!(finish.status(), Status::ResultMalformed);
        assert!(finish.reason.contains(junk), "{}", finish.reason);
    }
}

#[test]
fn a_result_whose_execution_ends_abnormally_is_not_shown_as_final() {
    let mut life = Life::stopping(Policy {
        retries: one_retry_each(),
        ..timed()
    });
    life.ended(failure(Status::Failed, "exit code 1"));
    assert_eq!(
        (life.record.state, &life.record.outcome),
        (Attempt::Scheduling, &None)
    );
    life.execute();
    life.activate();
    life.finish_attempt().unwrap();
    life.ended(failure(Status::Failed, "exit code 2"));
    let outcome = abnormal(Status::Failed, "exit code 2");
    assert_eq!(life.record.outcome, Some(outcome));
}

#[test]
fn an_abnormal_end_after_a_halt_forgets_the_dependencies() {
    let mut life = Life::running(Policy {
        retries: one_retry_each(),
        ..timed()
    });
    life.halt(&[false, false]).unwrap();
    life.ended(failure(Status::Failed, "x"));
    assert_eq!(life.record.state, Attempt::Scheduling);
    assert_eq!(life.record.dependencies.size(), 0);
    // Those who end now were asked for by execution 1 and concern nobody.
    life.ignores(Event::DependencyEnded {
        bit: 0,
        for_execution: 1,
        culprit: None,
    });
}

#[test]
fn an_end_with_all_dependencies_over_meanwhile_schedules_again() {
    let mut life = Life::running(timed());
    life.halt(&[false, true]).unwrap();
    life.dependency_ended(0, None);
    assert_eq!(life.states(), (Attempt::Executing, Execution::Stopping));
    assert_eq!(life.ended(data("{}")), [release(1), Effect::Ready]);
    assert_eq!(life.states(), (Attempt::Scheduling, Execution::Finished));
    assert_eq!(life.record.dependencies.size(), 0);
}

#[test]
fn dc_49_stale_results_change_nothing() {
    let results = || [data("{}"), failure(Status::Failed, "x")];
    let policy = Policy {
        retries: one_retry_each(),
        ..timed()
    };
    let mut finished = Life::stopping(policy);
    finished.ended(data("{}"));
    let mut failed = Life::running(policy);
    failed.ended(failure(Status::Cancelled, "x"));
    let mut retried = Life::running(policy);
    retried.ended(failure(Status::Failed, "x"));
    let mut second = retried.clone();
    second.execute();
    let lives = [
        Life::new(policy),
        Life::declared(policy, 1),
        Life::waiting(policy, 1),
        finished,
        failed,
        retried,
        second,
    ];
    for life in lives {
        for (execution, result) in [0, 1, 3]
            .into_iter()
            .flat_map(|it| results().map(|r| (it, r)))
        {
            let mut life = life.clone();
            life.ignores(Event::TaskEnded {
                execution,
                result: result.clone(),
            });
            for answer in [
                StatusAnswer::State(AnsweredState::Running),
                StatusAnswer::State(AnsweredState::Finished(result)),
                StatusAnswer::Permanent("no such task".to_owned()),
                StatusAnswer::Transient("busy".to_owned()),
            ] {
                life.ignores(Event::StatusAnswered { execution, answer });
            }
        }
    }
}
