//! Measures the product beside the floor that it stands on, in the same run.
//!
//! Run it as `cargo xtask bench`. Only ratios carry over to another machine or hour, so nothing here
//! compares with numbers of earlier runs, and nothing fails because it is slow.
//!
//! Each floor and each subject runs in a process of its own ([`child`]), so that peak memory belongs
//! to one of them and none inherits the other's caches. Floors and subjects take turns.

mod child;
mod floor;
mod group;
mod measurement;
mod probe;
mod report;
mod served;
mod subject;
mod told;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use distributor_backend_jobsim as _;
use distributor_backend_local_process as _;
use distributor_backend_noop as _;

use group::{Choice, Group, Workload};
use measurement::{GroupReport, Round};

/// Measure executions, processes, calls and graphs per second, each beside its floor.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", args_conflicts_with_subcommands = true)]
struct CommandLine {
    /// What to measure.
    #[arg(value_enum, default_value_t = Choice::All)]
    what: Choice,
    /// Write everything that was measured to this file as JSON; - is standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Quests in each measurement, instead of each group's own number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// How often floor and subject take turns; medians are reported.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    #[command(subcommand)]
    child: Option<Child>,
}

#[derive(Debug, Subcommand)]
enum Child {
    /// One measurement, in the process that was started for it.
    #[command(name = "__measure", hide = true)]
    Measure {
        workload: Workload,
        count: u64,
        directory: PathBuf,
    },
    /// The client of a walk, in a process of its own, so that its memory is not the service's.
    #[command(name = "__walk", hide = true)]
    Walk { address: String, root: String },
}

fn main() -> ExitCode {
    // The supervisor of local processes is this program, started again.
    if let Some(code) = distributor_core::helper::dispatch(std::env::args_os()) {
        return code;
    }
    let command_line = CommandLine::parse();
    let outcome = match &command_line.child {
        Some(Child::Measure {
            workload,
            count,
            directory,
        }) => child::measure(*workload, *count, directory),
        Some(Child::Walk { address, root }) => served::walk::run(address, root),
        None => run(&command_line),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::tell(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command_line: &CommandLine) -> Result<()> {
    let directory = bench_directory()?;
    fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
    let outcome = run_groups(command_line, &directory);
    // Only now: deleting many files slows down what is measured next.
    fs::remove_dir_all(&directory).with_context(|| format!("removing {}", directory.display()))?;
    let reports = outcome?;
    let to_stdout = command_line.json.as_deref() == Some(Path::new("-"));
    if !to_stdout {
        report::print(&report::table(&reports))?;
    }
    match &command_line.json {
        Some(_) if to_stdout => report::print(&report::json(&reports)?),
        Some(path) => fs::write(path, report::json(&reports)?)
            .with_context(|| format!("writing {}", path.display())),
        None => Ok(()),
    }
}

fn run_groups(command_line: &CommandLine, directory: &Path) -> Result<Vec<GroupReport>> {
    let groups = command_line.what.groups().iter();
    groups
        .map(|group| {
            let count = command_line.count.unwrap_or(group.count);
            run_group(group, count, command_line.rounds, directory)
        })
        .collect()
}

fn run_group(group: &Group, count: u64, rounds: u32, directory: &Path) -> Result<GroupReport> {
    let mut report = GroupReport::new(group, count);
    for round in 1..=rounds {
        report::tell(&format!("{}: round {round} of {rounds}", group.name));
        let folder = directory.join(format!("{}-{round}", group.name));
        let probe_folder = folder.join("probe");
        fs::create_dir_all(&probe_folder)
            .with_context(|| format!("creating {}", probe_folder.display()))?;
        let probe = probe::run(&probe_folder)?;
        let mut measurements = Vec::new();
        for workload in group.workloads() {
            let folder = folder.join(workload.name());
            measurements.push(child::start(workload, count, &folder)?);
        }
        report.rounds.push(Round {
            probe,
            measurements,
        });
    }
    Ok(report)
}

/// A folder of this run's own, on the disk with the build: `target/bench/PID`.
fn bench_directory() -> Result<PathBuf> {
    let program = std::env::current_exe().context("finding this program")?;
    let target = program.ancestors().nth(2).unwrap_or(Path::new("."));
    Ok(target.join("bench").join(std::process::id().to_string()))
}
