//! Wrong configuration files with the messages they must give.
//!
//! `UPDATE_EXPECTED=1 cargo test` writes the messages anew; read them before you commit them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{TestHost, test_registry};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/config_files")
        .join(folder);
    let entries = fs::read_dir(folder).expect("the folder of fixtures");
    let paths = entries.map(|entry| entry.expect("a folder entry").path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "cfg"))
        .collect();
    paths.sort();
    paths
}

/// All problems, and for each name whether it works.
fn report(text: &str) -> String {
    let registry = test_registry();
    let mut file = registry.parse("distributors.cfg", text, "1");
    file.check(&registry, &TestHost::shared(), "dm.example.com");
    let mut report = String::new();
    for problem in file.problems() {
        report.push_str(&format!("{problem}\n"));
    }
    for name in file.names() {
        let state = match file.resolve(name, "dm.example.com") {
            Ok(_) => "works",
            Err(_) => "does not work",
        };
        report.push_str(&format!("-- {name:?} {state}\n"));
    }
    report
}

#[test]
fn bad_files_give_the_expected_problems() {
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut differing = Vec::new();
    let files = files("bad");
    assert!(files.len() >= 15, "fixtures are missing");
    for path in files {
        let found = report(&fs::read_to_string(&path).expect("a fixture"));
        assert!(
            !found.is_empty() && !found.starts_with("--"),
            "{path:?} is not bad"
        );
        let expected_path = path.with_extension("expected");
        if update {
            fs::write(&expected_path, &found).expect("a place to write to");
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        if found != expected {
            differing.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(
        differing.is_empty(),
        "UPDATE_EXPECTED=1 accepts:\n{}",
        differing.join("\n")
    );
}

#[test]
fn good_files_give_no_problem() {
    for path in files("good") {
        let found = report(&fs::read_to_string(&path).expect("a fixture"));
        assert!(
            found.lines().all(|line| line.ends_with(" works")),
            "{path:?}:\n{found}"
        );
    }
}
