//! The host's tunable numbers, with their defaults, and its source of randomness.

use std::fmt;
use std::time::Duration;

/// How calls to backends are repeated after transient errors (DC-23).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Calls in total before the terminal action of the method is taken; at least 1.
    pub limit: u32,
    /// Delay after the first failure; doubles with each further one, plus up to a half at random.
    pub first_delay: Duration,
    /// Longest delay before the random part.
    pub longest_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy {
            limit: 8,
            first_delay: Duration::from_millis(200),
            longest_delay: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// The delay after the `tries`-th failure (from 1). `random` is any number.
    pub fn delay(&self, tries: u32, random: u64) -> Duration {
        let doublings = tries.saturating_sub(1).min(20);
        let delay = self
            .first_delay
            .saturating_mul(1 << doublings)
            .min(self.longest_delay);
        let half = u64::try_from(delay.as_micros() / 2).unwrap_or(u64::MAX);
        delay + Duration::from_micros(random.checked_rem(half).unwrap_or(0))
    }
}

/// See [`Settings::commit_delay`].
pub(super) const COMMIT_SIBLINGS: usize = 5;

/// How many notifications from outside may wait to be handled. Beyond that the backend is asked for
/// the status of the execution instead, which tells as much: nothing is lost, and a flood fills
/// neither disk nor memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationLimits {
    /// About one execution.
    pub per_execution: usize,
    /// In all.
    pub in_all: usize,
    /// Their contents in all, in bytes as stored.
    pub bytes: usize,
}

impl Default for NotificationLimits {
    fn default() -> Self {
        NotificationLimits {
            per_execution: 8,
            in_all: 10_000,
            bytes: 64 * 1024 * 1024,
        }
    }
}

/// The host's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Repetition of calls to backends.
    pub retry: RetryPolicy,
    /// Longest time for one call of any method but `run`, which may wait for room.
    pub call_timeout: Duration,
    /// Calls of `run` under way at once, per configuration; at least 1.
    pub starts_at_once: usize,
    /// Calls of other methods under way at once, in all; at least 1.
    pub calls_at_once: usize,
    /// Calls of `handle_task_queue_task` under way at once, in all; at least 1. Each holds a task, of
    /// up to a mebibyte.
    pub queue_calls_at_once: usize,
    /// Tasks in the queue, at most, dead letters included. A backend that sends more is told to try
    /// again later.
    pub queue_tasks: u64,
    /// Bytes in the headers and bodies of these tasks, at most.
    pub queue_bytes: u64,
    /// Executions that may be unfinished at once, in all configurations together.
    pub max_unfinished: Option<usize>,
    /// How long a small batch waits for more before it is committed, while at least five
    /// executions are unfinished: they will have something to say soon, and one
    /// transaction for several costs little more than one for each. Zero never waits.
    pub commit_delay: Duration,
    /// Events in one transaction, at most; at least 1.
    pub batch: usize,
    /// Attempts and descriptions kept in memory, each; at least 1.
    pub cached: usize,
    /// Attempts and dependencies that are looked at to find out whether one attempt would wait for
    /// itself, about. The host does nothing else meanwhile, and keeps some of their names in memory.
    pub cycle_steps: usize,
    /// Notifications that wait to be handled.
    pub notifications: NotificationLimits,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            retry: RetryPolicy::default(),
            call_timeout: Duration::from_secs(60),
            starts_at_once: 1024,
            calls_at_once: 1024,
            queue_calls_at_once: 64,
            queue_tasks: 100_000,
            queue_bytes: 1 << 30,
            max_unfinished: None,
            commit_delay: Duration::from_millis(2),
            batch: 1024,
            cached: 8192,
            cycle_steps: 500_000,
            notifications: NotificationLimits::default(),
        }
    }
}

impl Settings {
    /// With at least 1 where the host could do nothing with 0.
    #[must_use]
    pub(super) fn usable(self) -> Self {
        Settings {
            starts_at_once: self.starts_at_once.max(1),
            calls_at_once: self.calls_at_once.max(1),
            queue_calls_at_once: self.queue_calls_at_once.max(1),
            batch: self.batch.max(1),
            cached: self.cached.max(1),
            ..self
        }
    }
}

/// Where activation tokens and jitter come from (architecture, A11).
pub trait RandomSource: Send + fmt::Debug {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), getrandom::Error>;
}

/// The operating system's cryptographic random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl RandomSource for SystemRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), getrandom::Error> {
        getrandom::fill(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_plus_half() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.delay(1, 0), Duration::from_millis(200));
        assert_eq!(policy.delay(3, 0), Duration::from_millis(800));
        assert_eq!(policy.delay(60, 0), Duration::from_secs(30));
        assert!(policy.delay(60, u64::MAX) < Duration::from_secs(45));
    }
}
