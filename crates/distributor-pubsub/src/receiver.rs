//! The pull receiver: takes messages, has them handled, and acknowledges what may be forgotten.
//!
//! It refuses to hold more than one answer of the server: while messages are being handled it takes no
//! others. Any order and any repetition is fine with it: a message that is not acknowledged comes again.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use distributor_api::Api;
use distributor_api::notify::{MessageError, PubsubMessage, Pulled, Verdict};
use distributor_core::Clock;

use crate::backoff::Backoff;
use crate::client::Client;
use crate::error::CallError;
use crate::health::Health;
use crate::settle::Batch;
use crate::subscription::Subscription;

/// The server may answer "nothing" at once. Then it is not asked again before this much has passed.
const SHORTEST_ROUND: Duration = Duration::from_millis(250);

/// When a message comes again that could not be handled while others could.
const RETURNED_AMONG_OTHERS: Duration = Duration::from_secs(10);

/// Handles messages, any number at once, and each within a time of its own.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Handles one message; one that cannot be read is to be counted, and not to come again.
    async fn handle(&self, message: Result<PubsubMessage, MessageError>) -> Verdict;
}

#[async_trait]
impl Handler for Api {
    async fn handle(&self, message: Result<PubsubMessage, MessageError>) -> Verdict {
        let receiver = &self.parts().inbound.receiver;
        let outcome = match message {
            Ok(message) => receiver.handle(message).await,
            Err(problem) => receiver.malformed(&problem),
        };
        outcome.verdict()
    }
}

/// How messages are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Messages that are handled at the same time, and taken with one call: at least 1.
    pub most_messages: u16,
    /// While messages are being handled, the server is told so this often. Shorter than the shortest
    /// deadline that a subscription can have, 10 s.
    pub look_every: Duration,
    /// Seconds that a message which is being handled does not come again: 10 to 600.
    pub extended_by: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            most_messages: 100,
            look_every: Duration::from_secs(5),
            extended_by: 30,
        }
    }
}

/// Takes the messages of one subscription. Several may run at once, also on several machines.
pub struct PullReceiver {
    client: Client,
    subscription: Subscription,
    handler: Arc<dyn Handler>,
    clock: Arc<dyn Clock>,
    settings: Settings,
}

/// What is known from the rounds before.
#[derive(Debug)]
struct Memory {
    /// Messages to ask for: fewer after an answer that was too long.
    most: u16,
    pulling: Health,
    settling: Health,
    /// Rounds in a row in which no message could be handled.
    handling: Backoff,
}

impl PullReceiver {
    /// A receiver that hands the messages of `subscription` to `handler`. Nothing is called yet.
    pub fn new(
        client: Client,
        subscription: Subscription,
        handler: Arc<dyn Handler>,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Self {
        PullReceiver {
            client,
            subscription,
            handler,
            clock,
            settings,
        }
    }

    /// Takes messages until `stop` is over, whatever fails. What is being handled then is handled and
    /// acknowledged first; to leave sooner, drop the future: what is not acknowledged comes again.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut memory = Memory {
            most: self.most_messages(),
            pulling: Health::new(&self.subscription, "pull messages"),
            settling: Health::new(&self.subscription, "acknowledge messages"),
            handling: Backoff::default(),
        };
        loop {
            let begun = self.clock.now();
            let pull = self.client.pull(&self.subscription, memory.most);
            let pulled = tokio::select! {
                biased;
                () = &mut stop => return,
                pulled = pull => pulled,
            };
            let next = match pulled {
                Ok(messages) => {
                    memory.pulling.worked();
                    memory.most = memory.most.saturating_mul(2).min(self.most_messages());
                    match messages.is_empty() {
                        true => begun.after(SHORTEST_ROUND),
                        false => {
                            let pause = self.handle(messages, &mut memory).await;
                            self.clock.now().after(pause)
                        }
                    }
                }
                Err(error) => {
                    if matches!(error, CallError::TooLong { .. }) {
                        memory.most = (memory.most / 2).max(1);
                    }
                    self.clock.now().after(memory.pulling.failed(&error))
                }
            };
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = self.clock.sleep_until(next) => {}
            }
        }
    }

    fn most_messages(&self) -> u16 {
        self.settings.most_messages.max(1)
    }

    /// Handles messages and says what became of them. Returns how long to wait then.
    async fn handle(&self, messages: Vec<Pulled>, memory: &mut Memory) -> Duration {
        let batch = Batch {
            client: &self.client,
            subscription: &self.subscription,
            clock: &*self.clock,
            settings: &self.settings,
        };
        let mut handled = batch.handle(messages, &self.handler).await;
        let mut pause = Duration::ZERO;
        if handled.acknowledged > 0 {
            memory.handling.worked();
        }
        if !handled.returned.is_empty() {
            // If others could be handled, the trouble is these messages' own and holds up no other.
            let later = match handled.acknowledged {
                0 => memory.handling.failed(),
                _ => RETURNED_AMONG_OTHERS,
            };
            if handled.acknowledged == 0 {
                pause = later;
            }
            handled.note(batch.put_off(&handled.returned, later).await);
        }
        match handled.trouble {
            // Without a pause the same messages would go in circles.
            Some(error) => pause.max(memory.settling.failed(&error)),
            None => {
                memory.settling.worked();
                pause
            }
        }
    }
}

impl fmt::Debug for PullReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PullReceiver")
            .field("subscription", &self.subscription)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
