//! How text files end their lines, and themselves.

use super::problem::Problems;
use super::tree::{File, Tree};

/// Checks every text file that people wrote, except inputs of tests.
pub(super) fn check(tree: &Tree, problems: &mut Problems) {
    for file in tree.files() {
        if file.is_generated() || is_input_of_a_test(file) {
            continue;
        }
        let Some(text) = file.text() else {
            continue;
        };
        // A binary file that happens to be UTF-8.
        if text.contains('\0') || file.path.ends_with(".binpb") {
            continue;
        }
        for (number, line) in text.split('\n').enumerate() {
            if line.ends_with([' ', '\t', '\r']) {
                problems.add_at(
                    &file.path,
                    number + 1,
                    "has blanks at the end of the line: remove them",
                );
            }
        }
        if !text.is_empty() && !text.ends_with('\n') {
            problems.add(&file.path, "does not end with a newline: add one");
        }
        if text.ends_with("\n\n") {
            problems.add(&file.path, "ends with an empty line: remove it");
        }
    }
}

/// What a test reads is as it must be, with blanks and other line ends.
fn is_input_of_a_test(file: &File) -> bool {
    file.path.contains("/tests/") && !file.is_code()
}
