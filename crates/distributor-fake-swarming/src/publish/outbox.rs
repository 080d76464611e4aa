//! The deliveries that are owed, and when each is next due.
//!
//! Its holder stores a delivery before it adds it, and forgets it only when it was acknowledged. When a
//! delivery is tried, and how often it was, lives in memory: after a restart all of them are due.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::Message;
use crate::clock::Micros;
use crate::faults::Fate;
use crate::settings::Subscription;

/// A message that a subscription has to get.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Delivery {
    /// Unique; higher is newer.
    pub(crate) id: i64,
    /// Its subscription's name.
    pub(crate) subscription: String,
    /// The message.
    pub(crate) message: Message,
    /// Not before.
    pub(crate) due: Micros,
    /// How often it was tried.
    #[serde(skip)]
    pub(crate) tries: u32,
}

/// All deliveries that are owed.
#[derive(Debug)]
pub(crate) struct Outbox {
    subscriptions: Vec<Subscription>,
    owed: BTreeMap<i64, Delivery>,
    due: HashMap<String, BTreeSet<(Micros, i64)>>,
    last: i64,
}

impl Outbox {
    /// With these subscriptions, after the delivery of id `last`; what is owed to others is ignored.
    pub(crate) fn new(subscriptions: &[Subscription], owed: Vec<Delivery>, last: i64) -> Self {
        let mut outbox = Outbox {
            subscriptions: subscriptions.to_vec(),
            owed: BTreeMap::new(),
            due: HashMap::new(),
            last,
        };
        outbox.add(owed);
        outbox
    }

    /// The subscription of this name.
    pub(crate) fn subscription(&self, name: &str) -> Option<&Subscription> {
        let mut all = self.subscriptions.iter();
        all.find(|subscription| subscription.name == name)
    }

    /// Addresses a message to the subscriptions of its topic; `planned` deliveries are to be added before.
    pub(crate) fn address(
        &self,
        topic: &str,
        mut message: Message,
        fate: Fate,
        planned: &mut Vec<Delivery>,
    ) -> String {
        let mut next = planned.last().map_or(self.last, |delivery| delivery.id) + 1;
        message.id = (MESSAGE_IDS + next).to_string();
        let id = message.id.clone();
        for subscription in &self.subscriptions {
            if subscription.topic != topic {
                continue;
            }
            for _copy in 0..fate.copies {
                planned.push(Delivery {
                    id: next,
                    subscription: subscription.name.clone(),
                    due: message.published.saturating_add(fate.delay),
                    message: message.clone(),
                    tries: 0,
                });
                next += 1;
            }
        }
        id
    }

    /// Takes over what was stored.
    pub(crate) fn add(&mut self, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            self.last = self.last.max(delivery.id);
            if self.subscription(&delivery.subscription).is_some() {
                self.set_due(
                    &delivery.subscription,
                    None,
                    Some((delivery.due, delivery.id)),
                );
                self.owed.insert(delivery.id, delivery);
            }
        }
    }

    /// Up to `most` deliveries that are due, which are then not due until `again`.
    pub(crate) fn take(
        &mut self,
        subscription: &str,
        most: usize,
        now: Micros,
        again: Micros,
    ) -> Vec<Delivery> {
        let due = self.due.get(subscription).into_iter().flatten();
        let ids: Vec<i64> = due
            .take_while(|(at, _)| *at <= now)
            .map(|(_, id)| *id)
            .take(most)
            .collect();
        let taken = ids.into_iter().filter_map(|id| {
            self.put_off(id, again);
            let delivery = self.owed.get_mut(&id)?;
            delivery.tries = delivery.tries.saturating_add(1);
            Some(delivery.clone())
        });
        taken.collect()
    }

    /// When the next one of the subscription is due.
    pub(crate) fn next_due(&self, subscription: &str) -> Option<Micros> {
        self.due.get(subscription)?.first().map(|(at, _)| *at)
    }

    /// Makes it due at another time.
    pub(crate) fn put_off(&mut self, id: i64, until: Micros) {
        if let Some(delivery) = self.owed.get_mut(&id) {
            let former = std::mem::replace(&mut delivery.due, until);
            let name = delivery.subscription.clone();
            self.set_due(&name, Some((former, id)), Some((until, id)));
        }
    }

    /// How often it was tried, if it is owed to this subscription.
    pub(crate) fn tries(&self, subscription: &str, id: i64) -> Option<u32> {
        let delivery = self.owed.get(&id)?;
        (delivery.subscription == subscription).then_some(delivery.tries)
    }

    /// It was acknowledged, and is no longer stored.
    pub(crate) fn remove(&mut self, id: i64) {
        if let Some(delivery) = self.owed.remove(&id) {
            self.set_due(&delivery.subscription, Some((delivery.due, id)), None);
        }
    }

    /// How many are owed.
    pub(crate) fn len(&self) -> usize {
        self.owed.len()
    }

    fn set_due(&mut self, name: &str, from: Option<(Micros, i64)>, to: Option<(Micros, i64)>) {
        let due = self.due.entry(name.to_owned()).or_default();
        if let Some(from) = from {
            due.remove(&from);
        }
        due.extend(to);
    }
}

/// Where message ids begin: they are as long as Pub/Sub's.
const MESSAGE_IDS: i64 = 8_000_000_000_000_000;
