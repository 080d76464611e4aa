//! The calls of the Pub/Sub REST API, version 1, that a pull receiver needs.
//!
//! It refuses to repeat a call itself: whoever calls knows whether that makes sense.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use distributor_api::notify::Pulled;
use distributor_core::Clock;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::Serialize;

use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::error::{CallError, SetupError};
use crate::fetch::Http;
use crate::message;
use crate::subscription::Subscription;

/// A pull is a long poll of up to about 90 s at the server.
const PULL_PATIENCE: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(30);
/// A message is up to 10 MB, which base64 makes 13.4 MB: two of the largest fit.
const PULL_LIMIT: usize = 32 * 1024 * 1024;
/// All other answers are empty objects.
const ANSWER_LIMIT: usize = 64 * 1024;
/// Bytes of ids in one call; the server takes requests of up to 512 KiB.
const IDS_LIMIT: usize = 256 * 1024;

/// A client for one endpoint.
pub struct Client {
    http: Http,
    endpoint: Endpoint,
    credentials: Option<Credentials>,
}

impl Client {
    /// A client that shows tokens from `credentials`; an emulator is shown none.
    ///
    /// # Errors
    /// [`SetupError::Client`] if the system's certificates cannot be had.
    pub fn new(
        endpoint: Endpoint,
        credentials: Option<Credentials>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let (http, credentials) = match endpoint.is_emulator() {
            true => (Http::plain(clock)?, None),
            false => (Http::tls(clock)?, credentials),
        };
        Ok(Client {
            http,
            endpoint,
            credentials,
        })
    }

    /// Waits for messages and takes up to `most`; none is a legal answer, also when there are some.
    ///
    /// # Errors
    /// See [`CallError`]. Messages of a lost answer come again after their deadline.
    pub async fn pull(
        &self,
        subscription: &Subscription,
        most: u16,
    ) -> Result<Vec<Pulled>, CallError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Request {
            max_messages: u16,
        }
        let request = Request { max_messages: most };
        let answer = self.call(subscription, "pull", &request, PULL_LIMIT, PULL_PATIENCE);
        message::pulled(subscription, &answer.await?)
    }

    /// Says that these messages need not come again.
    ///
    /// # Errors
    /// See [`CallError`]; some may have been acknowledged.
    pub async fn acknowledge(
        &self,
        subscription: &Subscription,
        ids: &[String],
    ) -> Result<(), CallError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Request<'a> {
            ack_ids: &'a [String],
        }
        for ack_ids in parts(ids) {
            self.tell(subscription, "acknowledge", &Request { ack_ids })
                .await?;
        }
        Ok(())
    }

    /// Says that these messages shall come again after so many seconds, unless they are acknowledged
    /// before: 0 to 600.
    ///
    /// # Errors
    /// See [`CallError`]; some deadlines may have been changed.
    pub async fn modify_ack_deadline(
        &self,
        subscription: &Subscription,
        ids: &[String],
        seconds: u16,
    ) -> Result<(), CallError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Request<'a> {
            ack_ids: &'a [String],
            ack_deadline_seconds: u16,
        }
        for ack_ids in parts(ids) {
            let request = Request {
                ack_ids,
                ack_deadline_seconds: seconds,
            };
            self.tell(subscription, "modifyAckDeadline", &request)
                .await?;
        }
        Ok(())
    }

    async fn tell(
        &self,
        subscription: &Subscription,
        method: &str,
        request: &impl Serialize,
    ) -> Result<(), CallError> {
        let answer = self.call(subscription, method, request, ANSWER_LIMIT, PATIENCE);
        message::done(&answer.await?)
    }

    async fn call(
        &self,
        subscription: &Subscription,
        method: &str,
        request: &impl Serialize,
        limit: usize,
        patience: Duration,
    ) -> Result<Vec<u8>, CallError> {
        let url = self
            .endpoint
            .method(subscription.as_str(), method)
            .map_err(|error| CallError::NoAnswer(error.to_string()))?;
        let body = serde_json::to_vec(request)
            .map_err(|error| CallError::NoAnswer(format!("cannot write the request: {error}")))?;
        let mut request = self
            .http
            .client()
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        if let Some(credentials) = &self.credentials {
            request = request.header(AUTHORIZATION, credentials.authorization().await?);
        }
        let answer = self.http.send(request, limit, patience).await;
        if let (Some(credentials), Err(error)) = (&self.credentials, &answer)
            && error.is_about_the_token()
        {
            credentials.forget().await;
        }
        Ok(answer?.body)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// Cuts ids into pieces that fit one request. An id that is too long for any goes alone.
fn parts(ids: &[String]) -> impl Iterator<Item = &[String]> {
    let mut rest = ids;
    std::iter::from_fn(move || {
        let mut bytes = 0_usize;
        let fitting = rest.iter().take_while(|id| {
            bytes = bytes.saturating_add(id.len() + 3);
            bytes <= IDS_LIMIT
        });
        let count = fitting.count().max(1).min(rest.len());
        let (part, others) = rest.split_at_checked(count)?;
        rest = others;
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
impl Client {
    /// A client that shows tokens to a server of a test.
    pub(crate) fn for_test(
        endpoint: Endpoint,
        credentials: Credentials,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Client {
            http: Http::plain(clock).unwrap(),
            endpoint,
            credentials: Some(credentials),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sent_in_parts_that_fit_a_request_and_none_is_left_out() {
        let ids: Vec<String> = (0..10_000).map(|n| format!("{n:0>200}")).collect();
        let sizes: Vec<usize> = parts(&ids).map(<[String]>::len).collect();
        assert!(sizes.iter().all(|size| size * 203 <= IDS_LIMIT));
        assert_eq!(parts(&ids).flatten().count(), ids.len());
        let long = vec!["x".repeat(IDS_LIMIT + 1), "y".to_owned()];
        assert_eq!(
            parts(&long).map(<[String]>::len).collect::<Vec<_>>(),
            [1, 1]
        );
        assert_eq!(parts(&[]).count(), 0);
    }
}
