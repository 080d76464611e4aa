//! Examples are real input: each configuration or graph file is used by a test.

use super::problem::Problems;
use super::tree::Tree;

/// Checks that a test names each TOML or configuration file under `examples/`.
pub(super) fn check(tree: &Tree, problems: &mut Problems) {
    let tests: Vec<&str> = tree
        .our_code()
        .filter(|file| file.is_test())
        .filter_map(|file| file.text())
        .collect();
    for file in tree.files() {
        let Some(name) = file.path.strip_prefix("examples/") else {
            continue;
        };
        if !name.ends_with(".toml") && !name.ends_with(".cfg") {
            continue;
        }
        if !tests.iter().any(|test| test.contains(name)) {
            let message =
                format!("no test uses it: name \"{name}\" in a test that runs or parses it");
            problems.add(&file.path, message);
        }
    }
}
