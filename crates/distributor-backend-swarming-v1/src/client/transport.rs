//! One HTTP exchange, bounded in time and size.
//!
//! It refuses to follow redirects, to repeat anything, and to judge an answer: that is for
//! [`super::failure`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use distributor_core::{Clock, Error, ErrorKind, Result};
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderValue, Method, StatusCode};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::sync::OnceCell;
use url::Url;

use super::retry_after;
use crate::credentials::AccessToken;
use crate::url_rule;

/// Most bytes of a good answer. A result is a few KiB, a piece of output at most 16 MiB before it is
/// written as JSON.
const MOST_BODY: usize = 32 * 1024 * 1024;
/// Bytes of a bad answer that are looked at for its reason.
const MOST_REASON: usize = 64 * 1024;

/// What to ask.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    /// JSON.
    pub(super) body: Option<Vec<u8>>,
}

/// What came back, whatever its status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
    /// How long the server asks to leave it alone.
    pub(super) retry_after: Option<Duration>,
    /// Where a redirect points.
    pub(super) location: Option<String>,
}

/// Why nothing came back.
#[derive(Debug)]
pub(super) enum Broken {
    /// No connection: the request was not sent.
    Unsent(reqwest::Error),
    /// Anything may have happened.
    Interrupted(reqwest::Error),
    /// No whole answer in time.
    Late(Duration),
    /// The answer is too large.
    Endless,
    /// The connection cannot even be tried.
    Unprepared(Error),
}

/// A connection pool of its own, made when it is first needed.
pub(super) struct Transport {
    client: OnceCell<reqwest::Client>,
    is_encrypted: bool,
    is_local: bool,
    clock: Arc<dyn Clock>,
    timeout: Duration,
}

impl Transport {
    pub(super) fn new(url: &Url, clock: Arc<dyn Clock>, timeout: Duration) -> Self {
        Transport {
            client: OnceCell::new(),
            is_encrypted: url.scheme() == "https",
            is_local: url_rule::is_local(url),
            clock,
            timeout,
        }
    }

    /// Sends the request and reads the answer to its end.
    pub(super) async fn exchange(
        &self,
        request: Request,
        token: Option<&AccessToken>,
    ) -> Result<Answer, Broken> {
        let deadline = self.clock.now().after(self.timeout);
        tokio::select! {
            biased;
            answer = self.unbounded(request, token) => answer,
            () = self.clock.sleep_until(deadline) => Err(Broken::Late(self.timeout)),
        }
    }

    async fn unbounded(
        &self,
        request: Request,
        token: Option<&AccessToken>,
    ) -> Result<Answer, Broken> {
        let client = self.client().await.map_err(Broken::Unprepared)?;
        let mut builder = client.request(request.method, request.url);
        if let Some(token) = token {
            builder = builder.header(AUTHORIZATION, token.header());
        }
        if let Some(body) = request.body {
            let json = HeaderValue::from_static("application/json");
            builder = builder.header(CONTENT_TYPE, json).body(body);
        }
        let mut response = builder.send().await.map_err(|error| {
            let error = error.without_url();
            match error.is_connect() || error.is_builder() {
                true => Broken::Unsent(error),
                false => Broken::Interrupted(error),
            }
        })?;
        let status = response.status();
        let header = |name| response.headers().get(name)?.to_str().ok();
        let now = self.clock.now();
        let retry_after = header(RETRY_AFTER).and_then(|text| retry_after::read(text, now));
        let location = header(LOCATION).map(str::to_owned);
        let most = match status.is_success() {
            true => MOST_BODY,
            false => MOST_REASON,
        };
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= most => body.extend(&chunk),
                Ok(Some(_)) if status.is_success() => return Err(Broken::Endless),
                Ok(None | Some(_)) => break,
                // Of a refusal the status says enough.
                Err(_) if !status.is_success() => break,
                Err(error) => return Err(Broken::Interrupted(error.without_url())),
            }
        }
        Ok(Answer {
            status,
            body,
            retry_after,
            location,
        })
    }

    async fn client(&self) -> Result<&reqwest::Client> {
        let (is_encrypted, is_local) = (self.is_encrypted, self.is_local);
        let build = || async move {
            // The certificates of the system are read from its disk.
            tokio::task::spawn_blocking(move || build(is_encrypted, is_local))
                .await
                .unwrap_or_else(|error| Err(unprepared().because(error)))
        };
        self.client.get_or_try_init(build).await
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

fn build(is_encrypted: bool, is_local: bool) -> Result<reqwest::Client> {
    // No global provider: what another library installs is not for us to choose or to rely on.
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unprepared().because(error))?;
    let tls = match is_encrypted {
        true => tls
            .with_platform_verifier()
            .map_err(|error| unprepared().because(error))?,
        // A machine without root certificates can still use a server of its own.
        false => tls.with_root_certificates(RootCertStore::empty()),
    };
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.with_no_client_auth())
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .user_agent(concat!("distributor/", env!("CARGO_PKG_VERSION")));
    if is_local {
        // A proxy of the environment is for other machines.
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| unprepared().because(error))
}

/// An operator can repair it while work waits.
fn unprepared() -> Error {
    let message = "no encrypted connection can be prepared";
    Error::new(ErrorKind::Unavailable, message)
        .transient()
        .not_applied()
}
