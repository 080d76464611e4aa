//! Where bearer tokens come from: a file that somebody renews, or a command that prints one.
//!
//! It refuses to show a token to anything but a request: no log, no error and no `Debug` has one, and
//! no command gets one as an argument.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use distributor_core::{Clock, Timestamp};
use http::HeaderValue;
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::sync::Mutex;

use crate::error::CredentialError;

/// How long a token of a command is used if it does not say how long it is good.
const USUAL_LIFE: Duration = Duration::from_secs(300);
/// A token is renewed this long before its end.
const MARGIN: Duration = Duration::from_secs(60);
/// No token is longer, in bytes.
const LIMIT: u64 = 64 * 1024;
/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialSource {
    /// A file: read for each call, so that a renewed token is used at once.
    File(PathBuf),
    /// A line for `/bin/sh`, whose standard output is a token. Its standard error is left to it.
    Command(String),
}

/// Gives tokens to requests.
pub struct Credentials {
    source: CredentialSource,
    clock: Arc<dyn Clock>,
    /// The token of the command, until its time.
    cached: Mutex<Option<(HeaderValue, Timestamp)>>,
}

impl Credentials {
    /// Tokens from `source`. Nothing is read before one is needed.
    pub fn new(source: CredentialSource, clock: Arc<dyn Clock>) -> Self {
        Credentials {
            source,
            clock,
            cached: Mutex::new(None),
        }
    }

    /// The value of the header `Authorization`, marked as sensitive.
    ///
    /// # Errors
    /// See [`CredentialError`]; the next call tries again.
    pub async fn authorization(&self) -> Result<HeaderValue, CredentialError> {
        let line = match &self.source {
            CredentialSource::File(path) => return Ok(parse(&read_file(path).await?)?.0),
            CredentialSource::Command(line) => line,
        };
        // Held while the command runs: calls at the same time need only one token.
        let mut cached = self.cached.lock().await;
        if let Some((value, until)) = &*cached
            && self.clock.now() < *until
        {
            return Ok(value.clone());
        }
        let asked = self.clock.now();
        let (value, life) = parse(&self.run(line).await?)?;
        *cached = Some((value.clone(), asked.after(life.unwrap_or(USUAL_LIFE))));
        Ok(value)
    }

    /// The token was refused: the next call gets a new one.
    pub async fn forget(&self) {
        *self.cached.lock().await = None;
    }

    async fn run(&self, line: &str) -> Result<Vec<u8>, CredentialError> {
        let failed = |error: std::io::Error| CredentialError::Command(format!("failed: {error}"));
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(line)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let mut output = Vec::new();
        let ended = async {
            if let Some(stdout) = child.stdout.take() {
                stdout.take(LIMIT + 1).read_to_end(&mut output).await?;
            }
            child.wait().await
        };
        let deadline = self.clock.now().after(PATIENCE);
        let status = tokio::select! {
            biased;
            status = ended => status.map_err(failed)?,
            () = self.clock.sleep_until(deadline) => {
                let message = format!("did not end within {} s", PATIENCE.as_secs());
                return Err(CredentialError::Command(message));
            }
        };
        match status.success() {
            true => Ok(output),
            false => Err(CredentialError::Command(format!("failed: {status}"))),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

async fn read_file(path: &Path) -> Result<Vec<u8>, CredentialError> {
    let owned = path.to_owned();
    let read = move || {
        let mut content = Vec::new();
        let file = std::fs::File::open(&owned)?;
        file.take(LIMIT + 1).read_to_end(&mut content)?;
        Ok(content)
    };
    let content = tokio::task::spawn_blocking(read)
        .await
        .unwrap_or_else(|panicked| Err(std::io::Error::other(panicked)));
    content.map_err(|error| CredentialError::File {
        path: path.to_owned(),
        error,
    })
}

/// The header's value, and how long it is to be used if that is said.
fn parse(content: &[u8]) -> Result<(HeaderValue, Option<Duration>), CredentialError> {
    #[derive(Deserialize)]
    struct Answer {
        access_token: String,
        expires_in: Option<f64>,
    }
    if content.len() as u64 > LIMIT {
        return Err(CredentialError::NoToken("too long for a token"));
    }
    let text = str::from_utf8(content)
        .map_err(|_| CredentialError::NoToken("not text"))?
        .trim();
    let (token, life) = match text.starts_with('{') {
        true => {
            // The error of the parser would quote what it read.
            let answer: Answer = serde_json::from_str(text).map_err(|_| {
                CredentialError::NoToken("JSON that has no \"access_token\" as a text")
            })?;
            let life = answer.expires_in.map(|seconds| {
                let all = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(USUAL_LIFE);
                all.saturating_sub(MARGIN)
            });
            (answer.access_token, life)
        }
        false => (text.to_owned(), None),
    };
    if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
        return Err(CredentialError::NoToken("not one word of plain characters"));
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| CredentialError::NoToken("not one word of plain characters"))?;
    value.set_sensitive(true);
    Ok((value, life))
}

#[cfg(test)]
mod tests {
    use distributor_core::ManualClock;

    use super::*;

    fn clock() -> Arc<ManualClock> {
        Arc::new(ManualClock::new(Timestamp::from_micros(0)))
    }

    #[tokio::test]
    async fn a_renewed_file_is_used_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "ya29.first\n").unwrap();
        let credentials = Credentials::new(CredentialSource::File(path.clone()), clock());
        assert_eq!(
            credentials.authorization().await.unwrap(),
            "Bearer ya29.first"
        );
        std::fs::write(&path, r#"{"access_token": "ya29.second"}"#).unwrap();
        assert_eq!(
            credentials.authorization().await.unwrap(),
            "Bearer ya29.second"
        );
        std::fs::remove_file(&path).unwrap();
        let error = credentials.authorization().await.unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
    }

    #[tokio::test]
    async fn a_command_is_run_again_shortly_before_its_token_ends_and_when_it_was_refused() {
        let folder = tempfile::tempdir().unwrap();
        let calls = folder.path().join("calls");
        let line = format!(
            "echo x >> '{0}'; printf '{{\"access_token\": \"t%s\", \"expires_in\": 3600}}' $(wc -l < '{0}')",
            calls.display()
        );
        let clock = clock();
        let credentials = Credentials::new(CredentialSource::Command(line), clock.clone());
        let token = async || credentials.authorization().await.unwrap();
        assert_eq!(token().await, "Bearer t1");
        clock.advance(Duration::from_secs(3539));
        assert_eq!(token().await, "Bearer t1");
        clock.advance(Duration::from_secs(1));
        assert_eq!(token().await, "Bearer t2");
        credentials.forget().await;
        assert_eq!(token().await, "Bearer t3");
    }

    #[tokio::test]
    async fn a_plain_token_of_a_command_is_used_for_five_minutes() {
        let folder = tempfile::tempdir().unwrap();
        let calls = folder.path().join("calls");
        let line = format!("echo x >> '{0}'; wc -l < '{0}'", calls.display());
        let clock = clock();
        let credentials = Credentials::new(CredentialSource::Command(line), clock.clone());
        let token = async || credentials.authorization().await.unwrap();
        assert_eq!(token().await, "Bearer 1");
        clock.advance(Duration::from_secs(299));
        assert_eq!(token().await, "Bearer 1");
        clock.advance(Duration::from_secs(1));
        assert_eq!(token().await, "Bearer 2");
    }

    #[tokio::test]
    async fn a_failing_or_endless_command_is_an_error_that_says_so() {
        let clock = clock();
        let credentials = Credentials::new(
            CredentialSource::Command("exit 3".to_owned()),
            clock.clone(),
        );
        let error = credentials.authorization().await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3"), "{error}");

        let endless = CredentialSource::Command("exec tail -f /dev/null".to_owned());
        let credentials = Credentials::new(endless, clock.clone());
        let (answer, ()) = tokio::join!(credentials.authorization(), async {
            clock.advance(PATIENCE);
        });
        let error = answer.unwrap_err().to_string();
        assert!(error.contains("within 60 s"), "{error}");
    }

    #[tokio::test]
    async fn what_is_no_token_is_refused_and_never_shown() {
        for bad in [
            "",
            "canary canary",
            "canary\nnext",
            "{\"canary\": 1}",
            "{\"access_token\": [\"canary\"]}",
            "{\"access_token\": \"canary canary\"}",
            "caf\u{e9}-canary",
        ] {
            let error = parse(bad.as_bytes()).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("canary"), "{shown}");
            assert!(shown.contains("access_token"), "{shown}");
        }
        assert!(parse(&vec![b'x'; 1 << 20]).is_err());
        assert!(parse(&[0xff]).is_err());
        let source = CredentialSource::Command("echo canary-token".to_owned());
        let credentials = Credentials::new(source, clock());
        let value = credentials.authorization().await.unwrap();
        // The command itself is shown; that its output is the same word is the test's doing.
        let shown = format!("{value:?} {:?}", credentials.cached.lock().await);
        assert!(!shown.contains("canary"), "{shown}");
    }
}
