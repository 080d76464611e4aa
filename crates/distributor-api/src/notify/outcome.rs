//! What became of messages, and how often.

use std::sync::atomic::{AtomicU64, Ordering};

use distributor_host::Received;

/// What became of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is durable, and its backend will be asked what it means (DC-44).
    Recorded,
    /// So many wait already that the backend is asked for the status instead.
    Condensed,
    /// The answer of `run` is not recorded yet: the status is asked for once it is (DC-47).
    Unsettled,
    /// There is no such execution (DC-48).
    Unknown,
    /// The execution is over, or not the current one any more (DC-49).
    Over,
    /// The execution belongs to another configuration than the token says.
    OtherConfiguration,
    /// Its token is missing or not good (DC-06).
    BadToken,
    /// It is no message.
    Malformed,
    /// The host will never take it. The poll timer finds what it would have told.
    Failed,
    /// It could not be recorded now, and must be sent again.
    Deferred,
}

/// What to tell Pub/Sub about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Do not send it again.
    Ack,
    /// Send it again.
    Nack,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 10] = [
        Outcome::Recorded,
        Outcome::Condensed,
        Outcome::Unsettled,
        Outcome::Unknown,
        Outcome::Over,
        Outcome::OtherConfiguration,
        Outcome::BadToken,
        Outcome::Malformed,
        Outcome::Failed,
        Outcome::Deferred,
    ];

    /// What to tell Pub/Sub: to send again what may get through then, and nothing else (`pubsub.md`,
    /// section 2). What can never get through would come back for days.
    pub fn verdict(self) -> Verdict {
        match self {
            Outcome::Deferred => Verdict::Nack,
            _ => Verdict::Ack,
        }
    }

    /// Its name in counters and logs.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Recorded => "recorded",
            Outcome::Condensed => "condensed",
            Outcome::Unsettled => "unsettled",
            Outcome::Unknown => "unknown",
            Outcome::Over => "over",
            Outcome::OtherConfiguration => "other_configuration",
            Outcome::BadToken => "bad_token",
            Outcome::Malformed => "malformed",
            Outcome::Failed => "failed",
            Outcome::Deferred => "deferred",
        }
    }
}

impl From<Received> for Outcome {
    fn from(received: Received) -> Self {
        match received {
            Received::Recorded => Outcome::Recorded,
            Received::Condensed => Outcome::Condensed,
            Received::Unsettled => Outcome::Unsettled,
            Received::Unknown => Outcome::Unknown,
            Received::Over => Outcome::Over,
            Received::OtherConfiguration => Outcome::OtherConfiguration,
        }
    }
}

/// How many messages have come to which [`Outcome`], and how many pushes were not let in, since this
/// process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "see the outcomes of these names")]
pub struct NotificationCounts {
    pub recorded: u64,
    pub condensed: u64,
    pub unsettled: u64,
    pub unknown: u64,
    pub over: u64,
    pub other_configuration: u64,
    pub bad_token: u64,
    pub malformed: u64,
    pub failed: u64,
    pub deferred: u64,
    /// Pushes whose caller was not let in: see [`PushRefusal`](super::PushRefusal).
    pub refused_callers: u64,
}

/// Counts, from any thread.
#[derive(Debug, Default)]
pub(super) struct Counters {
    outcomes: [AtomicU64; Outcome::ALL.len()],
    refused_callers: AtomicU64,
}

impl Counters {
    pub(super) fn add(&self, outcome: Outcome) {
        if let Some(counter) = self.outcomes.get(outcome as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn add_refused_caller(&self) {
        self.refused_callers.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> NotificationCounts {
        let outcomes = self
            .outcomes
            .each_ref()
            .map(|it| it.load(Ordering::Relaxed));
        // In the order of `Outcome::ALL`.
        let [
            recorded,
            condensed,
            unsettled,
            unknown,
            over,
            other_configuration,
            bad_token,
            malformed,
            failed,
            deferred,
        ] = outcomes;
        NotificationCounts {
            recorded,
            condensed,
            unsettled,
            unknown,
            over,
            other_configuration,
            bad_token,
            malformed,
            failed,
            deferred,
            refused_callers: self.refused_callers.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_a_counter_of_its_own_name() {
        for (index, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index);
            let counters = Counters::default();
            counters.add(outcome);
            let shown = format!("{:?}", counters.read());
            assert!(
                shown.contains(&format!(" {}: 1", outcome.name())),
                "{shown}"
            );
            assert_eq!(shown.matches(": 1").count(), 1, "{shown}");
        }
        let counters = Counters::default();
        counters.add_refused_caller();
        assert_eq!(counters.read().refused_callers, 1);
    }

    #[test]
    fn only_what_may_get_through_later_is_asked_for_again() {
        for outcome in Outcome::ALL {
            let again = outcome.verdict() == Verdict::Nack;
            assert_eq!(again, outcome == Outcome::Deferred, "{outcome:?}");
        }
    }
}
