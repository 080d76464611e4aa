//! The command-line program: reads arguments, does one command, ends with a documented exit code.
//!
//! One file for each command. Only [`output`] writes to the terminal; nothing here knows a particular
//! backend or how life cycles go.

mod args;
mod backends;
mod cancel;
mod completions;
mod config;
mod duration;
mod exit;
mod explain;
#[cfg(feature = "fake-swarming")]
mod fake_swarming;
pub(crate) mod findings;
mod gc;
mod graph;
mod ids;
mod job;
mod logs;
mod notifications;
mod output;
mod place;
mod queue;
mod records;
mod remote;
mod run;
mod secrets;
mod serve;
mod show;
mod signals;
mod status;
mod table;
mod token;
mod view;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::filter::LevelFilter;

use args::{Arguments, Command};
use exit::{Exit, Failure};

/// Runs the program with these arguments, the program's name first.
pub(crate) fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = ids::behind_options(arguments);
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(answer) => {
            // Help and version come this way too. A closed pipe is not an error.
            let _nobody_reads = answer.print();
            let failed = answer.use_stderr();
            return if failed {
                Exit::BadInput
            } else {
                Exit::Finished
            }
            .into();
        }
    };
    if let Err(failure) = listen_to_ourselves(&arguments.command) {
        output::note(format_args!("error: {failure}"));
        return failure.exit().into();
    }
    match execute(&arguments) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            match &failure {
                Failure::Findings(findings) => output::note(findings),
                other => output::note(format_args!("error: {other}")),
            }
            failure.exit().into()
        }
    }
}

fn execute(arguments: &Arguments) -> Result<Exit, Failure> {
    let global = &arguments.global;
    match &arguments.command {
        Command::Run(run) => run::run(global, run),
        Command::Status(status) => status::status(global, status),
        Command::Show(show) => show::show(global, show),
        Command::Logs(logs) => logs::logs(global, logs),
        Command::Graph(graph) => graph::graph(global, graph),
        Command::Backends(backends) => backends::backends(backends),
        Command::Config(config) => config::config(global, config),
        Command::Explain(explain) => explain::explain(global, explain),
        Command::Cancel(cancel) => cancel::cancel(global, cancel),
        Command::Watch(watch) => watch::watch(global, watch),
        Command::Gc(gc) => gc::gc(global, gc),
        Command::Serve(arguments) => serve::serve(global, arguments),
        #[cfg(feature = "fake-swarming")]
        Command::FakeSwarming(arguments) => fake_swarming::fake_swarming(global, arguments),
        Command::Queue(arguments) => queue::queue(global, arguments),
        Command::Notifications(arguments) => notifications::notifications(global, arguments),
        Command::Token(arguments) => token::token(global, arguments),
        Command::Secrets(arguments) => secrets::secrets(global, arguments),
        Command::Job(arguments) => job::job(global, arguments),
        Command::Completions(completions) => completions::completions(completions),
    }
}

/// Shows what the program's parts say of themselves, from warnings on unless told otherwise. A
/// service also says what it does of its own accord: nobody sits before it.
fn listen_to_ourselves(command: &Command) -> Result<(), Failure> {
    const VARIABLE: &str = "DISTRIBUTOR_LOG";
    let level = match std::env::var(VARIABLE) {
        Ok(text) => text.parse().map_err(|_| {
            Failure::Input(format!(
                "{VARIABLE}: {text:?} is no level; use off, error, warn, info, debug or trace"
            ))
        })?,
        Err(_) if matches!(command, Command::Serve(_)) => LevelFilter::INFO,
        Err(_) => LevelFilter::WARN,
    };
    // A program that embeds this one may have its own subscriber; then that one listens.
    let _already_there = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
    Ok(())
}
