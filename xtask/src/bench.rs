//! `cargo xtask bench`: builds and runs the package that measures.
//!
//! It is a package of its own because it links everything that is measured, while the other tasks
//! must build when the product does not.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Measure: executions, processes, calls and graphs per second, each beside its floor.
///
/// Builds the package distributor-bench with optimizations and hands all arguments on to it: see
/// `cargo xtask bench --help`.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// Arguments of distributor-bench.
    #[arg(
        value_name = "ARGUMENT",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    arguments: Vec<OsString>,
}

/// Runs it in the caller's folder, so that file names mean what the caller means.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    let manifest = root.join("Cargo.toml");
    let status = Command::new("cargo")
        .args(["run", "--quiet", "--release", "-p", "distributor-bench"])
        .arg("--manifest-path")
        .arg(manifest)
        .arg("--")
        .args(&arguments.arguments)
        .status()
        .context("starting cargo")?;
    if !status.success() {
        bail!("measuring failed ({status})");
    }
    Ok(())
}
