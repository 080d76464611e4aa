//! `secrets`: looks after what signs the tokens of notifications and of external queues.
//!
//! Secrets are files in the state directory. The store is not touched, so all of this works while a
//! service runs, and counts for it at once. It refuses to show a secret.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use distributor_core::{Clock, ErrorKind, SystemClock, Timestamp};
use distributor_host::topic::{
    DEFAULT_LIFETIME, QueueTokens, SecretError, SecretSummary, Secrets, TopicTokens,
};
use serde_json::{Value, json};

use super::args::{Global, Json};
use super::duration;
use super::exit::{Exit, Failure};
use super::output;
use super::place::Place;
use super::table::{Cell, Table};

/// Default of `--lifetime`, see [`distributor_host::topic::DEFAULT_QUEUE_LIFETIME`].
const DEFAULT_QUEUE_TOKEN_LIFETIME: &str = "30d";

/// Look after the secrets that sign tokens.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
Secrets are in the folder `secrets` of the state directory, each made when it is used first:
  pubsub_auth_token      signs the tokens by which notifications find their execution
  task_queue_auth_token  signs the tokens by which external queues may deliver tasks
Whoever has such a file can make tokens of that kind.

Examples:
  distributor secrets list
  distributor secrets rotate
  distributor secrets queue-token farm > farm.token";

/// What to do with secrets.
#[derive(Debug, Subcommand)]
enum Command {
    /// Sign with new secrets from now on
    ///
    /// Tokens that former secrets have signed stay good for their time. A service in the same state
    /// directory takes the new ones at once.
    Rotate(Rotate),
    /// List the secrets there are, without what they are
    List(List),
    /// Make a token with which an external queue may deliver tasks to a configuration
    ///
    /// The token goes to standard output, advice to standard error. It is stored nowhere. It is good until
    /// it expires, or until `secrets rotate task_queue_auth_token --drop-previous`.
    QueueToken(QueueToken),
}

/// Arguments of `secrets rotate`.
#[derive(Debug, Args)]
#[command(after_long_help = ROTATE_HELP)]
struct Rotate {
    /// Which secret; all that there are if none is named
    #[arg(
        value_name = "NAME",
        value_parser = [TopicTokens::SECRET_NAME, QueueTokens::SECRET_NAME]
    )]
    names: Vec<String>,
    /// Make all tokens worthless that were signed before: for a secret that has leaked
    ///
    /// Notifications with such a token are dropped, and what they would have told is found by asking the
    /// backends. External queues need new tokens.
    #[arg(long)]
    drop_previous: bool,
    #[command(flatten)]
    json: Json,
}

const ROTATE_HELP: &str = "\
Examples:
  distributor secrets rotate
  distributor secrets rotate task_queue_auth_token --drop-previous

With --json: {\"rotated\": [{\"name\", \"file\", \"made\", \"previous\", \"honoured_until\"}]}.";

/// Arguments of `secrets list`.
#[derive(Debug, Args)]
#[command(after_long_help = LIST_HELP)]
struct List {
    #[command(flatten)]
    json: Json,
}

const LIST_HELP: &str = "\
PREVIOUS is how many former secrets are still honoured; the last of them until HONOURED UNTIL.

Examples:
  distributor secrets list
  distributor secrets list --json | jq '.secrets[] | {name, made}'

With --json: {\"directory\", \"secrets\": [{\"name\", \"file\", \"made\", \"previous\", \"honoured_until\"}],
\"damaged\": [{\"name\", \"file\", \"problem\"}]}; what is not known is null.";

/// Arguments of `secrets queue-token`.
#[derive(Debug, Args)]
#[command(after_long_help = QUEUE_TOKEN_HELP)]
struct QueueToken {
    /// Name of the configuration
    #[arg(value_name = "CONFIG")]
    configuration: String,
    /// How long the token is good
    #[arg(
        long,
        value_name = "DURATION",
        default_value = DEFAULT_QUEUE_TOKEN_LIFETIME,
        value_parser = duration::lifetime
    )]
    lifetime: Duration,
    #[command(flatten)]
    json: Json,
}

const QUEUE_TOKEN_HELP: &str = "\
Examples:
  distributor secrets queue-token farm > farm.token
  distributor secrets queue-token farm --lifetime 7d

With --json: {\"config\", \"token\", \"expires\"}.";

pub(super) fn secrets(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let place = Place::of(global)?;
    match &arguments.command {
        Command::Rotate(rotate) => self::rotate(&place, rotate),
        Command::List(list) => self::list(&place, list),
        Command::QueueToken(token) => queue_token(&place, token),
    }
}

/// All kinds of secrets, whether there are any or not.
fn kinds(place: &Place) -> [Secrets; 2] {
    // Where tokens are good for another time, whoever issued them has noted it beside their secret.
    let topic = TopicTokens::new(place.secrets(), Arc::new(SystemClock), DEFAULT_LIFETIME);
    [
        topic.secrets().clone(),
        queue_tokens(place).secrets().clone(),
    ]
}

fn queue_tokens(place: &Place) -> QueueTokens {
    QueueTokens::new(place.secrets(), Arc::new(SystemClock))
}

fn rotate(place: &Place, arguments: &Rotate) -> Result<Exit, Failure> {
    let named = |secrets: &Secrets| {
        arguments.names.is_empty() || arguments.names.iter().any(|name| name == secrets.name())
    };
    let mut rotated = Vec::new();
    let mut failed = None;
    for secrets in kinds(place).into_iter().filter(named) {
        match secrets.rotate(arguments.drop_previous) {
            Ok(Some(summary)) => rotated.push((secrets, summary)),
            Ok(None) => {}
            // The others may be rotated all the same, and the user must know which were.
            Err(error) => {
                failed.get_or_insert(error);
            }
        }
    }
    if rotated.is_empty() && failed.is_none() {
        return Err(Failure::Input(format!(
            "there is no such secret in {} yet: each is made when it is used first, so there is nothing \
             to rotate",
            place.named
        )));
    }
    if arguments.json.json {
        let rotated: Vec<Value> = rotated
            .iter()
            .map(|(secrets, it)| facts(secrets, it))
            .collect();
        output::json(&json!({ "rotated": rotated }))?;
    } else {
        for (secrets, summary) in &rotated {
            output::line(sentence(secrets, summary))?;
        }
    }
    match failed {
        Some(error) => Err(failure(&error)),
        None => Ok(Exit::Finished),
    }
}

fn sentence(secrets: &Secrets, summary: &SecretSummary) -> String {
    let name = secrets.name();
    match (summary.previous, summary.honoured_until) {
        (0, _) => format!("rotated {name}: no token that was signed before is good any more"),
        (previous, Some(until)) => {
            format!("rotated {name}: {previous} former ones are honoured, the last until {until}")
        }
        (previous, None) => format!("rotated {name}: {previous} former ones are honoured"),
    }
}

fn list(place: &Place, arguments: &List) -> Result<Exit, Failure> {
    let mut found = Vec::new();
    let mut damaged = Vec::new();
    for secrets in kinds(place) {
        match secrets.summary() {
            Ok(Some(summary)) => found.push((secrets, summary)),
            Ok(None) => {}
            Err(error) => damaged.push((secrets, error)),
        }
    }
    if arguments.json.json {
        let found = found.iter().map(|(secrets, it)| facts(secrets, it));
        let problems = damaged.iter().map(|(secrets, error)| {
            json!({
                "name": secrets.name(),
                "file": secrets.path().display().to_string(),
                "problem": error.to_string(),
            })
        });
        output::json(&json!({
            "directory": place.secrets().display().to_string(),
            "secrets": found.collect::<Vec<_>>(),
            "damaged": problems.collect::<Vec<_>>(),
        }))?;
    } else {
        let text = text(&found, SystemClock.now(), output::colours());
        output::data(|out| out.write_all(text.as_bytes()).or_else(output::noticed))?;
    }
    for (secrets, error) in &damaged {
        output::note(format_args!("{} cannot be used: {error}", secrets.name()));
    }
    Ok(Exit::Finished)
}

fn text(found: &[(Secrets, SecretSummary)], now: Timestamp, colours: bool) -> String {
    let unknown = || "unknown".to_owned();
    let mut table = Table::new(&["NAME", "MADE", "AGE", "PREVIOUS", "HONOURED UNTIL"]);
    for (secrets, summary) in found {
        let made = summary.made;
        let until = match summary.previous {
            0 => String::new(),
            _ => summary
                .honoured_until
                .map_or_else(unknown, |it| it.to_string()),
        };
        table.row([
            Cell::plain(secrets.name()),
            Cell::plain(made.map_or_else(unknown, |made| made.to_string())),
            Cell::plain(made.map_or_else(unknown, |made| duration::shown(now.since(made)))),
            Cell::plain(summary.previous.to_string()),
            Cell::plain(until),
        ]);
    }
    table.render(colours)
}

fn facts(secrets: &Secrets, summary: &SecretSummary) -> Value {
    let text = |time: Option<Timestamp>| time.map(|time| time.to_string());
    json!({
        "name": secrets.name(),
        "file": secrets.path().display().to_string(),
        "made": text(summary.made),
        "previous": summary.previous,
        "honoured_until": text(summary.honoured_until),
    })
}

fn queue_token(place: &Place, arguments: &QueueToken) -> Result<Exit, Failure> {
    let expires = SystemClock.now().after(arguments.lifetime);
    let issued = queue_tokens(place).issue(&arguments.configuration, arguments.lifetime);
    let token = issued.map_err(|error| match error.kind() {
        ErrorKind::InvalidArgument => Failure::Input(format!("CONFIG: {error}")),
        _ => Failure::Internal(error.to_string()),
    })?;
    let token = String::from_utf8_lossy(token.expose());
    if arguments.json.json {
        output::json(&json!({
            "config": arguments.configuration,
            "token": token,
            "expires": expires.to_string(),
        }))?;
    } else {
        output::line(&token)?;
    }
    output::note(format_args!(
        "made a token for {:?}, good until {expires}; keep it, and do not show it to others. A queue \
         delivers a task with `POST /tq/distributor/NAME`, where NAME is the configuration's, encoded for \
         a URL, and shows the token in the header `X-Distributor-Queue-Token`",
        arguments.configuration
    ));
    Ok(Exit::Finished)
}

fn failure(error: &SecretError) -> Failure {
    match error {
        SecretError::TooMany { .. } => Failure::Input(error.to_string()),
        _ => Failure::Internal(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use distributor_host::topic::DEFAULT_QUEUE_LIFETIME;

    use super::*;

    #[test]
    fn the_lifetime_that_help_shows_is_the_hosts() {
        let shown = duration::lifetime(DEFAULT_QUEUE_TOKEN_LIFETIME);
        assert_eq!(shown, Ok(DEFAULT_QUEUE_LIFETIME));
    }
}
