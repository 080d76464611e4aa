//! The configuration message, checked and with its defaults filled in.
//!
//! It refuses to touch a file, a program or the network: a configuration is checked where none of them
//! may be at hand.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use distributor_core::{Error, ErrorKind, Result, dm};

use crate::proto;
use crate::proto::config::credentials::Source;
use crate::seconds;
use crate::url_rule;

/// One request, unless configured.
const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that one request may take.
const MOST_REQUEST_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// The longest wait without news (DC-35).
const MOST_POLL_TIMEOUT: Duration = Duration::from_secs(12 * 60 * 60);
/// How often a running simple quest is asked about, if nobody tells of its end.
const SIMPLE_POLL: Duration = Duration::from_secs(60);
/// The same if the server tells: insurance for a notification that was lost.
const SIMPLE_INSURANCE: Duration = Duration::from_secs(10 * 60);
/// What a task gets to end after its job has said that it is done, if the quest sets no limit.
const DEFAULT_STOP: Duration = Duration::from_secs(5 * 60);
/// From the end of a task's grace period until its server surely knows.
const SETTLE: Duration = Duration::from_secs(60);

/// How to use one Swarming server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Scheme and host of the server, nothing after it.
    pub(crate) url: String,
    /// How long a result counts from the end of its task; `None` is for ever.
    pub(crate) result_expiration: Option<Duration>,
    /// Where access tokens come from.
    pub(crate) credentials: Credentials,
    /// The realm of tasks; empty for none.
    pub(crate) realm: String,
    /// The account that tasks act as; empty for none.
    pub(crate) service_account: String,
    /// How long one request may take; positive.
    pub(crate) request_timeout: Duration,
    /// Whether to ask the server to tell of changes, if the host has a topic.
    pub(crate) publish: bool,
    /// Seconds that a task without a `start` timeout may wait for a bot.
    pub(super) default_expiration_secs: i64,
    poll_timeout: Option<Duration>,
}

/// Where access tokens come from. Its `Debug` shows no arguments of a command, which may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// Requests carry no token.
    None,
    /// A file whose content is a token.
    TokenFile(PathBuf),
    /// A program that prints a token, and its arguments: never empty.
    Command {
        /// The program.
        program: String,
        /// What it is given.
        arguments: Vec<String>,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credentials::None => f.write_str("None"),
            Credentials::TokenFile(path) => f.debug_tuple("TokenFile").field(path).finish(),
            Credentials::Command { program, .. } => {
                let mut shown = f.debug_struct("Command");
                shown.field("program", program).finish_non_exhaustive()
            }
        }
    }
}

impl Settings {
    /// Checks the message.
    ///
    /// # Errors
    /// `Config`, with the path of the field in front.
    pub(crate) fn new(message: proto::Config) -> Result<Self> {
        let publish = message.publish() != proto::config::Publish::Never;
        let url = message.swarming.unwrap_or_default().url;
        url_rule::check(&url).map_err(|text| wrong("swarming.host", &text))?;
        let isolate = message.isolate;
        if let Some(isolate) = &isolate {
            url_rule::check(&isolate.url).map_err(|text| wrong("isolate.host", &text))?;
        }
        let expiration = isolate.and_then(|isolate| isolate.expiration);
        let result_expiration = expiration
            .map(|expiration| positive(&expiration, "isolate.expiration"))
            .transpose()?;
        let poll_timeout = at_most(message.poll_timeout, "poll_timeout", MOST_POLL_TIMEOUT)?;
        let request_timeout = at_most(
            message.request_timeout,
            "request_timeout",
            MOST_REQUEST_TIMEOUT,
        )?;
        Ok(Settings {
            credentials: credentials(message.credentials, &url)?,
            url,
            result_expiration,
            realm: message.realm,
            service_account: message.service_account,
            request_timeout: request_timeout.unwrap_or(DEFAULT_REQUEST_TIMEOUT),
            publish,
            default_expiration_secs: default_expiration(message.default_expiration.as_ref())?,
            poll_timeout,
        })
    }

    /// How long the host waits without news before it asks: never zero, at most 12 h (DC-34, DC-35).
    /// `is_published` says whether the server was asked to tell of changes.
    pub(crate) fn poll_timeout(&self, quest: &dm::quest::Desc, is_published: bool) -> Duration {
        if let Some(configured) = self.poll_timeout {
            return configured;
        }
        let meta = quest.meta.as_ref();
        let is_simple = meta.is_some_and(|meta| meta.simple.is_some());
        let stop = meta
            .and_then(|meta| meta.timeouts.as_ref())
            .and_then(|timeouts| seconds::rounded_up(timeouts.stop.as_ref()));
        match (is_simple, stop, is_published) {
            (true, _, true) => SIMPLE_INSURANCE,
            (true, _, false) => SIMPLE_POLL,
            (false, Some(stop), _) => {
                let grace = seconds::grace_period(Some(stop));
                let wait = stop.saturating_add(grace).unsigned_abs();
                Duration::from_secs(wait)
                    .saturating_add(SETTLE)
                    .min(MOST_POLL_TIMEOUT)
            }
            (false, None, true) => MOST_POLL_TIMEOUT,
            (false, None, false) => DEFAULT_STOP,
        }
    }
}

fn wrong(field: &str, text: &str) -> Error {
    Error::new(ErrorKind::Config, format!("config.{field}: {text}"))
}

fn positive(duration: &prost_types::Duration, field: &str) -> Result<Duration> {
    // The conversion cannot negate every number, so it never sees a negative one.
    let is_negative = duration.seconds < 0 || duration.nanos < 0;
    let converted = (!is_negative).then(|| Duration::try_from(*duration));
    match converted {
        Some(Ok(duration)) if !duration.is_zero() => Ok(duration),
        _ => {
            let text = "must be positive; leave it out for the default";
            Err(wrong(field, text))
        }
    }
}

fn at_most(
    duration: Option<prost_types::Duration>,
    field: &str,
    most: Duration,
) -> Result<Option<Duration>> {
    let Some(duration) = duration else {
        return Ok(None);
    };
    let duration = positive(&duration, field)?;
    if duration > most {
        let most = humantime::format_duration(most);
        return Err(wrong(field, &format!("must be at most {most}")));
    }
    Ok(Some(duration))
}

fn default_expiration(duration: Option<&prost_types::Duration>) -> Result<i64> {
    if let Some(duration) = duration {
        positive(duration, "default_expiration")?;
    }
    match seconds::rounded_up(duration) {
        None => Ok(seconds::MOST_EXPIRATION),
        Some(wanted) if wanted == seconds::expiration(Some(wanted), wanted) => Ok(wanted),
        Some(_) => Err(wrong("default_expiration", "must be 30 s to 7 days")),
    }
}

fn credentials(message: Option<proto::config::Credentials>, url: &str) -> Result<Credentials> {
    let Some(message) = message else {
        return Ok(Credentials::None);
    };
    let credentials = match message.source {
        None => {
            let text = "set `token_file` or `command`, or leave all of it out";
            return Err(wrong("credentials", text));
        }
        Some(Source::TokenFile(path)) if path.is_empty() => {
            return Err(wrong("credentials.token_file", "is empty"));
        }
        Some(Source::TokenFile(path)) => Credentials::TokenFile(path.into()),
        Some(Source::Command(command)) => {
            let mut argv = command.argv.into_iter();
            match argv.next() {
                Some(program) if !program.is_empty() => Credentials::Command {
                    program,
                    arguments: argv.collect(),
                },
                _ => return Err(wrong("credentials.command.argv", "names no program")),
            }
        }
    };
    if url_rule::is_exposed(url) {
        let text = "an access token would be sent in plain text: the server's url must be https";
        return Err(wrong("credentials", text));
    }
    Ok(credentials)
}

#[cfg(test)]
pub(crate) mod tests;
