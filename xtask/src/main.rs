//! Developer tasks, run as `cargo xtask TASK`.
//!
//! Each task is a module with its arguments and one `run` function. Nothing here
//! is part of the product, and no product crate may depend on it.

mod bench;
mod ci;
mod gen_protos;
mod tidy;

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
    Bench(bench::Arguments),
    Ci(ci::Arguments),
    GenProtos(gen_protos::Arguments),
    Tidy(tidy::Arguments),
}

fn main() -> ExitCode {
    let root = workspace_root();
    let outcome = match CommandLine::parse().task {
        Task::Bench(arguments) => bench::run(&root, &arguments),
        Task::Ci(arguments) => ci::run(&root, &arguments),
        Task::GenProtos(arguments) => gen_protos::run(&root, &arguments),
        Task::Tidy(_) => tidy::run(&root),
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
