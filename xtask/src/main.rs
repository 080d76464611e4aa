//! Developer tasks, run as `cargo xtask TASK`.
//!
//! Each task is a module with its arguments and one `run` function. Nothing here
//! is part of the product, and no product crate may depend on it.

mod gen_protos;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Developer tasks of this workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct CommandLine {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    GenProtos(gen_protos::Arguments),
}

fn main() -> ExitCode {
    let root = workspace_root();
    let outcome = match CommandLine::parse().task {
        Task::GenProtos(arguments) => gen_protos::run(&root, &arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The folder with the workspace's `Cargo.toml`.
fn workspace_root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}

/// Tells the developer something, on standard error: standard output is for data.
#[expect(
    clippy::print_stderr,
    reason = "the one place where tasks talk to people"
)]
fn report(message: &str) {
    eprintln!("{message}");
}
