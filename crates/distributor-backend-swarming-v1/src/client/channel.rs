//! A call from its request to the body of a good answer: with an access token, and with another one if
//! the server refuses the first.
//!
//! It refuses to repeat a call for any other reason.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use distributor_core::{Clock, Error, ErrorKind, Result};
use http::StatusCode;
use url::Url;

use super::failure::{self, Purpose};
use super::transport::{Request, Transport};
use crate::config::Settings;
use crate::credentials::Credentials;

/// How often it is logged that the server does not let us in.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10 * 60);

/// The way to one server.
pub(super) struct Channel {
    /// Its name, for the log.
    server: String,
    transport: Transport,
    credentials: Credentials,
    clock: Arc<dyn Clock>,
    /// When it was last logged that the server does not let us in, in microseconds.
    complained: AtomicI64,
}

/// A call: what is sent, and how its failure is told.
pub(super) struct Call<'a> {
    pub(super) purpose: Purpose,
    /// For messages: the path without ids.
    pub(super) endpoint: &'static str,
    pub(super) request: Request,
    /// What is sent and must not come back in a message.
    pub(super) secrets: Vec<&'a str>,
}

impl Channel {
    pub(super) fn new(url: &Url, settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        Channel {
            server: url.host_str().unwrap_or_default().to_owned(),
            transport: Transport::new(url, Arc::clone(&clock), settings.request_timeout),
            credentials: Credentials::new(settings.credentials.clone(), Arc::clone(&clock)),
            clock,
            complained: AtomicI64::new(i64::MIN),
        }
    }

    /// Returns when there is an access token.
    pub(super) async fn ready(&self) -> Result<()> {
        self.credentials.get().await.map(drop)
    }

    /// The body of a good answer.
    pub(super) async fn call(&self, call: Call<'_>) -> Result<Vec<u8>> {
        let Call { endpoint, .. } = call;
        let broken = |broken| failure::broken(endpoint, broken);
        let mut token = self.credentials.get().await?;
        let sent = self
            .transport
            .exchange(call.request.clone(), token.as_ref());
        let mut answer = sent.await.map_err(broken)?;
        if let (StatusCode::UNAUTHORIZED, Some(refused)) = (answer.status, &token) {
            let other = self.credentials.replace(refused).await?;
            if other != token {
                token = other;
                let sent = self.transport.exchange(call.request, token.as_ref());
                answer = sent.await.map_err(broken)?;
            }
        }
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        let mut secrets = call.secrets;
        secrets.extend(token.as_ref().map(|token| token.expose()));
        let error = failure::refused(call.purpose, endpoint, &answer, &secrets);
        if call.purpose == Purpose::Manage {
            self.complain(&error);
        }
        Err(error)
    }

    /// Tasks go on and nobody hears of them: an operator has to know, once in a while.
    fn complain(&self, error: &Error) {
        let kind = error.kind();
        if !matches!(
            kind,
            ErrorKind::PermissionDenied | ErrorKind::Unauthenticated
        ) {
            return;
        }
        let now = self.clock.now();
        let last = self.complained.load(Ordering::Relaxed);
        let next = i64::try_from(COMPLAIN_EVERY.as_micros()).unwrap_or(i64::MAX);
        if now.as_micros() < last.saturating_add(next) {
            return;
        }
        let claimed = self.complained.compare_exchange(
            last,
            now.as_micros(),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if claimed.is_ok() {
            let server = self.server.as_str();
            tracing::error!(
                server,
                %error,
                "Swarming does not let us look after tasks that it runs for us: repair the \
                 credentials or the permissions of this account"
            );
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("server", &self.server)
            .field("transport", &self.transport)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}
