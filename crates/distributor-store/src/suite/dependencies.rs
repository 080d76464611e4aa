//! Who waits for whom.

use super::fixtures::{attempt, attempt_id, dependency, must, put};
use crate::records::DependencyRecord;
use crate::{Batch, EdgeCursor, EdgePage, Store};

/// Equal bits in the order in which the dependencies were created.
pub fn dependencies_come_in_the_order_of_bits(store: &dyn Store) {
    put(store, (0..5).map(attempt));
    let all = [
        dependency(0, 4, 0),
        dependency(0, 2, 1),
        dependency(0, 3, 1),
        dependency(0, 1, 300),
    ];
    add(store, all.iter().rev().cloned());
    add(store, [dependency(1, 0, 0)]);
    assert_eq!(must(store.dependencies(attempt_id(0))), all);
    assert_eq!(must(store.dependencies(attempt_id(2))), []);
    assert_eq!(must(store.dependencies(attempt_id(9))), []);
}

/// One record for each pair; all of its fields change.
pub fn a_dependency_is_replaced(store: &dyn Store) {
    put(store, (0..3).map(attempt));
    add(store, [dependency(0, 1, 0), dependency(0, 2, 1)]);
    let changed = DependencyRecord {
        bit: 9,
        for_execution: 4,
        propagated: true,
        ..dependency(0, 1, 0)
    };
    add(store, [changed.clone()]);
    let expected = [dependency(0, 2, 1), changed.clone()];
    assert_eq!(must(store.dependencies(attempt_id(0))), expected);
    assert_eq!(must(store.dependents(attempt_id(1), 9)), [changed]);
}

/// And are gone from the list once told; the list of all has them last.
pub fn untold_dependents_come_oldest_first(store: &dyn Store) {
    put(store, (0..6).map(attempt));
    let all: Vec<_> = (1..6).map(|number| dependency(number, 0, number)).collect();
    add(store, all.iter().rev().cloned());
    add(store, [dependency(0, 1, 0)]);
    assert_eq!(must(store.untold_dependents(attempt_id(0), 9)), all);
    assert_eq!(must(store.untold_dependents(attempt_id(0), 2)), all[..2]);

    let told = |number: usize| DependencyRecord {
        propagated: true,
        ..all[number].clone()
    };
    add(store, [told(1), told(0)]);
    let untold = must(store.untold_dependents(attempt_id(0), 9));
    assert_eq!(untold, all[2..]);
    let everyone = must(store.dependents(attempt_id(0), 9));
    assert_eq!(everyone, [untold.as_slice(), &[told(0), told(1)]].concat());
    assert_eq!(must(store.dependents(attempt_id(0), 4)), everyone[..4]);
    assert_eq!(must(store.dependents(attempt_id(5), 4)), []);
    assert_eq!(must(store.untold_dependents(attempt_id(9), 4)), []);
    let asked = [attempt_id(9), attempt_id(0), attempt_id(9)];
    assert_eq!(
        must(store.have_untold_dependents(&asked)),
        [false, true, false]
    );
}

/// Both ends, each list as it comes for one attempt alone, cut at the limit.
pub fn edges_of_many_attempts_come_in_the_order_of_their_keys(store: &dyn Store) {
    put(store, (0..6).map(attempt));
    let told = DependencyRecord {
        propagated: true,
        ..dependency(2, 4, 0)
    };
    add(
        store,
        [
            dependency(0, 5, 0),
            dependency(0, 4, 1),
            dependency(0, 3, 1),
            dependency(1, 4, 0),
            told,
        ],
    );
    let ids = |numbers: &[u32]| numbers.iter().copied().map(attempt_id).collect::<Vec<_>>();
    let asked = ids(&[9, 4, 0, 2, 0, 3]);

    let dependencies = must(store.dependencies_of_each(&asked, 9));
    let expected: [&[u32]; 6] = [&[], &[], &[5, 3, 4], &[4], &[5, 3, 4], &[]];
    assert_eq!(dependencies, expected.map(ids));
    let dependents = must(store.dependents_of_each(&asked, 9));
    let expected: [&[u32]; 6] = [&[], &[0, 1, 2], &[], &[], &[], &[0]];
    assert_eq!(dependents, expected.map(ids));

    let dependencies = must(store.dependencies_of_each(&asked, 2));
    let expected: [&[u32]; 6] = [&[], &[], &[5, 3], &[4], &[5, 3], &[]];
    assert_eq!(dependencies, expected.map(ids));
    let dependents = must(store.dependents_of_each(&asked, 2));
    let expected: [&[u32]; 6] = [&[], &[0, 1], &[], &[], &[], &[0]];
    assert_eq!(dependents, expected.map(ids));
    assert!(must(store.dependents_of_each(&[], 2)).is_empty());
}

/// In pages, and as batched as they were asked for.
pub fn untold_edges_are_paged_from_both_ends(store: &dyn Store) {
    put(store, (0..8).map(attempt));
    // Bits in another order than the attempts.
    let to: Vec<_> = (1..6)
        .map(|number| dependency(0, number, 9 - number))
        .collect();
    let from: Vec<_> = (2..7).map(|number| dependency(number, 7, 0)).collect();
    add(store, to.iter().chain(&from).rev().cloned());
    let told = |edge: &DependencyRecord| DependencyRecord {
        propagated: true,
        ..edge.clone()
    };
    add(store, [told(&to[1]), told(&from[1])]);
    let to = [&to[..1], &to[2..]].concat();
    let from = [&from[..1], &from[2..]].concat();

    let begin = |number| EdgeCursor {
        attempt: attempt_id(number),
        after: 0,
    };
    let asked = [begin(9), begin(0), begin(1)];
    let pages = must(store.untold_dependencies_of(&asked, 2));
    assert_eq!(pages.len(), 3);
    assert_eq!(
        (&pages[0], &pages[2]),
        (&EdgePage::default(), &EdgePage::default())
    );
    assert_eq!(pages[1].edges, to[..2]);
    let rest = EdgeCursor {
        attempt: attempt_id(0),
        after: pages[1].next.unwrap_or_default(),
    };
    let rest = must(store.untold_dependencies_of(&[rest], 2));
    let whole = |edges: &[DependencyRecord]| EdgePage {
        edges: edges.to_vec(),
        next: None,
    };
    assert_eq!(rest, [whole(&to[2..])]);

    let pages = must(store.untold_dependents_of(&[begin(7), begin(6), begin(9)], 3));
    assert_eq!(pages.len(), 3);
    assert_eq!(
        (&pages[1], &pages[2]),
        (&EdgePage::default(), &EdgePage::default())
    );
    assert_eq!(pages[0].edges, from[..3]);
    let rest = EdgeCursor {
        attempt: attempt_id(7),
        after: pages[0].next.unwrap_or_default(),
    };
    let rest = must(store.untold_dependents_of(&[rest], 3));
    assert_eq!(rest, [whole(&from[3..])]);
    let all = must(store.untold_dependents_of(&[begin(7)], 4));
    assert_eq!(all, [whole(&from)]);
}

/// Told or not.
pub fn known_dependencies_are_told_from_others(store: &dyn Store) {
    put(store, (0..4).map(attempt));
    let told = DependencyRecord {
        propagated: true,
        ..dependency(0, 1, 0)
    };
    add(store, [told, dependency(0, 3, 1), dependency(2, 0, 0)]);
    let asked = [1, 2, 3, 9, 1].map(attempt_id);
    let known = must(store.have_dependencies(attempt_id(0), &asked));
    assert_eq!(known, [true, false, true, false, true]);
    let known = must(store.have_dependencies(attempt_id(9), &asked));
    assert_eq!(known, [false; 5]);
    assert_eq!(
        must(store.have_dependencies(attempt_id(0), &[])),
        [false; 0]
    );
}

fn add(store: &dyn Store, dependencies: impl IntoIterator<Item = DependencyRecord>) {
    let dependencies = dependencies.into_iter().collect();
    must(store.commit(&Batch {
        dependencies,
        ..Batch::default()
    }));
}
