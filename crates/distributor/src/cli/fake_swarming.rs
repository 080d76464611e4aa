//! `fake-swarming`: a farm on a port of this machine, to try the backend without one.
//!
//! It turns what was typed into settings. How a farm behaves is `distributor-fake-swarming`'s.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use distributor_fake_swarming::faults::Script;
use distributor_fake_swarming::{Bot, Caller, ErrorShape, Farm, Settings, Subscription};
use serde_json::json;

use super::args::{Global, Json, at_least_one, with_exit_codes};
use super::exit::{Exit, Failure};
use super::output;
use super::signals::Signals;

/// Where it listens unless told otherwise.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8660);

/// Arguments of `fake-swarming`.
#[derive(Debug, Args)]
#[command(after_long_help = with_exit_codes(HELP))]
pub(crate) struct Arguments {
    /// Address to listen on; port 0 takes a free one
    ///
    /// Whoever reaches it can run commands here, if --run-commands is given: anything but loopback
    /// demands --callers then.
    #[arg(long, value_name = "IP:PORT", default_value_t = DEFAULT_ADDRESS)]
    listen: SocketAddr,
    /// How many bots there are: so many tasks run at once
    #[arg(long, value_name = "N", default_value = "4", value_parser = at_least_one)]
    bots: usize,
    /// What every bot has; several values of a key go from general to special [default: pool=default]
    #[arg(long = "dimension", value_name = "KEY=VALUE", value_parser = pair)]
    dimensions: Vec<(String, String)>,
    /// A further pool, without bots
    #[arg(long = "pool", value_name = "NAME")]
    pools: Vec<String>,
    /// Run commands as processes of this machine
    #[arg(long)]
    run_commands: bool,
    /// How long a task takes that is not run and does not say it itself
    #[arg(long, value_name = "SECONDS", default_value = "0")]
    task_seconds: f64,
    /// File with those who may call, one a line: token, space, name [default: everybody may]
    #[arg(long, value_name = "FILE")]
    callers: Option<PathBuf>,
    /// Push the notifications of a topic to a URL
    #[arg(long = "push", value_name = "TOPIC=URL", value_parser = pair)]
    pushes: Vec<(String, String)>,
    /// Keep the notifications of a topic for whoever pulls them
    #[arg(long = "subscription", value_name = "SUBSCRIPTION=TOPIC", value_parser = pair)]
    subscriptions: Vec<(String, String)>,
    /// File that says what goes wrong
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Tell errors as the front end of old did
    #[arg(long)]
    old_errors: bool,
    #[command(flatten)]
    json: Json,
}

const HELP: &str = "\
It prints its URL once it listens, and runs until SIGTERM or SIGINT. What it knows is kept in
--state, in the folder fake-swarming; tasks that ran when it ended have lost their bots.

Unless --run-commands is given, a task is not run. It ends as its environment says:
  FAKE_STATE=TIMED_OUT   in this state (PENDING, RUNNING: it stays so until a timeout)
  FAKE_EXIT_CODE=3       with this exit code
  FAKE_SECONDS=1.5       after this time
  FAKE_INTERNAL_FAILURE=1
else COMPLETED with exit code 0, unless --faults says otherwise. A package of version \"missing\" does
not exist.

Topics are projects/P/topics/T, subscriptions projects/P/subscriptions/S. A pull receiver finds them
with PUBSUB_EMULATOR_HOST=IP:PORT.

For tests: GET /fake/tasks tells all tasks; POST /fake/faults {\"enabled\": false} ends the faults.

Examples:
  distributor fake-swarming --run-commands
  distributor fake-swarming --dimension pool=default --dimension os=Linux --dimension os=Ubuntu
  distributor fake-swarming --faults examples/swarming-faults.toml \\
      --push projects/local/topics/dm=http://127.0.0.1:8650/_ah/push-handlers/dm-distributor-notify";

pub(super) fn fake_swarming(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let settings = arguments.settings(&global.state)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::system("start the runtime"))?;
    runtime.block_on(execute(arguments, settings))
}

async fn execute(arguments: &Arguments, settings: Settings) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let farm = Farm::start(settings)
        .await
        .map_err(|error| Failure::Input(error.to_string()))?;
    let url = farm.url();
    if arguments.json.json {
        output::json(&json!({ "url": url, "pid": std::process::id() }))?;
    } else {
        output::line(url)?;
    }
    output::note(format_args!(
        "a fake Swarming serves at {url} (interrupt to stop)"
    ));
    signals.next().await;
    farm.stop().await;
    Ok(Exit::Finished)
}

impl Arguments {
    fn settings(&self, state: &Path) -> Result<Settings, Failure> {
        let mut settings = Settings::new(state.join("fake-swarming"), 0);
        settings.listen = self.listen;
        settings.bots = self.all_bots();
        settings.pools.clone_from(&self.pools);
        settings.run_commands = self.run_commands;
        settings.task_seconds = self.task_seconds;
        settings.subscriptions = self.all_subscriptions()?;
        if let Some(path) = &self.callers {
            settings.callers = callers(path)?;
        }
        if let Some(path) = &self.faults {
            let script = Script::parse(&read(path)?)
                .map_err(|error| Failure::Input(format!("{}: {error}", path.display())))?;
            settings.faults = Some(script);
        }
        if self.old_errors {
            settings.errors = ErrorShape::FrontEnd;
        }
        if self.run_commands && settings.callers.is_empty() && !self.listen.ip().is_loopback() {
            return Err(Failure::Input(format!(
                "--listen: whoever reaches {} could run anything here; give --callers, or listen on \
                 loopback",
                self.listen
            )));
        }
        Ok(settings)
    }

    fn all_bots(&self) -> Vec<Bot> {
        let mut dimensions: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, value) in &self.dimensions {
            dimensions
                .entry(key.clone())
                .or_default()
                .push(value.clone());
        }
        dimensions
            .entry("pool".to_owned())
            .or_insert_with(|| vec!["default".to_owned()]);
        let ids = (1..=self.bots).map(|number| format!("bot-{number}"));
        ids.map(|id| Bot {
            id,
            dimensions: dimensions.clone(),
        })
        .collect()
    }

    fn all_subscriptions(&self) -> Result<Vec<Subscription>, Failure> {
        let mut all = Vec::new();
        for (number, (topic, url)) in self.pushes.iter().enumerate() {
            let Some((project, name)) = topic.split_once("/topics/") else {
                return Err(Failure::Input(format!(
                    "--push: a topic is projects/P/topics/T, not {topic:?}"
                )));
            };
            all.push(Subscription {
                name: format!("{project}/subscriptions/{name}-push-{}", number + 1),
                topic: topic.clone(),
                push: Some(url.clone()),
            });
        }
        all.extend(self.subscriptions.iter().map(|(name, topic)| Subscription {
            name: name.clone(),
            topic: topic.clone(),
            push: None,
        }));
        Ok(all)
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((left, right)) if !left.is_empty() && !right.is_empty() => {
            Ok((left.to_owned(), right.to_owned()))
        }
        _ => Err("must have something on both sides of =".to_owned()),
    }
}

fn callers(path: &Path) -> Result<Vec<Caller>, Failure> {
    let text = read(path)?;
    let lines = text.lines().enumerate();
    let callers = lines.filter(|(_, line)| !line.trim().is_empty());
    callers
        .map(|(number, line)| match line.trim().split_once(' ') {
            Some((token, identity)) => Ok(Caller {
                token: token.to_owned(),
                identity: identity.trim().to_owned(),
            }),
            // What is secret is not in the message.
            None => Err(Failure::Input(format!(
                "{}: line {}: must be a token, a space and a name",
                path.display(),
                number + 1
            ))),
        })
        .collect()
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::Input(format!("{}: {error}", path.display())))
}
