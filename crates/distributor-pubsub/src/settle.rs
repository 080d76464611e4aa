//! One batch of messages: handles them at the same time and tells the server what became of each.
//!
//! It refuses to acknowledge a message before its handler has said so.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use distributor_api::notify::{Pulled, Verdict};
use distributor_core::Clock;
use tokio::task::JoinSet;

use crate::backoff::Backoff;
use crate::client::Client;
use crate::error::CallError;
use crate::receiver::{Handler, Settings};
use crate::subscription::Subscription;

/// How often an acknowledgement is tried. After that the messages come again, which costs more.
const TRIES: u32 = 3;

/// Whom to tell about the messages of a batch.
pub(crate) struct Batch<'a> {
    pub(crate) client: &'a Client,
    pub(crate) subscription: &'a Subscription,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) settings: &'a Settings,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Handled {
    /// How many are done with.
    pub(crate) acknowledged: usize,
    /// Those that could not be handled: the server is to be told when they shall come again.
    pub(crate) returned: Vec<String>,
    /// The first thing that the server could not be told.
    pub(crate) trouble: Option<CallError>,
}

impl Handled {
    pub(crate) fn note(&mut self, told: Result<(), CallError>) {
        if let Err(error) = told {
            self.trouble.get_or_insert(error);
        }
    }
}

impl Batch<'_> {
    /// Handles all, and acknowledges those that may be.
    pub(crate) async fn handle(
        &self,
        messages: Vec<Pulled>,
        handler: &Arc<dyn Handler>,
    ) -> Handled {
        let mut handled = Handled::default();
        let mut under_way = BTreeSet::new();
        let mut tasks = JoinSet::new();
        for Pulled { ack_id, message } in messages {
            under_way.insert(ack_id.clone());
            let handler = handler.clone();
            tasks.spawn(async move { (ack_id, handler.handle(message).await) });
        }
        let mut done = Vec::new();
        let mut look = self.clock.now().after(self.settings.look_every);
        loop {
            tokio::select! {
                biased;
                ended = tasks.join_next() => match ended {
                    None => break,
                    // One whose handler panicked stays among those under way.
                    Some(Err(_panicked)) => {}
                    Some(Ok((ack_id, verdict))) => {
                        under_way.remove(&ack_id);
                        match verdict {
                            Verdict::Ack => done.push(ack_id),
                            Verdict::Nack => handled.returned.push(ack_id),
                        }
                    }
                },
                () = self.clock.sleep_until(look) => {
                    self.acknowledge(std::mem::take(&mut done), &mut handled).await;
                    let slow: Vec<String> = under_way.iter().cloned().collect();
                    let extended = Duration::from_secs(self.settings.extended_by.into());
                    handled.note(self.put_off(&slow, extended).await);
                    look = self.clock.now().after(self.settings.look_every);
                }
            }
        }
        self.acknowledge(done, &mut handled).await;
        handled.returned.extend(under_way);
        handled
    }

    /// Says that these messages shall not come again before so much time has passed.
    pub(crate) async fn put_off(&self, ids: &[String], later: Duration) -> Result<(), CallError> {
        let seconds = u16::try_from(later.as_secs()).unwrap_or(u16::MAX);
        self.client
            .modify_ack_deadline(self.subscription, ids, seconds)
            .await
    }

    async fn acknowledge(&self, ids: Vec<String>, handled: &mut Handled) {
        handled.acknowledged += ids.len();
        let mut backoff = Backoff::default();
        for last in (0..TRIES).map(|number| number + 1 == TRIES) {
            match self.client.acknowledge(self.subscription, &ids).await {
                Err(error) if error.is_transient() && !last => {
                    let next = self.clock.now().after(backoff.failed());
                    self.clock.sleep_until(next).await;
                }
                told => return handled.note(told),
            }
        }
    }
}
