//! `token`: creates, lists and revokes the tokens that callers of a service show.
//!
//! Tokens are files in the state directory. The store is not touched, so all of this works while a
//! service runs, and counts for it at once.

use clap::{Args, Subcommand};
use distributor_api::{TokenDirectory, TokenError, TokenList};
use distributor_core::{Clock, SystemClock};
use serde_json::json;

use super::args::{Global, Json};
use super::exit::{Exit, Failure};
use super::output;
use super::place::Place;
use super::table::{Cell, Table};

/// Look after the tokens that callers of a service show.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
A token is one line of text that a caller of a service shows as `Authorization: Bearer TOKEN`; the
commands here take it from --token-file or DISTRIBUTOR_TOKEN. It stands for a name and some groups,
and `acls.cfg` says which groups may read and which may write (see `distributor serve --help`). What
is kept of it, in the folder `tokens` of the state directory, does not tell the token.

Examples:
  distributor token create alice --group developers
  distributor token list
  distributor token revoke alice";

/// What to do with tokens.
#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token and print it: it is shown only this once
    ///
    /// The token goes to standard output, advice to standard error. A service in the same state directory
    /// accepts it at once. One name may have several tokens, so that a new one can be handed out before
    /// the old one is revoked.
    Create(Create),
    /// List the tokens there are, without what makes them one
    List(List),
    /// Make a token worthless
    ///
    /// A service in the same state directory refuses it from the next call on.
    Revoke(Revoke),
}

/// Arguments of `token create`.
#[derive(Debug, Args)]
#[command(after_long_help = CREATE_HELP)]
struct Create {
    /// Who will show it; for people, and for the reasons of what they cancel
    name: String,
    /// A group that its bearer is in; may be given more than once
    #[arg(long = "group", short, value_name = "GROUP", required = true)]
    groups: Vec<String>,
    #[command(flatten)]
    json: Json,
}

const CREATE_HELP: &str = "\
Examples:
  distributor token create alice --group developers
  distributor token create nightly --group builders --group readers > nightly.token

With --json: {\"id\", \"name\", \"groups\", \"created\", \"token\"}.";

/// Arguments of `token list`.
#[derive(Debug, Args)]
#[command(after_long_help = LIST_HELP)]
struct List {
    #[command(flatten)]
    json: Json,
}

const LIST_HELP: &str = "\
Examples:
  distributor token list
  distributor token list --json | jq -r '.tokens[] | select(.name == \"alice\") | .id'

With --json: {\"directory\", \"tokens\": [{\"id\", \"name\", \"groups\", \"created\"}], \"damaged\":
[{\"id\", \"file\", \"problem\"}]}.";

/// Arguments of `token revoke`.
#[derive(Debug, Args)]
#[command(after_long_help = REVOKE_HELP)]
struct Revoke {
    /// Id of the token, the token itself, or its name if no other token has it
    #[arg(value_name = "ID|NAME")]
    which: String,
    #[command(flatten)]
    json: Json,
}

const REVOKE_HELP: &str = "\
Examples:
  distributor token revoke alice
  distributor token revoke k4fz5x3nq2ab

With --json: {\"id\"}.";

pub(super) fn token(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let place = Place::of(global)?;
    let tokens = TokenDirectory::new(place.tokens());
    match &arguments.command {
        Command::Create(create) => self::create(&tokens, create),
        Command::List(list) => self::list(&tokens, list),
        Command::Revoke(revoke) => self::revoke(&place, &tokens, revoke),
    }
}

fn create(tokens: &TokenDirectory, arguments: &Create) -> Result<Exit, Failure> {
    let now = SystemClock.now();
    let made = tokens
        .create(&arguments.name, &arguments.groups, now)
        .map_err(failure)?;
    let token = String::from_utf8_lossy(made.token.expose());
    if arguments.json.json {
        output::json(&json!({
            "id": made.id,
            "name": arguments.name,
            "groups": arguments.groups,
            "created": now.to_string(),
            "token": token,
        }))?;
    } else {
        output::line(&token)?;
    }
    output::note(format_args!(
        "made token {} for {}; keep it, it is not shown again, and do not show it to others. What its \
         groups may do is said by `acls.cfg`; `distributor token revoke {}` makes it worthless",
        made.id, arguments.name, made.id
    ));
    Ok(Exit::Finished)
}

fn list(tokens: &TokenDirectory, arguments: &List) -> Result<Exit, Failure> {
    let list = tokens.list().map_err(failure)?;
    if arguments.json.json {
        let tokens_of = list.tokens.iter().map(|token| {
            json!({
                "id": token.id,
                "name": token.name,
                "groups": token.groups,
                "created": token.created.to_string(),
            })
        });
        let damaged = list.damaged.iter().map(|token| {
            json!({
                "id": token.id,
                "file": token.path.display().to_string(),
                "problem": token.problem,
            })
        });
        output::json(&json!({
            "directory": tokens.path().display().to_string(),
            "tokens": tokens_of.collect::<Vec<_>>(),
            "damaged": damaged.collect::<Vec<_>>(),
        }))?;
    } else {
        let text = text(&list, output::colours());
        output::data(|out| out.write_all(text.as_bytes()).or_else(output::noticed))?;
    }
    for damaged in &list.damaged {
        output::note(format_args!(
            "token {} cannot be used, because of its file {}: {}; `distributor token revoke {}` removes it",
            damaged.id,
            damaged.path.display(),
            damaged.problem,
            damaged.id
        ));
    }
    Ok(Exit::Finished)
}

fn text(list: &TokenList, colours: bool) -> String {
    let mut table = Table::new(&["ID", "NAME", "CREATED", "GROUPS"]);
    for token in &list.tokens {
        table.row([
            Cell::plain(&token.id),
            Cell::plain(&token.name),
            Cell::plain(token.created.to_string()),
            Cell::plain(token.groups.join(", ")),
        ]);
    }
    table.render(colours)
}

fn revoke(place: &Place, tokens: &TokenDirectory, arguments: &Revoke) -> Result<Exit, Failure> {
    // A whole token names itself, and must not be repeated in a message.
    let which = TokenDirectory::id_of(&arguments.which).unwrap_or_else(|| arguments.which.clone());
    let which = which.as_str();
    let id = match tokens.revoke(which).map_err(failure)? {
        true => which.to_owned(),
        false => {
            let id = id_of(place, &tokens.list().map_err(failure)?, which)?;
            // Somebody else may have been faster, which is as well.
            tokens.revoke(&id).map_err(failure)?;
            id
        }
    };
    if arguments.json.json {
        output::json(&json!({ "id": id }))?;
    } else {
        output::line(format_args!("revoked token {id}"))?;
    }
    Ok(Exit::Finished)
}

/// The one token of this name.
fn id_of(place: &Place, list: &TokenList, name: &str) -> Result<String, Failure> {
    let named = list.tokens.iter().filter(|token| token.name == name);
    let ids: Vec<&str> = named.map(|token| token.id.as_str()).collect();
    match ids[..] {
        [id] => Ok(id.to_owned()),
        [] => Err(Failure::Input(format!(
            "there is no token with the id or name {name:?} in {}; `distributor token list{}` lists what \
             there is",
            place.named,
            place.hint()
        ))),
        _ => Err(Failure::Input(format!(
            "several tokens have the name {name:?}: {}; give the id of one",
            ids.join(", ")
        ))),
    }
}

fn failure(error: TokenError) -> Failure {
    match error {
        TokenError::Invalid { .. } => Failure::Input(error.to_string()),
        _ => Failure::Internal(error.to_string()),
    }
}
