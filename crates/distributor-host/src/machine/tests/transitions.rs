//! The two tables, and `modified`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use distributor_core::dm::attempt::State as Attempt;
use distributor_core::dm::execution::State as Execution;

use super::super::{Change, evolve_attempt, evolve_execution};
use super::*;

const ATTEMPTS: [Attempt; 5] = [
    Attempt::Scheduling,
    Attempt::Executing,
    Attempt::Waiting,
    Attempt::Finished,
    Attempt::AbnormalFinished,
];
const LEGAL_ATTEMPTS: [(Attempt, Attempt); 8] = [
    (Attempt::Scheduling, Attempt::Executing),
    (Attempt::Scheduling, Attempt::AbnormalFinished),
    (Attempt::Executing, Attempt::Scheduling),
    (Attempt::Executing, Attempt::Waiting),
    (Attempt::Executing, Attempt::Finished),
    (Attempt::Executing, Attempt::AbnormalFinished),
    (Attempt::Waiting, Attempt::Scheduling),
    (Attempt::Waiting, Attempt::AbnormalFinished),
];
const EXECUTIONS: [Execution; 5] = [
    Execution::Scheduling,
    Execution::Running,
    Execution::Stopping,
    Execution::Finished,
    Execution::AbnormalFinished,
];
const LEGAL_EXECUTIONS: [(Execution, Execution); 6] = [
    (Execution::Scheduling, Execution::Running),
    (Execution::Scheduling, Execution::AbnormalFinished),
    (Execution::Running, Execution::Stopping),
    (Execution::Running, Execution::AbnormalFinished),
    (Execution::Stopping, Execution::Finished),
    (Execution::Stopping, Execution::AbnormalFinished),
];

fn attempt_in(state: Attempt) -> AttemptRecord {
    let mut record = Life::new(Policy::default()).record;
    record.state = state;
    record
}

fn execution_in(state: Execution) -> ExecutionRecord {
    let mut record = Life::scheduled(Policy::default()).execution().clone();
    record.state = state;
    record
}

fn every_pair<S: Copy>(states: [S; 5]) -> impl Iterator<Item = (S, S)> {
    states
        .into_iter()
        .flat_map(move |from| states.into_iter().map(move |to| (from, to)))
}

#[test]
fn every_pair_of_attempt_states() {
    for (from, to) in every_pair(ATTEMPTS) {
        let before = attempt_in(from);
        let mut record = before.clone();
        let answer = evolve_attempt(&mut record, to, at(9)).map_err(|it| it.to_string());
        if from == to {
            assert_eq!((answer, record), (Ok(()), before));
        } else if LEGAL_ATTEMPTS.contains(&(from, to)) {
            assert_eq!(answer, Ok(()));
            let expected = AttemptRecord {
                state: to,
                modified: at(9),
                ..before
            };
            assert_eq!(record, expected);
        } else {
            let (a, b) = (from.as_str_name(), to.as_str_name());
            assert_eq!(answer, Err(format!("invalid state transition {a} -> {b}")));
            assert_eq!(record, before);
        }
    }
}

#[test]
fn every_pair_of_execution_states() {
    for (from, to) in every_pair(EXECUTIONS) {
        let before = execution_in(from);
        let mut record = before.clone();
        let answer = evolve_execution(&mut record, to, at(9)).map_err(|it| it.to_string());
        if from == to {
            assert_eq!((answer, record), (Ok(()), before));
        } else if LEGAL_EXECUTIONS.contains(&(from, to)) {
            assert_eq!(answer, Ok(()));
            let expected = ExecutionRecord {
                state: to,
                modified: at(9),
                ..before
            };
            assert_eq!(record, expected);
        } else {
            let (a, b) = (from.as_str_name(), to.as_str_name());
            assert_eq!(answer, Err(format!("invalid state transition {a} -> {b}")));
            assert_eq!(record, before);
        }
    }
}

#[test]
fn t01_the_same_attempt_state_is_accepted_and_changes_nothing() {
    let mut record = attempt_in(Attempt::Scheduling);
    assert_eq!(
        evolve_attempt(&mut record, Attempt::Scheduling, at(9)),
        Ok(())
    );
    assert_eq!(record, attempt_in(Attempt::Scheduling));
}

#[test]
fn t02_executing_may_wait() {
    let mut record = attempt_in(Attempt::Executing);
    assert_eq!(evolve_attempt(&mut record, Attempt::Waiting, at(9)), Ok(()));
    assert_eq!(record.state, Attempt::Waiting);
}

#[test]
fn t03_only_executing_may_finish_and_the_error_names_both_states() {
    for from in [Attempt::Scheduling, Attempt::Waiting] {
        let mut record = attempt_in(from);
        let error = evolve_attempt(&mut record, Attempt::Finished, at(9)).unwrap_err();
        let expected = format!(
            "invalid state transition {} -> FINISHED",
            from.as_str_name()
        );
        assert_eq!(error.to_string(), expected);
        assert_eq!(record.state, from);
    }
}

#[test]
fn t04_a_move_that_must_be_legal_panics_if_it_is_not() {
    let mut record = attempt_in(Attempt::Finished);
    let mut effects = Vec::new();
    let mut change = Change {
        attempt: &mut record,
        now: at(9),
        effects: &mut effects,
    };
    let moved = catch_unwind(AssertUnwindSafe(|| change.attempt_to(Attempt::Scheduling)));
    assert!(moved.is_err());
    assert_eq!(record.state, Attempt::Finished);
}

#[test]
fn t05_running_may_stop() {
    let mut record = execution_in(Execution::Running);
    assert_eq!(
        evolve_execution(&mut record, Execution::Stopping, at(9)),
        Ok(())
    );
    assert_eq!(record.state, Execution::Stopping);
}

#[test]
fn t06_no_execution_is_scheduled_again() {
    for from in [Execution::Finished, Execution::Running] {
        let mut record = execution_in(from);
        assert!(evolve_execution(&mut record, Execution::Scheduling, at(9)).is_err());
        assert_eq!(record, execution_in(from));
    }
}

#[test]
fn t07_a_whole_life_and_nothing_after_it() {
    let mut record = attempt_in(Attempt::Scheduling);
    for to in [
        Attempt::Executing,
        Attempt::Waiting,
        Attempt::Waiting,
        Attempt::Scheduling,
        Attempt::Executing,
        Attempt::Finished,
    ] {
        assert_eq!(evolve_attempt(&mut record, to, at(9)), Ok(()));
    }
    assert!(evolve_attempt(&mut record, Attempt::Scheduling, at(9)).is_err());
}

#[test]
fn t08_only_a_successful_change_moves_modified() {
    let mut record = attempt_in(Attempt::Scheduling);
    assert!(evolve_attempt(&mut record, Attempt::Finished, at(1)).is_err());
    assert_eq!(record.modified, at(0));
    assert_eq!(
        evolve_attempt(&mut record, Attempt::Executing, at(1)),
        Ok(())
    );
    assert_eq!(record.modified, at(1));
}

#[test]
fn modified_increases_by_a_microsecond_when_the_clock_stands_still_or_goes_back() {
    let mut record = attempt_in(Attempt::Scheduling);
    record.modified = at(5);
    for (micros, to) in [(1, Attempt::Executing), (2, Attempt::Waiting)] {
        assert_eq!(evolve_attempt(&mut record, to, at(4)), Ok(()));
        assert_eq!(record.modified, at(5).after(Duration::from_micros(micros)));
    }
}
