//! Decides what happens to each request and each notification.

use super::{Dice, Kind, Rule, Script};
use crate::clock::{Micros, seconds};

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Nothing is done, and a status says so.
    Status {
        /// The status.
        status: u16,
        /// The header of this name, in seconds.
        retry_after: Option<u64>,
    },
    /// All is done, and the connection is closed without a reply.
    Lost,
    /// All is done, and this status says the contrary.
    FailAfter(u16),
    /// Nothing is done, for a time in microseconds; then the connection is closed.
    HangBefore(Micros),
    /// All is done; after a time in microseconds the connection is closed.
    HangAfter(Micros),
    /// All is done, and half of the reply arrives.
    Truncate,
    /// All is done, and the reply is a page for people, of this status.
    Garbage(u16),
}

/// What happens to a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fate {
    /// How often it is delivered.
    pub(crate) copies: u32,
    /// How late, in microseconds.
    pub(crate) delay: Micros,
}

impl Fate {
    /// Once, at once.
    pub(crate) const PLAIN: Fate = Fate {
        copies: 1,
        delay: 0,
    };
}

/// The script, and how far it has come.
#[derive(Debug)]
pub(crate) struct Judge {
    script: Option<Script>,
    enabled: bool,
    requests: Dice,
    notifications: Dice,
    /// How many requests each rule has seen.
    seen: Vec<u64>,
}

impl Judge {
    pub(crate) fn new(script: Option<Script>) -> Self {
        let seed = script.as_ref().map_or(0, |script| script.seed);
        let rules = script.as_ref().map_or(0, |script| script.requests.len());
        Judge {
            enabled: script.is_some(),
            requests: Dice::of(seed, 10, 0),
            notifications: Dice::of(seed, 11, 0),
            seen: vec![0; rules],
            script,
        }
    }

    /// Stops the faults, or lets them go on.
    pub(crate) fn enable(&mut self, enabled: bool) {
        self.enabled = enabled;
    }

    /// The script, unless its faults are stopped.
    pub(crate) fn script(&self) -> Option<&Script> {
        self.script.as_ref().filter(|_| self.enabled)
    }

    /// What happens to the next request.
    pub(crate) fn request(&mut self, endpoint: &str) -> Option<Fault> {
        let script = self.script.as_ref().filter(|_| self.enabled)?;
        for (rule, seen) in script.requests.iter().zip(&mut self.seen) {
            if rule.endpoint != "*" && rule.endpoint != endpoint {
                continue;
            }
            *seen += 1;
            // Thrown in any case: what a rule lists must not shift what the others throw.
            let thrown = self.requests.happens(rule.probability);
            if thrown || rule.on.contains(seen) {
                return Some(Fault::of(rule));
            }
        }
        None
    }

    /// What happens to the next notification.
    pub(crate) fn notification(&mut self) -> Fate {
        let Some(script) = self.script.as_ref().filter(|_| self.enabled) else {
            return Fate::PLAIN;
        };
        let rules = &script.notifications;
        let dice = &mut self.notifications;
        let dropped = dice.happens(rules.drop);
        let doubled = dice.happens(rules.duplicate);
        let late = dice.happens(rules.delay);
        let overtaken = dice.happens(rules.reorder);
        let fraction = dice.fraction();
        let mut delay = 0;
        if late {
            delay += seconds(rules.delay_seconds);
        }
        if overtaken {
            delay += seconds(rules.reorder_seconds * fraction);
        }
        Fate {
            copies: match (dropped, doubled) {
                (true, _) => 0,
                (false, true) => 2,
                (false, false) => 1,
            },
            delay,
        }
    }
}

impl Fault {
    fn of(rule: &Rule) -> Self {
        let status = rule.status.unwrap_or(500);
        match rule.fault {
            Kind::Status => Fault::Status {
                status,
                retry_after: rule.retry_after,
            },
            Kind::Lost => Fault::Lost,
            Kind::FailAfter => Fault::FailAfter(status),
            Kind::HangBefore => Fault::HangBefore(seconds(rule.seconds)),
            Kind::HangAfter => Fault::HangAfter(seconds(rule.seconds)),
            Kind::Truncate => Fault::Truncate,
            Kind::Garbage => Fault::Garbage(rule.status.unwrap_or(200)),
        }
    }
}
