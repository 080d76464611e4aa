//! What every manifest must say.

use toml::Value;

use super::packages::Package;
use super::problem::Problems;

/// Inherited from the workspace, so that there is one place to change them.
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license", "publish"];

/// Checks description, inherited fields and lints of every package.
pub(super) fn check(packages: &[Package], problems: &mut Problems) {
    for package in packages {
        let description = package.get(&["package", "description"]);
        let description = description.and_then(Value::as_str).unwrap_or_default();
        if description.trim().is_empty() {
            problems.add(
                &package.path,
                "has no description: say in one line what the crate is",
            );
        }
        for field in INHERITED {
            if !is_true(package.get(&["package", field, "workspace"])) {
                let message =
                    format!("{field} is not the workspace's: write `{field}.workspace = true`");
                problems.add(&package.path, message);
            }
        }
        check_lints(package, problems);
    }
}

/// The workspace's lints, or its own ones with a reason.
fn check_lints(package: &Package, problems: &mut Problems) {
    if package.get(&["lints"]).is_none() {
        problems.add(
            &package.path,
            "has no lints: write `[lints]` and `workspace = true`",
        );
        return;
    }
    if is_true(package.get(&["lints", "workspace"])) {
        return;
    }
    let mut before = "";
    for (number, line) in package.text.lines().enumerate() {
        if line.starts_with("[lints") {
            if !before.starts_with('#') {
                problems.add_at(
                    &package.path,
                    number + 1,
                    "has lints of its own: say why in a comment on the line above",
                );
            }
            return;
        }
        before = line;
    }
}

fn is_true(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool) == Some(true)
}
