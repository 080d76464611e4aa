//! Where the access tokens of requests come from: nowhere, a file, a program.
//!
//! It refuses to show a token: not in an error, a log line or `Debug`, and it gives none to another
//! process, neither as an argument nor in its environment.

mod command;
mod output;
mod token;

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use distributor_core::{Clock, Error, ErrorKind, Result, Timestamp};
use tokio::sync::Mutex;

pub(crate) use token::AccessToken;

use crate::config;
use output::Issued;

/// Most bytes of a file with a token.
const MOST_FILE: u64 = 64 * 1024;
/// A token is not used any more when it has less than this left: it must outlive the request.
const MARGIN: Duration = Duration::from_secs(60);

/// Gives access tokens.
pub(crate) struct Credentials {
    source: config::Credentials,
    clock: Arc<dyn Clock>,
    /// Held while the program runs, so that it runs once for all who wait.
    issued: Mutex<Option<Cached>>,
    /// How often the program has ended.
    runs: AtomicU64,
}

/// What the last run of the program gave.
struct Cached {
    outcome: Result<AccessToken, Arc<Error>>,
    /// From then on another one is needed.
    stale: Option<Timestamp>,
}

impl Credentials {
    pub(crate) fn new(source: config::Credentials, clock: Arc<dyn Clock>) -> Self {
        Credentials {
            source,
            clock,
            issued: Mutex::new(None),
            runs: AtomicU64::new(0),
        }
    }

    /// A token for the next request; `None` if requests carry none. A file is read each time, a
    /// program runs when there is no token yet or the last one is about to end.
    ///
    /// # Errors
    /// Transient and not applied: an operator can repair it while work waits.
    pub(crate) async fn get(&self) -> Result<Option<AccessToken>> {
        self.other_than(None).await
    }

    /// A token after the server has refused `refused`. It may be the same one: then there is no other.
    ///
    /// # Errors
    /// As for [`Credentials::get`].
    pub(crate) async fn replace(&self, refused: &AccessToken) -> Result<Option<AccessToken>> {
        self.other_than(Some(refused)).await
    }

    async fn other_than(&self, refused: Option<&AccessToken>) -> Result<Option<AccessToken>> {
        match &self.source {
            config::Credentials::None => Ok(None),
            config::Credentials::TokenFile(path) => read_file(path.clone()).await.map(Some),
            config::Credentials::Command { program, arguments } => {
                let token = self.issue(program, arguments, refused).await?;
                Ok(Some(token))
            }
        }
    }

    async fn issue(
        &self,
        program: &str,
        arguments: &[String],
        refused: Option<&AccessToken>,
    ) -> Result<AccessToken> {
        let seen = self.runs.load(Ordering::Acquire);
        let mut issued = self.issued.lock().await;
        if let Some(cached) = issued.as_ref() {
            let ran_meanwhile = self.runs.load(Ordering::Acquire) != seen;
            let is_fresh = cached.stale.is_none_or(|stale| self.clock.now() < stale);
            match &cached.outcome {
                Ok(token) if ran_meanwhile || (is_fresh && refused != Some(token)) => {
                    return Ok(token.clone());
                }
                // The others who waited share the failure; whoever comes later tries again.
                Err(error) if ran_meanwhile => return Err(again(error)),
                _ => {}
            }
        }
        let answer = match command::run(program, arguments, self.clock.as_ref()).await {
            Ok(output) => output::read(&output, self.clock.now()).map_err(|text| {
                command::failed(
                    program,
                    ErrorKind::Unauthenticated,
                    &format!("is of no use: {text}"),
                )
            }),
            Err(error) => Err(error),
        };
        let (outcome, stale) = match answer {
            Ok(Issued { token, end }) => (Ok(token), end.map(|end| self.stale(end))),
            Err(error) => (Err(Arc::new(error)), None),
        };
        let token = outcome.clone().map_err(|error| again(&error));
        *issued = Some(Cached { outcome, stale });
        self.runs.fetch_add(1, Ordering::Release);
        token
    }

    /// When a token that ends at `end` needs a successor. A short-lived one is used for a part of its
    /// life, or the program would run for every request.
    fn stale(&self, end: Timestamp) -> Timestamp {
        let now = self.clock.now();
        let left = end.since(now);
        now.after(left.saturating_sub(MARGIN.min(left / 4)))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// The same error for one more caller.
fn again(error: &Arc<Error>) -> Error {
    let message = error.to_string();
    Error::new(error.kind(), message).transient().not_applied()
}

/// Read each time, since that costs less than knowing whether it has changed.
async fn read_file(path: PathBuf) -> Result<AccessToken> {
    let read = tokio::task::spawn_blocking(move || (content(&path), path));
    let failed = |text: &str, path: &Path| {
        let message = format!("the access token file {} {text}", path.display());
        Error::new(ErrorKind::Unauthenticated, message)
            .transient()
            .not_applied()
    };
    match read.await {
        Ok((Ok(text), path)) => {
            AccessToken::new(&text).map_err(|text| failed(&format!("is of no use: {text}"), &path))
        }
        Ok((Err(error), path)) => Err(failed("cannot be read", &path).because(error)),
        Err(error) => Err(
            Error::new(ErrorKind::Internal, "reading a file ended early")
                .transient()
                .not_applied()
                .because(error),
        ),
    }
}

fn content(path: &Path) -> std::io::Result<String> {
    // To open a pipe would wait for whoever writes it.
    if !path.metadata()?.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    let file = File::open(path)?;
    file.take(MOST_FILE).read_to_string(&mut text)?;
    Ok(text)
}
