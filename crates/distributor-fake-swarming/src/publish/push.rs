//! Pushes messages to an endpoint until it acknowledges them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;

use super::Delivery;
use crate::clock::{Micros, SECOND};
use crate::settings::Subscription;
use crate::shared::Shared;

/// How many pushes of one subscription are under way at a time.
const AT_ONCE: usize = 32;
/// How long an endpoint may take to reply.
const ACK_DEADLINE: Micros = 10 * SECOND;
/// The first wait after a failure; it doubles with each further one.
const FIRST_WAIT: Micros = SECOND / 10;
/// The longest wait.
const LONGEST_WAIT: Micros = 10 * SECOND;

/// What is wrong with a push endpoint, if something is.
pub(crate) fn check_url(url: &str) -> Result<(), String> {
    let parsed: Uri = url
        .parse()
        .map_err(|error| format!("{url:?} is no URL: {error}"))?;
    match (parsed.scheme_str(), parsed.host()) {
        (Some("http"), Some(_)) => Ok(()),
        _ => Err(format!("{url:?}: must be http://HOST[:PORT]/PATH")),
    }
}

/// Serves one push subscription.
#[derive(Debug)]
pub(crate) struct Pusher {
    shared: Arc<Shared>,
    subscription: String,
    url: String,
    client: Client<HttpConnector, Full<Bytes>>,
    under_way: JoinSet<(Delivery, bool)>,
}

impl Pusher {
    /// For a subscription that has an endpoint.
    pub(crate) fn new(shared: Arc<Shared>, subscription: &Subscription) -> Option<Self> {
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(5))
            .build(HttpConnector::new());
        Some(Pusher {
            shared,
            subscription: subscription.name.clone(),
            url: subscription.push.clone()?,
            client,
            under_way: JoinSet::new(),
        })
    }

    /// Pushes until it is dropped.
    pub(crate) async fn run(mut self) {
        let mut mail = self.shared.mail();
        let clock = self.shared.clock();
        loop {
            mail.borrow_and_update();
            let next = self.begin();
            tokio::select! {
                Some(ended) = self.under_way.join_next() => {
                    let mut all = Vec::from_iter(ended.ok());
                    while let Some(ended) = self.under_way.try_join_next() {
                        all.extend(ended.ok());
                    }
                    self.settle(all);
                }
                changed = mail.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = clock.sleep_until(next) => {}
            }
        }
    }

    /// Begins what is due, and says when to look again.
    fn begin(&mut self) -> Micros {
        let now = self.shared.clock().now();
        let room = AT_ONCE.saturating_sub(self.under_way.len());
        let mut state = self.shared.lock();
        // Not due again while it is under way, which ends with the deadline at the latest.
        let again = now.saturating_add(2 * ACK_DEADLINE);
        let taken = state.outbox.take(&self.subscription, room, now, again);
        let next = state.outbox.next_due(&self.subscription);
        drop(state);
        for delivery in taken {
            self.begin_one(delivery);
        }
        match self.under_way.len() {
            AT_ONCE.. => Micros::MAX,
            _ => next.unwrap_or(Micros::MAX),
        }
    }

    fn begin_one(&mut self, delivery: Delivery) {
        let body = delivery.message.pushed(&self.subscription).to_string();
        let request = Request::post(&self.url)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body));
        let client = self.client.clone();
        let clock = self.shared.clock();
        self.under_way.spawn(async move {
            let Ok(request) = request else {
                return (delivery, false);
            };
            let deadline = clock.now().saturating_add(ACK_DEADLINE);
            let acknowledged = tokio::select! {
                reply = client.request(request) => {
                    reply.is_ok_and(|reply| acknowledges(reply.status()))
                }
                () = clock.sleep_until(deadline) => false,
            };
            (delivery, acknowledged)
        });
    }

    fn settle(&self, ended: Vec<(Delivery, bool)>) {
        let now = self.shared.clock().now();
        let mut state = self.shared.lock();
        let acknowledged = ended.iter().filter(|(_, acknowledged)| *acknowledged);
        let done: Vec<i64> = acknowledged.map(|(delivery, _)| delivery.id).collect();
        if let Err(error) = state.acknowledge(&done) {
            tracing::error!("cannot forget what was pushed, so it is pushed again: {error}");
        }
        for (delivery, acknowledged) in ended {
            if !acknowledged {
                let doubled = FIRST_WAIT << delivery.tries.saturating_sub(1).min(10);
                let until = now.saturating_add(doubled.min(LONGEST_WAIT));
                state.outbox.put_off(delivery.id, until);
            }
        }
    }
}

/// Any other status is a refusal, also of the same hundred.
fn acknowledges(status: StatusCode) -> bool {
    matches!(status.as_u16(), 102 | 200 | 201 | 202 | 204)
}
