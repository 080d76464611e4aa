//! What can be typed: every command, flag and help text. It refuses to act on any of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use distributor_client::ConnectOptions;

use super::duration;
use super::exit::{self, Failure};

/// Default of `--older-than`.
const RETENTION: &str = "7d";

/// Runs graphs of jobs durably, on this machine or any backend that is compiled in.
///
/// A job is known by its content: what it runs, with which parameters, on which inputs, after which
/// other jobs. One that finished once is reused, and one that changed runs again. Every step is
/// recorded before it counts: after a crash, `distributor run` with the same file goes on.
#[derive(Debug, Parser)]
#[command(
    name = "distributor",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_long_help = with_exit_codes(HELP)
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const HELP: &str = "\
Examples:
  distributor run examples/hello.toml      run a graph of jobs
  distributor status --all                 what was run here, and how it ended
  distributor logs QUEST --follow          output of the newest execution, as it comes
  distributor graph examples/hello.toml    draw it: pipe the output into `dot -Tsvg`

Ids are QUEST (43 characters; the first 4 or more are enough if they are unique), 'QUEST|N' for an
attempt and 'QUEST|N|E' for an execution. Quote the `|`.

Environment:
  DISTRIBUTOR_STATE   default of --state
  DISTRIBUTOR_CONFIG  default of --config
  DISTRIBUTOR_SERVER  default of --server
  DISTRIBUTOR_TOKEN   token to show to a service
  DISTRIBUTOR_CA      default of --ca
  DISTRIBUTOR_LOG     what the program says of itself on standard error: off, error, warn
                      (default; for serve: info), info, debug or trace
  NO_COLOR            no colours, also on a terminal";

/// Accepted by every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Folder that holds the state; `run` and `serve` make it if it is not there
    #[arg(
        long,
        value_name = "DIR",
        global = true,
        help_heading = "Options of all commands",
        env = "DISTRIBUTOR_STATE",
        hide_env_values = true,
        default_value = ".distributor"
    )]
    pub(crate) state: PathBuf,
    /// Service to work with, instead of the state directory: http://HOST:PORT or https://HOST:PORT
    ///
    /// For all commands but serve, token, secrets, backends, config and completions; cancel, watch and
    /// notifications need it.
    #[arg(
        long,
        value_name = "URL",
        global = true,
        help_heading = "Options of all commands",
        env = "DISTRIBUTOR_SERVER",
        hide_env_values = true
    )]
    pub(crate) server: Option<String>,
    /// File with the token to show to the service [default: $DISTRIBUTOR_TOKEN, if it is set]
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        help_heading = "Options of all commands"
    )]
    pub(crate) token_file: Option<PathBuf>,
    /// PEM file with the certificates to trust, instead of those of the system
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        help_heading = "Options of all commands",
        env = "DISTRIBUTOR_CA",
        hide_env_values = true
    )]
    pub(crate) ca: Option<PathBuf>,
    /// File with the distributor configurations [default: what the graph file names, else the
    /// backends that need none]
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        help_heading = "Options of all commands",
        env = "DISTRIBUTOR_CONFIG",
        hide_env_values = true
    )]
    pub(crate) config: Option<PathBuf>,
}

impl Global {
    /// How to connect to the service.
    pub(crate) fn connect_options(&self) -> Result<ConnectOptions, Failure> {
        let read = |path: &PathBuf| {
            std::fs::read(path)
                .map_err(|error| Failure::Input(format!("{}: {error}", path.display())))
        };
        let bearer = match &self.token_file {
            Some(path) => Some(String::from_utf8_lossy(&read(path)?).trim().to_owned()),
            None => std::env::var("DISTRIBUTOR_TOKEN").ok(),
        };
        let certificates = self.ca.as_ref().map(read).transpose()?;
        if let (Some(path), Some(pem)) = (&self.ca, &certificates) {
            // Without any, everything would be refused, and nobody would be told why.
            if !String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----") {
                return Err(Failure::Input(format!(
                    "{}: has no certificate; give a PEM file with the certificates to trust",
                    path.display()
                )));
            }
        }
        Ok(ConnectOptions {
            bearer: bearer.filter(|bearer| !bearer.is_empty()),
            certificates,
            ..ConnectOptions::default()
        })
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the jobs of a graph file, each as soon as what it needs is done
    ///
    /// All of the file is checked first, also by the backends. Jobs that finished before and have not
    /// changed since are reused; what an earlier run left unfinished goes on. Interrupt it (Ctrl-C) to
    /// stop what runs: the next run starts those jobs anew. Interrupt twice to leave at once: what runs
    /// then is found by the next run.
    Run(Run),
    /// Show how many attempts are in which state, and those that are not over
    ///
    /// Works while another process runs jobs in the same state directory.
    Status(Status),
    /// Show all that is known of a quest, an attempt or an execution
    ///
    /// Its description, its executions (newest first), what it needs and what needs it, where to look at
    /// it, and how it ended. Works while another process runs jobs.
    Show(Show),
    /// Print what an execution has written
    ///
    /// Its standard output goes to standard output, its standard error to standard error. A quest means
    /// its newest attempt, an attempt its newest execution.
    Logs(Logs),
    /// Say why an attempt is not running, or what it is doing
    ///
    /// One sentence, and the facts it rests on. A quest means its newest attempt. Works while another
    /// process runs jobs.
    Explain(super::explain::Arguments),
    /// Cancel attempts at a service
    ///
    /// Running tasks are told to stop, and their attempts end CANCELLED when they have. What is over stays
    /// as it is. Jobs of a `run` in this folder are cancelled by interrupting it.
    Cancel(super::cancel::Arguments),
    /// Show the changes at a service as they happen
    Watch(super::watch::Arguments),
    /// Draw a graph file, or what is stored around an attempt
    ///
    /// Arrows lead from a job to what it needs. Jobs of a file are coloured by the state of their newest
    /// attempt, if there is one. Of a stored attempt, all that it needs is drawn, up to 10,000 attempts.
    Graph(Graph),
    /// List the kinds of backends that are compiled in
    ///
    /// Each with its field name and number in configuration files, its configuration message, what it can
    /// do, and an example.
    Backends(Backends),
    /// Look after configuration files
    Config(Config),
    /// Remove old ended attempts from the state
    ///
    /// An attempt goes if it ended at least --older-than ago and no unfinished attempt needs it, and a quest
    /// goes with its last attempt. What backends keep of them, such as the outputs of processes, goes too.
    /// A job whose attempt is gone runs again. Nothing is removed unless this command is given: without it
    /// the state keeps everything.
    Gc(Gc),
    /// Serve the API to submitters and jobs
    Serve(Box<super::serve::Arguments>),
    /// Serve a fake Swarming, to try its backend without a farm
    #[cfg(feature = "fake-swarming")]
    FakeSwarming(super::fake_swarming::Arguments),
    /// Look after the tasks that backends have sent to themselves, and their dead letters
    Queue(super::queue::Arguments),
    /// Show what has become of the notifications that came to a service
    Notifications(super::notifications::Arguments),
    /// Look after the tokens that callers of a service show
    Token(super::token::Arguments),
    /// Look after the secrets that sign the tokens of notifications and of external queues
    Secrets(super::secrets::Arguments),
    /// Calls that a job makes for itself: activate, depend, finish, previous
    Job(super::job::Arguments),
    /// Print a completion script for a shell
    Completions(Completions),
}

/// Whether a program reads the output.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Json {
    /// Write JSON to standard output instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(after_long_help = with_exit_codes(RUN_HELP))]
pub(crate) struct Run {
    /// Graph file, in TOML
    pub(crate) file: PathBuf,
    /// Run all jobs again, also those that finished and have not changed
    #[arg(long)]
    pub(crate) again: bool,
    /// When a job fails, go on with all that does not need it
    ///
    /// Without this flag nothing new is started after a failure, except for jobs that say
    /// `run_anyway`; what runs is left to end.
    #[arg(long, short = 'k')]
    pub(crate) keep_going: bool,
    /// Run at most N jobs at once, on all backends together
    #[arg(long, short = 'j', value_name = "N", value_parser = at_least_one)]
    pub(crate) jobs: Option<usize>,
    /// Show no progress on standard error
    #[arg(long, short)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

const RUN_HELP: &str = "\
Examples:
  distributor run examples/hello.toml
  distributor run build.toml --keep-going --jobs 4
  distributor run build.toml --json | jq '.jobs[] | select(.state != \"FINISHED\")'

A graph file:
  [jobs.generate]
  run.argv = [\"./generate\", \"--out\", \"table.c\"]   # what the backend gets
  outputs = [\"table.c\"]

  [jobs.compile]
  needs = [\"generate\"]
  inputs = [\"src/**/*.c\"]                           # their content is part of what the job is
  run.shell = \"cc -o tool src/*.c table.c\"
  retries = 1
  timeouts = { run = \"5m\" }

With --json: {\"graph\", \"state_directory\", \"jobs\": [{\"name\", \"state\", \"status\", \"reused\",
\"attempt\", \"executions\", \"result\", \"reason\"}], \"finished\", \"failed\", \"cancelled\", \"reused\",
\"interrupted\"}; for bad input {\"problems\": [{\"file\", \"line\", \"column\", \"path\", \"message\",
\"help\"}]}.";

/// Arguments of `status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// List attempts that are over too, newest first
    #[arg(long, short)]
    pub(crate) all: bool,
    /// List at most N attempts
    #[arg(long, short = 'n', value_name = "N", default_value = "50", value_parser = at_least_one)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
#[command(after_long_help = ID_HELP)]
pub(crate) struct Show {
    /// Quest, attempt or execution
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Arguments of `logs`.
#[derive(Debug, Args)]
#[command(after_long_help = LOGS_HELP)]
pub(crate) struct Logs {
    /// Quest, attempt or execution
    pub(crate) id: String,
    /// Go on until it is over; for an attempt that is retried, with the next execution
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Only its standard output
    #[arg(long, conflicts_with = "stderr")]
    pub(crate) stdout: bool,
    /// Only its standard error (to standard error)
    #[arg(long)]
    pub(crate) stderr: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

const ID_HELP: &str = "\
An id is QUEST (the first 4 or more characters are enough if they are unique), 'QUEST|N' for an
attempt or 'QUEST|N|E' for an execution. Quote the `|`.

Examples:
  distributor show xq1Z
  distributor show 'xq1Z|2' --json";

const LOGS_HELP: &str = "\
An id is QUEST (the first 4 or more characters are enough if they are unique), 'QUEST|N' for an
attempt or 'QUEST|N|E' for an execution. Quote the `|`.

Examples:
  distributor logs xq1Z --follow
  distributor logs 'xq1Z|2|1' --stderr

With --json, one object a line: {\"execution\", \"stream\": \"stdout\" or \"stderr\", \"offset\", \"text\"}.";

/// Arguments of `graph`.
#[derive(Debug, Args)]
#[command(after_long_help = GRAPH_HELP)]
pub(crate) struct Graph {
    /// Graph file, or the id of a quest or attempt
    #[arg(value_name = "FILE|ID")]
    pub(crate) what: String,
    /// Language of the drawing
    #[arg(long, value_enum, default_value = "dot")]
    pub(crate) format: DrawingFormat,
    #[command(flatten)]
    pub(crate) json: Json,
}

const GRAPH_HELP: &str = "\
Examples:
  distributor graph build.toml | dot -Tsvg > build.svg
  distributor graph 'xq1Z|1' --format mermaid

With --json: {\"nodes\": [{\"name\", \"attempt\", \"state\"}], \"edges\": [[from, to]], \"complete\"}, where
`from` needs `to` and both count nodes from 0.";

/// A language for drawings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DrawingFormat {
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
}

/// Arguments of `backends`.
#[derive(Debug, Args)]
pub(crate) struct Backends {
    #[command(flatten)]
    pub(crate) json: Json,
}

/// Look after configuration files.
#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

/// What to do with a configuration file.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Find all problems of a configuration file, or list what it configures
    ///
    /// Ends with exit code 2 if there is any problem. Nothing is started or written.
    Check(ConfigCheck),
}

/// Find all problems of a configuration file, or list what it configures.
#[derive(Debug, Args)]
#[command(after_long_help = CONFIG_HELP)]
pub(crate) struct ConfigCheck {
    /// Configuration file, in proto text format
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) json: Json,
}

const CONFIG_HELP: &str = "\
A configuration file (`distributor backends` shows what each kind accepts):
  distributor_configs {
    key: \"two-at-once\"
    value { local_process { slots: 2 } }
  }
  distributor_configs {
    key: \"default\"
    value { alias { other_config: \"two-at-once\" } }
  }";

/// Arguments of `gc`.
#[derive(Debug, Args)]
#[command(after_long_help = GC_HELP)]
pub(crate) struct Gc {
    /// Least age of what is removed, for example 90m, 36h or 30d; 0s removes all that is over
    #[arg(long, value_name = "AGE", default_value = RETENTION, value_parser = duration::any)]
    pub(crate) older_than: Duration,
    /// Only say what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) json: Json,
}

const GC_HELP: &str = "\
Examples:
  distributor gc --dry-run
  distributor gc --older-than 30d";

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_long_help = COMPLETIONS_HELP)]
pub(crate) struct Completions {
    /// Shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

const COMPLETIONS_HELP: &str = "\
Examples:
  distributor completions bash > ~/.local/share/bash-completion/completions/distributor
  distributor completions zsh > ~/.zfunc/_distributor
  distributor completions fish > ~/.config/fish/completions/distributor.fish";

pub(crate) fn with_exit_codes(help: &str) -> String {
    format!("{help}\n\n{}", exit::HELP)
}

pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("use a number from 1".to_owned()),
        Ok(number) => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_help_documents_the_exit_codes() {
        let mut command = Arguments::command();
        let help = command.render_long_help().to_string();
        assert!(help.contains(exit::HELP), "{help}");
    }

    #[test]
    fn numbers_are_checked_where_they_are_typed() {
        let parse = |arguments: &[&str]| {
            let arguments = ["distributor"].iter().chain(arguments);
            Arguments::try_parse_from(arguments).map_err(|error| error.exit_code())
        };
        assert_eq!(parse(&["run", "x", "--jobs", "0"]).unwrap_err(), 2);
        assert_eq!(parse(&["gc", "--older-than", "7"]).unwrap_err(), 2);
        assert_eq!(
            parse(&["logs", "x", "--stdout", "--stderr"]).unwrap_err(),
            2
        );
        let gc = parse(&["gc"]).unwrap();
        let Command::Gc(gc) = gc.command else {
            panic!("not gc");
        };
        assert_eq!(gc.older_than, Duration::from_secs(7 * 24 * 3600));
    }
}
