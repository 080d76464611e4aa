//! When a call is made again, and after how long.
//!
//! It refuses to know what is called: whoever asks repeats the identical request.

use std::time::Duration;

use tonic::Code;

/// How often a call that failed for the moment is repeated. The same delays as those of the
/// original service's clients (dm-api, section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Calls beyond the first one.
    pub retries: u32,
    /// Before the first repetition; doubles from one to the next.
    pub first_delay: Duration,
    /// No delay is longer.
    pub longest_delay: Duration,
}

impl Default for RetryPolicy {
    /// Ten, after 200 ms, 400 ms … 10 s.
    fn default() -> Self {
        RetryPolicy {
            retries: 10,
            first_delay: Duration::from_millis(200),
            longest_delay: Duration::from_secs(10),
        }
    }
}

impl RetryPolicy {
    /// None: for people who wait for an answer.
    pub fn never() -> Self {
        RetryPolicy {
            retries: 0,
            ..RetryPolicy::default()
        }
    }

    /// The time to wait after a call failed, the first being number 0; `None` if that is that.
    pub(crate) fn delay(&self, number: u32, code: Code) -> Option<Duration> {
        if number >= self.retries || !is_transient(code) {
            return None;
        }
        let doubled = self.first_delay.saturating_mul(1 << number.min(31));
        Some(doubled.min(self.longest_delay))
    }
}

/// True if the identical call may succeed later.
fn is_transient(code: Code) -> bool {
    matches!(code, Code::Internal | Code::Unknown | Code::Unavailable)
}

/// Waits, in real time: a client has no other.
#[expect(
    clippy::disallowed_methods,
    reason = "there is no event to wait for, and a client has no clock but that of its runtime"
)]
pub(crate) async fn pause(delay: Duration) {
    tokio::time::sleep(delay).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_then_there_is_an_end() {
        let policy = RetryPolicy::default();
        let delays: Vec<u128> = (0..)
            .map_while(|number| policy.delay(number, Code::Unavailable))
            .map(|delay| delay.as_millis())
            .collect();
        let expected = [
            200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000, 10_000,
        ];
        assert_eq!(delays, expected);
        let endless = RetryPolicy {
            retries: u32::MAX,
            ..policy
        };
        let longest = Some(policy.longest_delay);
        assert_eq!(endless.delay(u32::MAX - 1, Code::Internal), longest);
    }

    #[test]
    fn only_what_may_pass_is_repeated() {
        let policy = RetryPolicy::default();
        let repeated: Vec<Code> = (0..=16)
            .map(Code::from)
            .filter(|code| policy.delay(0, *code).is_some())
            .collect();
        assert_eq!(repeated, [Code::Unknown, Code::Internal, Code::Unavailable]);
        assert_eq!(RetryPolicy::never().delay(0, Code::Unavailable), None);
    }
}
