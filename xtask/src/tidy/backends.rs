//! What a backend crate needs so that it is found, linked and understood.
//!
//! A crate that nobody names is dropped by the linker without a word, so its feature and its anchor
//! in the facade are checked here, before any test could miss them.

use toml::Value;

use super::packages::Package;
use super::problem::Problems;
use super::tree::Tree;

/// Where the features and anchors are.
const FACADE: &str = "distributor";

/// Checks every backend, and that the facade has no feature for one that does not exist.
pub(super) fn check(tree: &Tree, packages: &[Package], problems: &mut Problems) {
    let Some(facade) = packages.iter().find(|it| it.name == FACADE) else {
        return;
    };
    let mut names = Vec::new();
    for package in packages {
        if let Some(name) = package.backend() {
            names.push(name);
            check_readme(tree, package, problems);
            check_protos(tree, package, name, problems);
            check_feature(facade, package, name, problems);
            check_anchor(tree, facade, package, name, problems);
        }
    }
    let features = facade.get(&["features"]).and_then(Value::as_table);
    for feature in features.into_iter().flat_map(|it| it.keys()) {
        if let Some(name) = feature.strip_prefix("backend-")
            && !names.contains(&name)
        {
            let message = format!(
                "feature {feature} stands for no crate: add crates/distributor-backend-{name}, or remove the feature"
            );
            problems.add(&facade.path, message);
        }
    }
}

fn check_readme(tree: &Tree, package: &Package, problems: &mut Problems) {
    if !tree.has(&format!("{}README.md", package.folder)) {
        let message = "has no README.md: say what the backend runs, what it can, and how it is \
                       configured";
        problems.add(&package.folder, message);
    }
}

fn check_protos(tree: &Tree, package: &Package, name: &str, problems: &mut Problems) {
    let name = name.replace('-', "_");
    let folder = format!("distributor/backend/{name}/");
    // Kinds of the original keep its package.
    let inherited = format!("{name}/");
    let files = package.get(&["package", "metadata", "protos", "files"]);
    let files = files.and_then(Value::as_array).into_iter().flatten();
    let has_one = files
        .filter_map(Value::as_str)
        .filter(|file| file.starts_with(&folder) || file.starts_with(&inherited))
        .any(|file| tree.has(&format!("protos/{file}")));
    if !has_one {
        let message = format!(
            "owns no configuration message: add protos/{folder}config.proto and list it in [package.metadata.protos]"
        );
        problems.add(&package.path, message);
    }
}

fn check_feature(facade: &Package, package: &Package, name: &str, problems: &mut Problems) {
    let feature = format!("backend-{name}");
    let wanted = format!("dep:{}", package.name);
    let enables = facade
        .get(&["features", &feature])
        .and_then(Value::as_array);
    let is_wanted = |value: &Value| value.as_str() == Some(&wanted);
    if !enables.is_some_and(|it| it.iter().any(is_wanted)) {
        let message = format!(
            "has no feature for {}: add `{feature} = [\"{wanted}\"]`",
            package.name
        );
        problems.add(&facade.path, message);
    }
}

fn check_anchor(
    tree: &Tree,
    facade: &Package,
    package: &Package,
    name: &str,
    problems: &mut Problems,
) {
    let gate = format!("#[cfg(feature = \"backend-{name}\")]");
    let anchor = format!("use {} as _;", package.name.replace('-', "_"));
    let source = format!("{}src/", facade.folder);
    let is_anchored = |text: &str| {
        let mut before = "";
        text.lines().any(|line| {
            let found = line.trim() == anchor && before == gate;
            before = line.trim();
            found
        })
    };
    let mut files = tree
        .our_code()
        .filter(|file| file.path.starts_with(&source));
    if !files.any(|file| file.text().is_some_and(is_anchored)) {
        let message = format!(
            "does not link {}: add `{gate}` and `{anchor}`, or the backend silently does not exist",
            package.name
        );
        problems.add(&source, message);
    }
}
