//! Reads by id, listings and counts.

use distributor_core::dm;

use super::fixtures::{
    attempt, attempt_id, dependency, execution, final_attempt, full_execution, moment, must, put,
    quest, quest_id, stored,
};
use crate::records::{AttemptRecord, DependencyRecord};
use crate::{AttemptFilter, Batch, StateCounts, Store};

/// With a gap for each that does not exist, and repetitions repeated.
pub fn lists_come_in_the_order_of_their_keys(store: &dyn Store) {
    put(store, [attempt(1), attempt(2), attempt(3)]);
    let ids = [3, 9, 1, 3].map(attempt_id);
    let found: Vec<_> = must(store.attempts(&ids))
        .into_iter()
        .map(|attempt| attempt.map(|attempt| attempt.id))
        .collect();
    assert_eq!(found, [Some(ids[0]), None, Some(ids[2]), Some(ids[3])]);
    let ids = [3, 9, 1, 3].map(quest_id);
    let found: Vec<_> = must(store.quests(&ids))
        .into_iter()
        .map(|quest| quest.map(|quest| quest.id))
        .collect();
    assert_eq!(found, [Some(ids[0]), None, Some(ids[2]), Some(ids[3])]);
    assert!(must(store.attempts(&[])).is_empty());
    let other = quest_id(1).attempt(2);
    assert_eq!(must(store.attempts(&[other])), [None]);
}

/// In the order of their text, for every length of it; what is no such text finds nothing.
pub fn quests_are_found_by_the_start_of_their_text(store: &dyn Store) {
    for first in (0..200).step_by(40) {
        let quests = (first..first + 40).map(quest).collect();
        must(store.commit(&Batch {
            quests,
            ..Batch::default()
        }));
    }
    let mut texts: Vec<String> = (0..200).map(|n| quest_id(n).to_string()).collect();
    texts.sort();
    let find = |prefix: &str, limit| -> Vec<String> {
        let found = must(store.quests_with_prefix(prefix, limit));
        found.iter().map(ToString::to_string).collect()
    };
    assert_eq!(find("", 1000), texts);
    assert_eq!(find("", 7), texts[..7]);
    for text in &texts {
        for length in [1, 2, 3, 11, 42, 43] {
            let prefix = &text[..length];
            let expected: Vec<_> = texts
                .iter()
                .filter(|text| text.starts_with(prefix))
                .cloned()
                .collect();
            assert_eq!(find(prefix, 1000), expected, "{prefix}");
        }
        assert_eq!(find(&format!("{text}A"), 9), Vec::<String>::new());
    }
    for nonsense in ["=", "ä", " ", "A b", "|", "%", &quest_id(777).to_string()] {
        assert_eq!(find(nonsense, 9), Vec::<String>::new(), "{nonsense}");
    }
}

/// However they were created.
pub fn attempt_numbers_ascend(store: &dyn Store) {
    let numbered = |number| AttemptRecord {
        id: quest_id(1).attempt(number),
        ..attempt(1)
    };
    put(store, [numbered(7), numbered(u32::MAX), attempt(2)]);
    put(store, [numbered(2)]);
    assert_eq!(must(store.attempt_numbers(quest_id(1))), [2, 7, u32::MAX]);
    assert!(must(store.attempt_numbers(quest_id(3))).is_empty());
}

/// As does the bit of a dependency.
pub fn t10_numbers_up_to_u32_max_come_back(store: &dyn Store) {
    let record = AttemptRecord {
        id: quest_id(1).attempt(u32::MAX),
        current_execution: u32::MAX,
        last_successful_execution: u32::MAX,
        execution: Some(execution(u32::MAX)),
        ..attempt(1)
    };
    put(store, [record.clone(), attempt(2)]);
    let edge = DependencyRecord {
        dependent: record.id,
        for_execution: u32::MAX,
        ..dependency(1, 2, u32::MAX)
    };
    must(store.commit(&Batch {
        dependencies: vec![edge.clone()],
        past_executions: vec![(attempt_id(2), execution(u32::MAX))],
        ..Batch::default()
    }));
    let found = must(store.attempts(&[record.id]));
    let expected = AttemptRecord {
        version: 1,
        ..record.clone()
    };
    assert_eq!(found, [Some(expected)]);
    assert_eq!(must(store.dependencies(record.id)), [edge]);
    for id in [record.id, attempt_id(2)] {
        let found = must(store.execution(id, u32::MAX));
        assert_eq!(found, Some(execution(u32::MAX)));
    }
}

/// The current one first, whether it is over or not.
pub fn executions_come_newest_first(store: &dyn Store) {
    let current = AttemptRecord {
        execution: Some(full_execution(3)),
        ..attempt(1)
    };
    let batch = Batch {
        quests: vec![quest(1), quest(2)],
        attempts: vec![current, attempt(2)],
        past_executions: vec![
            (attempt_id(1), execution(1)),
            (attempt_id(1), full_execution(2)),
            (attempt_id(2), execution(1)),
        ],
        ..Batch::default()
    };
    must(store.commit(&batch));
    let all = [full_execution(3), full_execution(2), execution(1)];
    assert_eq!(must(store.executions(attempt_id(1), 9)), all);
    assert_eq!(must(store.executions(attempt_id(1), 2)), all[..2]);
    assert_eq!(must(store.executions(attempt_id(1), 0)), []);
    assert_eq!(must(store.executions(attempt_id(2), 9)), [execution(1)]);
    assert_eq!(must(store.executions(attempt_id(3), 9)), []);
    for (number, expected) in [(0, None), (1, Some(&all[2])), (2, Some(&all[1]))] {
        let found = must(store.execution(attempt_id(1), number));
        assert_eq!(found.as_ref(), expected);
    }
    let found = must(store.execution(attempt_id(1), 3));
    assert_eq!(found.as_ref(), Some(&all[0]));
    assert_eq!(must(store.execution(attempt_id(1), 4)), None);
}

/// Writing it again changes it.
pub fn a_past_execution_is_replaced(store: &dyn Store) {
    put(store, [attempt(1)]);
    for past in [execution(1), full_execution(1)] {
        let batch = Batch {
            past_executions: vec![(attempt_id(1), past.clone())],
            ..Batch::default()
        };
        must(store.commit(&batch));
        assert_eq!(must(store.executions(attempt_id(1), 9)), [past]);
    }
}

/// Pages neither overlap nor skip, even if attempts change or end between them.
pub fn unfinished_attempts_are_paged_in_a_fixed_order(store: &dyn Store) {
    put(store, (0..10).map(attempt));
    put(store, [final_attempt(10, moment(0)), attempt(11)]);
    let mut seen = Vec::new();
    let mut after = 0;
    loop {
        let (page, next) = must(store.unfinished(after, 3));
        assert!(page.len() <= 3);
        for found in &page {
            let number = (0..12).find(|n| attempt_id(*n) == found.id).expect("ours");
            seen.push(number);
            put(store, [found.clone()]);
            if number > 0 {
                let before = stored(store, number - 1);
                let ended = AttemptRecord {
                    state: dm::attempt::State::AbnormalFinished,
                    ..before
                };
                put(store, [ended]);
            }
        }
        match next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11]);
    let (rest, next) = must(store.unfinished(0, 100));
    assert_eq!((rest.len(), next), (2, None));
    assert_eq!(must(store.unfinished(u64::MAX, 9)), (vec![], None));
}

/// In pages, with and without those that are final.
pub fn a_listing_is_newest_first(store: &dyn Store) {
    for number in 0..7 {
        let state = match number % 2 {
            0 => dm::attempt::State::Waiting,
            _ => dm::attempt::State::Finished,
        };
        put(
            store,
            [AttemptRecord {
                state,
                ..attempt(number)
            }],
        );
    }
    let list = |unfinished, limit| {
        let (mut pages, mut before) = (Vec::new(), None);
        loop {
            let page = must(store.list(AttemptFilter { unfinished }, before, limit));
            pages.push(page.attempts.iter().map(|a| a.id).collect::<Vec<_>>());
            match page.next {
                Some(next) => before = Some(next),
                None => break pages,
            }
        }
    };
    let ids = |numbers: &[u32]| numbers.iter().copied().map(attempt_id).collect::<Vec<_>>();
    let pages = [ids(&[6, 5, 4]), ids(&[3, 2, 1]), ids(&[0])];
    assert_eq!(list(false, 3), pages);
    assert_eq!(list(false, 7), [ids(&[6, 5, 4, 3, 2, 1, 0])]);
    assert_eq!(list(true, 2), [ids(&[6, 4]), ids(&[2, 0])]);
    put(store, [stored(store, 0)]);
    assert_eq!(list(true, 9), [ids(&[6, 4, 2, 0])]);
}

/// Through every change.
pub fn attempts_are_counted_by_state(store: &dyn Store) {
    use dm::attempt::State;
    put(store, (0..6).map(attempt));
    let states = [
        State::Executing,
        State::Waiting,
        State::Waiting,
        State::Finished,
        State::AbnormalFinished,
    ];
    for (number, state) in (0..).zip(states) {
        let before = stored(store, number);
        put(store, [AttemptRecord { state, ..before }]);
    }
    let expected = StateCounts {
        scheduling: 1,
        executing: 1,
        waiting: 2,
        finished: 1,
        abnormal_finished: 1,
    };
    assert_eq!(must(store.counts()), expected);
}
