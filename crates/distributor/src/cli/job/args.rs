//! What can be typed after `job`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::args::{Json, with_exit_codes};

/// Calls that a job makes for itself.
#[derive(Debug, Args)]
#[command(after_long_help = with_exit_codes(HELP))]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

const HELP: &str = "\
These commands work in a task that a service has started for a quest without meta.simple: there
LUCI_CONTEXT names a file with the authorization and DISTRIBUTOR_SERVER the service. Each may be
repeated; failures of the moment are tried again ten times.

A whole job:
  #!/bin/sh
  # Exit code 10 means: stop now, with exit code 0. All else is a failure.
  stop() { [ $? -eq 10 ] && exit 0; exit 1; }
  distributor job activate || stop
  parts=$(distributor job depend --quest left.json --quest right.json) || stop
  distributor job finish \"$(echo \"$parts\" | ./combine)\" || stop

left.json and right.json are descriptions of quests, as JSON:
  {\"distributor_config_name\": \"local-process\", \"parameters\": \"{\\\"part\\\":1}\",
   \"distributor_parameters\": \"{\\\"argv\\\":[\\\"/jobs/part.sh\\\"]}\"}

Such a quest is a job of its own, and has to finish with a result like this one. A plain program
makes none of these calls, and needs \"meta\": {\"simple\": {}} in its description as well: then what its
backend reports is its result.

If not all that a job depends on is over, its execution ends, and the attempt is executed again
later, from the beginning of the script: then `depend` prints what it waited for. So do nothing
before `depend` that must not be done twice. The end of what an execution has written to standard
output is `stdout_tail` in what the next one gets from `distributor job previous`.

To submit one, for example with curl, ask the service for attempt 1 of its quest; job.json is a
description like left.json, whose argv names the script:
  curl http://127.0.0.1:8650/prpc/dm.Deps/EnsureGraphData -H 'Content-Type: application/json' \\
      -d \"{\\\"quest\\\":[$(cat job.json)],\\\"quest_attempt\\\":[{\\\"nums\\\":[1]}]}\"";

/// One call.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say that the task lives: the first thing that a job does
    ///
    /// Stores the execution token in a file beside that of LUCI_CONTEXT, for the other commands of the same
    /// task. Again it does no harm. Ends with exit code 10 if another task was faster.
    #[command(after_long_help = with_exit_codes("Example:\n  distributor job activate || stop"))]
    Activate,
    /// Ask for other quests, and for their results
    ///
    /// Ends with exit code 10 if not all of them are over: then the execution has ended, and the attempt is
    /// executed again when they are. Else prints their results, in the order of the quests: one JSON object a
    /// line, null for one that ended abnormally, and then the exit code is 1.
    Depend(Depend),
    /// Give the result of the attempt, and end its execution
    ///
    /// The last thing that a job does; after it, exit with code 0.
    Finish(Finish),
    /// Print the data of the attempt's last successful execution
    ///
    /// A JSON object of the backend, {} if there is none. Of a local process: `exit_code`, `stdout_tail` and
    /// more, see `distributor backends`.
    #[command(after_long_help = with_exit_codes("Example:\n  distributor job previous | jq -r .stdout_tail"))]
    Previous,
}

/// Arguments of `job depend`.
#[derive(Debug, Args)]
#[command(after_long_help = with_exit_codes(DEPEND_HELP))]
pub(super) struct Depend {
    /// File with descriptions of quests in JSON, one after the other; `-` is standard input
    #[arg(long = "quest", value_name = "FILE|-", required = true)]
    pub(super) quests: Vec<PathBuf>,
    /// Number of the attempt of each quest
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) attempt: u32,
    #[command(flatten)]
    pub(super) json: Json,
}

const DEPEND_HELP: &str = "\
Examples:
  distributor job depend --quest part1.json --quest part2.json || stop
  generate_parts | distributor job depend --quest - --attempt 2

With --json: {\"QUEST\": {\"N\": {\"state\": \"FINISHED\", \"result\": {…}}}}, or with state
\"ABNORMAL_FINISHED\", and \"status\" and \"reason\" instead of \"result\".";

/// Arguments of `job finish`.
#[derive(Debug, Args)]
#[command(after_long_help = with_exit_codes(FINISH_HELP))]
pub(super) struct Finish {
    /// The result, a JSON object of at most 256 KiB; `-` is standard input
    #[arg(value_name = "JSON|-")]
    pub(super) result: String,
}

const FINISH_HELP: &str = "\
Examples:
  distributor job finish '{\"done\":true}' || stop
  ./compute | distributor job finish - || stop";
