//! Outcomes of all sizes, of attempts and of their executions.

use distributor_core::dm;

use super::fixtures::{abnormal, attempt, attempt_id, data, execution, must, put, stored};
use crate::records::{AttemptRecord, ExecutionRecord, Outcome};
use crate::{Batch, Store};

const LARGE: usize = 200_000;

/// The attempt's, the execution's, both the same, and different ones.
pub fn a_small_outcome_comes_back(store: &dyn Store) {
    let outcomes = [None, Some(data("{\"a\":[1]}")), Some(abnormal("no"))];
    write_all(store, &outcomes);
}

/// From none to large, from large to small, from one to another.
pub fn a_large_outcome_comes_back_whatever_was_before(store: &dyn Store) {
    let outcomes = [
        None,
        Some(data("{}")),
        Some(data(large('x'))),
        Some(data(large('y'))),
        Some(abnormal(&large('z'))),
    ];
    write_all(store, &outcomes);

    let past = ExecutionRecord {
        outcome: Some(data(large('p'))),
        ..execution(1)
    };
    let batch = Batch {
        past_executions: vec![(attempt_id(1), past.clone())],
        ..Batch::default()
    };
    must(store.commit(&batch));
    assert_eq!(must(store.execution(attempt_id(1), 1)), Some(past));
}

/// And stays right when the same content comes in another allocation.
pub fn a_large_outcome_stays_while_the_rest_changes(store: &dyn Store) {
    put(store, [with(&Some(data(large('x'))), &None)]);
    for polls in 1..4 {
        let mut changed = stored(store, 1);
        changed.outcome = Some(data(large('x')));
        changed.current_execution = polls;
        put(store, [changed]);
        let found = stored(store, 1);
        assert_eq!(found.outcome, Some(data(large('x'))));
        assert_eq!(found.current_execution, polls);
    }
}

fn write_all(store: &dyn Store, outcomes: &[Option<Outcome>]) {
    let mut version = 0;
    for first in outcomes {
        for second in outcomes {
            for record in [with(first, second), with(second, second)] {
                put(
                    store,
                    [AttemptRecord {
                        version,
                        ..record.clone()
                    }],
                );
                version += 1;
                assert_eq!(stored(store, 1), AttemptRecord { version, ..record });
            }
        }
    }
}

fn with(attempts: &Option<Outcome>, executions: &Option<Outcome>) -> AttemptRecord {
    AttemptRecord {
        state: dm::attempt::State::Executing,
        outcome: attempts.clone(),
        execution: Some(ExecutionRecord {
            outcome: executions.clone(),
            ..execution(2)
        }),
        ..attempt(1)
    }
}

fn large(filler: char) -> String {
    let filling: String = std::iter::repeat_n(filler, LARGE).collect();
    format!("{{\"a\":\"{filling}\"}}")
}
