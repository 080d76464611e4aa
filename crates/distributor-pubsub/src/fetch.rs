//! HTTP with limits: how long an answer may take, and how long it may be.
//!
//! It refuses to follow redirects: a token must not travel to where somebody else points.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use distributor_core::Clock;
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use reqwest::{RequestBuilder, Response};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

use crate::error::{CallError, SetupError};

/// Longest wait that a server can ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);
/// How much of an error's body is read, in bytes.
const ERROR_LIMIT: usize = 64 * 1024;

/// An HTTP client that never waits for ever and never reads without bound.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
}

/// The whole of a good answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Http {
    /// A client that trusts what the system trusts.
    pub(crate) fn tls(clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let failed = |error: rustls::Error| SetupError::Client(error.to_string());
        // Its own provider: no default of the whole process is set, or waited for.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(failed)?
            .with_no_client_auth();
        Self::with(tls, clock, |builder| builder.https_only(true))
    }

    /// A client that speaks plain HTTP to this very host, and trusts no certificate.
    pub(crate) fn plain(clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| SetupError::Client(error.to_string()))?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        Self::with(tls, clock, reqwest::ClientBuilder::no_proxy)
    }

    fn with(
        tls: ClientConfig,
        clock: Arc<dyn Clock>,
        more: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Result<Self, SetupError> {
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none());
        let client = more(builder)
            .build()
            .map_err(|error| SetupError::Client(chain(&error)))?;
        Ok(Http { client, clock })
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends, and reads all of the answer: at most `limit` bytes, within `patience`.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        limit: usize,
        patience: Duration,
    ) -> Result<Answer, CallError> {
        let answer = async {
            let mut response = request.send().await.map_err(no_answer)?;
            if response.status().is_success() {
                let body = read(&mut response, limit).await?;
                let headers = std::mem::take(response.headers_mut());
                return Ok(Answer { headers, body });
            }
            // What it says is for people; that it refused is what counts.
            let body = read(&mut response, ERROR_LIMIT).await.unwrap_or_default();
            Err(refusal(&response, &body))
        };
        within(&*self.clock, patience, answer).await
    }
}

/// What `answer` says, if it comes in time.
pub(crate) async fn within<T>(
    clock: &dyn Clock,
    patience: Duration,
    answer: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    let deadline = clock.now().after(patience);
    tokio::select! {
        biased;
        answer = answer => answer,
        () = clock.sleep_until(deadline) => Err(CallError::Late(patience)),
    }
}

async fn read(response: &mut Response, limit: usize) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
        if body.len() + chunk.len() > limit {
            return Err(CallError::TooLong { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn refusal(response: &Response, body: &[u8]) -> CallError {
    let status = response.status();
    CallError::Refused {
        code: status.as_u16(),
        message: message_of(status, body),
        retry_after: retry_after(response.headers()),
    }
}

/// The message in `{"error": {"code", "message", "status"}}`, cut to what fits a line of a log.
fn message_of(status: StatusCode, body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Body {
        error: Error,
    }
    #[derive(serde::Deserialize)]
    struct Error {
        message: String,
    }
    const LONGEST: usize = 300;
    match serde_json::from_slice::<Body>(body) {
        Ok(body) => {
            let text = body.error.message;
            text.chars().take(LONGEST).collect()
        }
        Err(_) => status
            .canonical_reason()
            .unwrap_or("no reason given")
            .to_owned(),
    }
}

/// The seconds that `Retry-After` asks for. Its other form, a date, is not used by this API.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse();
    Some(Duration::from_secs(seconds.ok()?).min(LONGEST_RETRY_AFTER))
}

fn no_answer(error: reqwest::Error) -> CallError {
    CallError::NoAnswer(chain(&error.without_url()))
}

/// An error with all that caused it: the cause is what helps.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
