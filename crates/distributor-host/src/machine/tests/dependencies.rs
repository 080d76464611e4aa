//! What an attempt depends on ends.

use distributor_core::dm::attempt::State as Attempt;
use distributor_core::dm::execution::State as Execution;

use super::*;

#[test]
fn t25_the_first_of_two_sets_its_bit() {
    let mut life = Life::waiting(timed(), 2);
    assert_eq!(life.dependency_ended(1, None), []);
    assert_eq!(life.record.state, Attempt::Waiting);
    assert!(life.record.dependencies.is_set(1));
    assert_eq!(life.record.dependencies.unset(), 1);
}

#[test]
fn t26_the_last_schedules_again() {
    let mut life = Life::waiting(timed(), 2);
    life.dependency_ended(1, None);
    assert_eq!(life.set(50).dependency_ended(0, None), [Effect::Ready]);
    assert_eq!(life.record.state, Attempt::Scheduling);
    assert_eq!(life.record.dependencies.size(), 0);
    assert_eq!(life.record.modified, at(50));
    life.execute();
    assert_eq!(life.execution().number, 2);
}

#[test]
fn t27_the_wish_of_another_execution_is_none_of_this_ones() {
    let mut life = Life::waiting(timed(), 1);
    for for_execution in [0, 2] {
        life.ignores(Event::DependencyEnded {
            bit: 0,
            for_execution,
            culprit: None,
        });
    }
}

#[test]
fn the_same_end_counts_once_and_a_bit_beyond_the_end_not_at_all() {
    let mut life = Life::waiting(timed(), 2);
    life.dependency_ended(0, None);
    for bit in [0, 2, u32::MAX] {
        life.ignores(Event::DependencyEnded {
            bit,
            for_execution: 1,
            culprit: None,
        });
    }
}

#[test]
fn while_the_execution_stops_only_the_bit_is_set() {
    let mut life = Life::running(timed());
    life.halt(&[false]).unwrap();
    assert_eq!(life.dependency_ended(0, None), []);
    assert_eq!(life.states(), (Attempt::Executing, Execution::Stopping));
    assert!(life.record.dependencies.all_set());
}

#[test]
fn an_attempt_that_does_not_wait_is_not_concerned() {
    let mut prepared = Life::new(timed());
    prepared.start();
    let mut finished = Life::stopping(timed());
    finished.ended(data("{}"));
    for mut life in [
        Life::new(timed()),
        prepared,
        Life::running(timed()),
        finished,
    ] {
        for for_execution in [0, 1] {
            life.ignores(Event::DependencyEnded {
                bit: 0,
                for_execution,
                culprit: Some("x".to_owned()),
            });
        }
    }
}

#[test]
fn declared_dependencies_start_the_first_execution() {
    for policy in [timed(), simple()] {
        let mut life = Life::declared(policy, 2);
        assert_eq!(life.dependency_ended(0, None), []);
        assert_eq!(life.dependency_ended(1, None), [Effect::Ready]);
        assert_eq!(life.record.state, Attempt::Scheduling);
        life.execute();
        assert_eq!(life.execution().number, 1);
    }
}

#[test]
fn an_abnormal_end_ends_a_simple_quest_and_names_the_culprit() {
    let mut life = Life::declared(simple(), 2);
    let effects = life.dependency_ended(1, Some("compile|1, which ended FAILED: exit code 1"));
    assert_eq!(effects, [Effect::Ended]);
    assert_eq!(life.record.state, Attempt::AbnormalFinished);
    let reason = "needs compile|1, which ended FAILED: exit code 1";
    assert_eq!(
        life.record.outcome,
        Some(abnormal(Status::Cancelled, reason))
    );
    assert_eq!(life.record.current_execution, 0);
    life.ignores(Event::DependencyEnded {
        bit: 0,
        for_execution: 0,
        culprit: None,
    });
}

#[test]
fn an_abnormal_end_wakes_a_simple_quest_that_runs_anyway() {
    let run_anyway = Policy {
        run_anyway: true,
        ..simple()
    };
    let mut life = Life::declared(run_anyway, 1);
    assert_eq!(life.dependency_ended(0, Some("compile|1")), [Effect::Ready]);
}

#[test]
fn an_abnormal_end_wakes_a_job_that_speaks_the_api() {
    let mut life = Life::waiting(timed(), 1);
    assert_eq!(life.dependency_ended(0, Some("compile|1")), [Effect::Ready]);
    let mut life = Life::declared(timed(), 1);
    assert_eq!(life.dependency_ended(0, Some("compile|1")), [Effect::Ready]);
}
