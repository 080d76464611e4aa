//! `cargo xtask ci`: the whole gate, here and on every other machine alike.
//!
//! `.ci/run` only calls this. A step is a list of commands that anyone can type; nothing is checked
//! here that could not be checked by typing them.

mod command;
mod steps;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tempfile::TempDir;

use crate::report;
use command::Command;
use steps::{Facade, Step};

/// Run the whole gate, or the named steps of it.
///
/// The steps run in the order of the list, and the first command that fails ends the gate; how to
/// repeat it is the last thing that is printed.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run only these steps (see --list).
    #[arg(value_name = "STEP")]
    steps: Vec<String>,
    /// List the steps, and run nothing.
    #[arg(long)]
    list: bool,
}

/// Runs the gate of the workspace in `root`.
pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<()> {
    let facade = Facade::read(root)?;
    let state = TempDir::with_prefix("distributor-ci-")?;
    let steps = steps::all(&facade, state.path());
    if arguments.list {
        for step in &steps {
            report(&format!("{:16} {}", step.name, step.purpose));
        }
        return Ok(());
    }
    let steps = select(steps, &arguments.steps)?;
    let durations = run_steps(root, &steps)?;
    report("\nall is well:");
    for (step, duration) in steps.iter().zip(durations) {
        report(&format!(
            "{:16} {:>7.1} s",
            step.name,
            duration.as_secs_f64()
        ));
    }
    Ok(())
}

/// The wanted steps in the order of the gate; all of them if none is named.
fn select(steps: Vec<Step>, wanted: &[String]) -> Result<Vec<Step>> {
    for name in wanted {
        if !steps.iter().any(|step| step.name == name) {
            let names: Vec<&str> = steps.iter().map(|step| step.name).collect();
            bail!("there is no step `{name}`; there are: {}", names.join(", "));
        }
    }
    let is_wanted = |step: &Step| wanted.is_empty() || wanted.iter().any(|it| it == step.name);
    Ok(steps.into_iter().filter(is_wanted).collect())
}

/// How long each step took.
fn run_steps(root: &Path, steps: &[Step]) -> Result<Vec<Duration>> {
    let mut durations = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let of = steps.len();
        report(&format!(
            "\n=== {}/{of} {}: {}",
            number + 1,
            step.name,
            step.purpose
        ));
        let begin = Instant::now();
        for command in &step.commands {
            report(&format!("+ {command}"));
            run_command(root, step, command)?;
        }
        let duration = begin.elapsed();
        report(&format!(
            "=== {} took {:.1} s",
            step.name,
            duration.as_secs_f64()
        ));
        durations.push(duration);
    }
    Ok(durations)
}

fn run_command(root: &Path, step: &Step, command: &Command) -> Result<()> {
    let problem = match command.status(root) {
        Ok(status) if status.success() => return Ok(()),
        Ok(status) => status.to_string(),
        Err(error) => format!("cannot be started: {error}"),
    };
    bail!(
        "step `{}` failed ({problem}); to repeat it:\n  {command}\nto repeat the whole step:\n  cargo xtask ci {}",
        step.name,
        step.name
    );
}

#[cfg(test)]
mod tests;
