//! Which crate of ours may use which: the architecture as data.
//!
//! Adding an edge is a change of one line here, and a decision (see ARCHITECTURE.md).

use super::packages::Package;
use super::problem::Problems;

/// What one crate may use of ours.
#[derive(Debug)]
pub(super) struct Edges {
    /// The crate, or with `*` at the end all crates whose name begins so.
    from: &'static str,
    /// What it may use; `*` as above.
    to: &'static [&'static str],
    /// What its tests may use besides.
    in_tests: &'static [&'static str],
}

const PROTO: &str = "distributor-proto";
const CORE: &str = "distributor-core";
const STORE: &str = "distributor-store";
const HOST: &str = "distributor-host";
const API: &str = "distributor-api";
const CLIENT: &str = "distributor-client";
const SERVER: &str = "distributor-server";
const BACKENDS: &str = "distributor-backend-*";
const FACADE: &str = "distributor";

/// The whole table.
pub(super) const EDGES: &[Edges] = &[
    edges(PROTO, &[]),
    edges(CORE, &[PROTO]),
    edges(STORE, &[CORE]),
    edges(HOST, &[CORE, PROTO, STORE]),
    edges(API, &[PROTO, CORE, STORE, HOST]),
    edges(CLIENT, &[PROTO]),
    tested_with(SERVER, &[API, PROTO], &[CORE, STORE, HOST, CLIENT]),
    // The one backend that is a client of the API: what it simulates are jobs that call it.
    edges("distributor-backend-jobsim", &[CORE, CLIENT]),
    edges(BACKENDS, &[CORE]),
    edges("distributor-pubsub", &[API, CORE]),
    // It stands for a foreign system, so it knows nothing of ours.
    edges("distributor-fake-swarming", &[]),
    edges(
        FACADE,
        &[
            PROTO,
            CORE,
            STORE,
            HOST,
            API,
            CLIENT,
            SERVER,
            BACKENDS,
            "distributor-pubsub",
            "distributor-fake-swarming",
        ],
    ),
    // It measures what the facade puts together, one layer at a time.
    edges(
        "distributor-bench",
        &[PROTO, CORE, STORE, HOST, API, CLIENT, SERVER, BACKENDS],
    ),
    // It drives the real binary and nothing else.
    edges("distributor-tests", &[]),
    // It must build when none of ours does.
    edges("xtask", &[]),
];

const fn tested_with(
    from: &'static str,
    to: &'static [&'static str],
    in_tests: &'static [&'static str],
) -> Edges {
    Edges { from, to, in_tests }
}

const fn edges(from: &'static str, to: &'static [&'static str]) -> Edges {
    Edges {
        from,
        to,
        in_tests: &[],
    }
}

/// Checks every dependency between packages of ours against the table.
pub(super) fn check(packages: &[Package], table: &[Edges], problems: &mut Problems) {
    for package in packages {
        let row = table.iter().find(|row| matches(row.from, &package.name));
        let Some(row) = row else {
            let message = format!(
                "{} has no row in xtask/src/tidy/edges.rs: add one that says which crates it may use",
                package.name
            );
            problems.add(&package.path, message);
            continue;
        };
        let is_ours = |name: &String| packages.iter().any(|it| it.name == *name);
        let may_use = |name: &str| row.to.iter().any(|it| matches(it, name));
        let may_test_with = |name: &str| row.in_tests.iter().any(|it| matches(it, name));
        let (always, in_tests) = package.dependencies();
        let always = always.into_iter().filter(|it| !may_use(it));
        let in_tests = in_tests
            .into_iter()
            .filter(|it| !may_use(it) && !may_test_with(it));
        for name in always.chain(in_tests).filter(is_ours) {
            let message = format!(
                "{} may not use {name}: remove the dependency, or decide otherwise in xtask/src/tidy/edges.rs",
                package.name
            );
            problems.add(&package.path, message);
        }
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[cfg(test)]
impl Edges {
    /// A row of a test's own table.
    pub(super) const fn of_test(
        from: &'static str,
        to: &'static [&'static str],
        in_tests: &'static [&'static str],
    ) -> Self {
        Edges { from, to, in_tests }
    }
}
