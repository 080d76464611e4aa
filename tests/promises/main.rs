//! Every promise has a test that is named after it: `tests/promises.md` says which.
//!
//! The table is made of the names of tests. A row that has none must say why. After adding or renaming
//! a test, run this with `PROMISES=write` in the environment.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Letters before the number, in names of tests and in the table, and the highest number.
const KINDS: [(&str, &str, u32); 8] = [
    ("dc_", "DC-", 73),
    ("t", "T", 55),
    ("a", "A", 30),
    ("j", "J", 3),
    ("l", "L", 10),
    ("k", "K", 15),
    ("p", "P", 11),
    ("u", "U", 5),
];

const HEAD: &str = "\
# Promises and their tests

Made from the names of tests; `tests/promises/main.rs` says how. DC: the contract of distributors. T: the
life cycle. A: the API. J: simulated jobs. L: looking up configurations. K: topic tokens. P and U: parameters
and URLs of Swarming. A row without a test says why.

| promise | tests, or why there is none |
|---|---|
";

/// A row: tests, each with its file; or the reason why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Row {
    Tests(BTreeSet<(String, String)>),
    Reason(String),
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The rows that a test is named after: `dc_03_x`, `t14_t28_x`, `dc_44_45_x`, `a_and_dc_03`.
fn rows_of(test: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let mut words = test.split('_').peekable();
    // The kind that a bare number belongs to.
    let mut kind = None;
    while let Some(word) = words.next() {
        let (letters, digits) = match word {
            "dc" => (
                "dc_",
                words.next_if(|next| is_number(next)).unwrap_or_default(),
            ),
            number if is_number(number) => (kind.unwrap_or_default(), number),
            other => other.split_at(other.len().min(1)),
        };
        kind = row(letters, digits).map(|row| {
            rows.push(row);
            letters
        });
    }
    rows
}

fn is_number(word: &str) -> bool {
    word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn row(letters: &str, digits: &str) -> Option<String> {
    let (_, shown, last) = KINDS.iter().find(|(prefix, _, _)| *prefix == letters)?;
    let number: u32 = digits.parse().ok().filter(|_| is_number(digits))?;
    (1..=*last)
        .contains(&number)
        .then(|| format!("{shown}{number:02}"))
}

fn all_rows() -> impl Iterator<Item = String> {
    KINDS
        .iter()
        .flat_map(|(_, shown, last)| (1..=*last).map(move |number| format!("{shown}{number:02}")))
}

/// All tests of the project that are named after a row.
fn tests() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut found: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    let mut folders = vec![root().join("crates"), root().join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                read_tests(&path, &mut found);
            }
        }
    }
    found
}

fn read_tests(path: &Path, found: &mut BTreeMap<String, BTreeSet<(String, String)>>) {
    let text = fs::read_to_string(path).expect("a source file");
    let file = path.strip_prefix(root()).expect("a file of the project");
    let file = file.display().to_string();
    // The suite of stores is plain functions that a macro makes tests of.
    let suite = path.components().any(|it| it.as_os_str() == "suite");
    for (test, name) in tests_in(&text, suite) {
        for row in rows_of(name) {
            found
                .entry(row)
                .or_default()
                .insert((test.clone(), file.clone()));
        }
    }
}

/// The tests of a source file, each with the name that may name rows; all functions if it is a `suite`.
fn tests_in(text: &str, suite: bool) -> Vec<(String, &str)> {
    let mut tests = Vec::new();
    let mut is_test = false;
    // Within `over_both! { … }`, whose scenarios become two tests each (distributor-server/tests/wire).
    let mut over_both = false;
    for line in text.lines().map(str::trim) {
        if over_both {
            if let Some(scenario) = line.strip_suffix(';') {
                let transports = ["over_grpc", "over_prpc"];
                tests.extend(transports.map(|it| (format!("{it}::{scenario}"), scenario)));
            }
            over_both = line != "}";
            continue;
        }
        over_both = line == "over_both! {";
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        }
        let name = line
            .strip_prefix("async fn ")
            .or_else(|| line.strip_prefix("pub fn "))
            .or_else(|| line.strip_prefix("pub(crate) fn "))
            .or_else(|| line.strip_prefix("fn "));
        let Some(name) = name.and_then(|rest| rest.split_once('(')).map(|it| it.0) else {
            continue;
        };
        if is_test || suite {
            tests.push((name.to_owned(), name));
        }
        is_test = false;
    }
    tests
}

fn table(rows: &BTreeMap<String, Row>) -> String {
    let mut text = HEAD.to_owned();
    for row in all_rows() {
        let cell = match rows.get(&row) {
            Some(Row::Tests(tests)) => {
                let tests: Vec<String> = tests
                    .iter()
                    .map(|(name, file)| format!("`{name}` ({file})"))
                    .collect();
                tests.join("<br>")
            }
            Some(Row::Reason(reason)) => reason.clone(),
            None => String::new(),
        };
        text.push_str(&format!("| {row} | {cell} |\n"));
    }
    text
}

/// The reasons that people wrote into the table.
fn reasons(text: &str) -> BTreeMap<String, String> {
    let rows = text.lines().filter_map(|line| {
        let (row, cell) = line
            .strip_prefix("| ")?
            .strip_suffix(" |")?
            .split_once(" | ")?;
        let reason = !cell.starts_with('`') && !cell.trim().is_empty();
        reason.then(|| (row.to_owned(), cell.to_owned()))
    });
    rows.collect()
}

#[test]
fn the_table_of_promises_is_complete_and_true() {
    let path = root().join("tests/promises.md");
    let stored = fs::read_to_string(&path).unwrap_or_default();
    let mut rows: BTreeMap<String, Row> = reasons(&stored)
        .into_iter()
        .map(|(row, reason)| (row, Row::Reason(reason)))
        .collect();
    for (row, tests) in tests() {
        rows.insert(row, Row::Tests(tests));
    }
    let right = table(&rows);
    if std::env::var_os("PROMISES").is_some() {
        fs::write(&path, &right).expect("the table is written");
    } else {
        assert_eq!(stored, right, "run it again with PROMISES=write");
    }
    let without: Vec<String> = all_rows().filter(|row| !rows.contains_key(row)).collect();
    assert!(
        without.is_empty(),
        "promises without a test or a reason: {without:?}"
    );
}

#[test]
fn names_lead_to_rows() {
    assert_eq!(rows_of("dc_28_permanent"), ["DC-28"]);
    assert_eq!(rows_of("dc_02_and_dc_03_hold"), ["DC-02", "DC-03"]);
    assert_eq!(rows_of("t07_sequence"), ["T07"]);
    assert_eq!(rows_of("t14_t28_x_and_t31_y"), ["T14", "T28", "T31"]);
    assert_eq!(rows_of("l08_dc_13_z"), ["L08", "DC-13"]);
    assert_eq!(rows_of("dc_44_45_60_w"), ["DC-44", "DC-45", "DC-60"]);
    assert!(rows_of("dc_x_after_30_years").is_empty());
    assert!(rows_of("t99_no_such_row").is_empty());
    assert!(rows_of("the_table").is_empty());
    assert!(rows_of("a1_small").is_empty());
}

#[test]
fn scenarios_of_two_transports_are_two_tests_and_plain_functions_none() {
    let text = "over_both! {\n    a01_x;\n}\nasync fn a01_x<W: Wire>(world: &World<W>) {}\n\
                fn a02_y() {}\n#[test]\nfn a03_z() {}\n";
    let tests = tests_in(text, false);
    let named: Vec<&str> = tests
        .iter()
        .filter(|(_, name)| !rows_of(name).is_empty())
        .map(|(test, _)| test.as_str())
        .collect();
    assert_eq!(named, ["over_grpc::a01_x", "over_prpc::a01_x", "a03_z"]);
}
