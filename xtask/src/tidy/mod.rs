//! `cargo xtask tidy`: checks of the tree itself, which no compiler makes.
//!
//! Each module checks one kind of rule and knows nothing of the others. All problems come at once,
//! each with what to do about it; nothing is ever repaired here.

mod backends;
mod code;
mod edges;
mod examples;
mod manifests;
mod packages;
mod problem;
mod text;
mod tree;

use std::path::Path;

use anyhow::{Result, bail};

use packages::Package;
use problem::Problems;
use tree::Tree;

/// Check the rules of the tree itself: crate edges, module docs, file lengths, manifests, backends.
///
/// Reads every file that git would not ignore, lists all problems at once, and changes nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// Checks the tree under `root`.
pub(crate) fn run(root: &Path) -> Result<()> {
    let problems = check(root, edges::EDGES)?;
    if problems.is_empty() {
        return Ok(());
    }
    let count = problems.len();
    bail!("the tree is not tidy:\n{problems}\n{count} problem(s)");
}

fn check(root: &Path, edges: &[edges::Edges]) -> Result<Problems> {
    let tree = Tree::read(root)?;
    let mut problems = Problems::default();
    let packages = Package::all(&tree, &mut problems);
    edges::check(&packages, edges, &mut problems);
    manifests::check(&packages, &mut problems);
    backends::check(&tree, &packages, &mut problems);
    code::check(&tree, &mut problems);
    text::check(&tree, &mut problems);
    examples::check(&tree, &mut problems);
    Ok(problems)
}

#[cfg(test)]
mod tests;
