//! `job`: lets a shell script be a job that calls the API.
//!
//! Each command is one process of the same task: the first one stores the execution token where the
//! others find it. It refuses to decide for the script: that is what exit code 10 is for.

mod args;
mod quests;
mod results;

use std::future::Future;
use std::io::{self, Read};

use distributor_client::job::{self, Depended, JobContext, JobError};
use distributor_client::{Client, Code};
use distributor_proto::{dm, normalize_result};

use super::args::Global;
use super::exit::{Exit, Failure};
use super::output;

pub(crate) use args::Arguments;
use args::{Command, Depend};

/// Most bytes that are read from standard input for a result: more than any result has.
const MOST_INPUT: u64 = 1 << 20;

pub(super) fn job(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::Activate => activate(global),
        Command::Depend(arguments) => depend(global, arguments),
        Command::Finish(arguments) => finish(global, &arguments.result),
        Command::Previous => {
            let object = job::previous().map_err(|error| Failure::Input(error.to_string()))?;
            output::line(object.trim_end())?;
            Ok(Exit::Finished)
        }
    }
}

fn activate(global: &Global) -> Result<Exit, Failure> {
    call(global, async |client| {
        JobContext::begin_from_env(client)?.activate().await?;
        Ok(Exit::Finished)
    })
}

fn depend(global: &Global, arguments: &Depend) -> Result<Exit, Failure> {
    let number = arguments.attempt;
    let quests = quests::read(&arguments.quests)?;
    let wanted = quests
        .iter()
        .map(|(_, desc)| (desc.clone(), vec![number]))
        .collect();
    let mut graph = None;
    let exit = call(global, async |client| {
        let job = JobContext::join_from_env(client)?;
        match job.depend(wanted, None, true).await? {
            Depended::Halt => {
                output::note("halt: this attempt is executed again when all of it is there");
                Ok(Exit::Stop)
            }
            Depended::Results(results) => {
                graph = Some(results);
                Ok(Exit::Finished)
            }
        }
    })?;
    match graph {
        None => Ok(exit),
        Some(graph) => results::print(&graph, &quests, number, arguments.json.json),
    }
}

fn finish(global: &Global, object: &str) -> Result<Exit, Failure> {
    let object = match object {
        "-" => {
            let mut text = String::new();
            io::stdin()
                .lock()
                .take(MOST_INPUT)
                .read_to_string(&mut text)
                .map_err(Failure::system("read the result from standard input"))?;
            text
        }
        object => object.to_owned(),
    };
    let mut result = dm::JsonResult {
        object,
        ..dm::JsonResult::default()
    };
    normalize_result(&mut result).map_err(|error| Failure::Input(format!("result: {error}")))?;
    if result.object.is_empty() {
        let message = "result: empty; give a JSON object, for example '{\"done\":true}'";
        return Err(Failure::Input(message.to_owned()));
    }
    call(global, async |client| {
        let job = JobContext::join_from_env(client)?;
        job.finish(result.object).await?;
        Ok(Exit::Finished)
    })
}

/// Makes calls, with the patience of a job: nobody waits for it.
fn call<A>(global: &Global, calls: impl FnOnce(Client) -> A) -> Result<Exit, Failure>
where
    A: Future<Output = Result<Exit, JobError>>,
{
    let server = global.server.as_deref().ok_or_else(|| {
        let message = "the service is not known: set DISTRIBUTOR_SERVER, or use --server";
        Failure::Input(message.to_owned())
    })?;
    let options = global.connect_options()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::system("start the runtime"))?;
    let called = runtime.block_on(async {
        let client = Client::new(server, &options)?;
        calls(client).await
    });
    match called {
        Ok(exit) => Ok(exit),
        Err(JobError::Stop { reason }) => {
            output::note(format_args!("stop: {reason}"));
            Ok(Exit::Stop)
        }
        Err(JobError::Client(error)) => Err(match error.code() {
            Code::InvalidArgument | Code::NotFound | Code::FailedPrecondition => {
                Failure::Input(error.to_string())
            }
            _ => Failure::Service(format!("the service at {server} failed: {error}")),
        }),
        Err(error) => Err(Failure::Input(error.to_string())),
    }
}
