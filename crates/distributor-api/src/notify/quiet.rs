//! Lets only some lines of a kind into the log: what strangers can cause must not fill it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use distributor_core::{Clock, Timestamp};

/// Lines of a kind within a [`PERIOD`]; the others are counted.
const MOST_LINES: u32 = 10;
const PERIOD: Duration = Duration::from_secs(60);

/// The limit for one kind of line.
#[derive(Debug)]
pub(super) struct Quiet {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    since: Option<Timestamp>,
    lines: u32,
    left_out: u64,
}

impl Quiet {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Quiet {
            clock,
            state: Mutex::default(),
        }
    }

    /// `None` if this line is to be left out; otherwise how many were, since the last one.
    pub(super) fn may_say(&self) -> Option<u64> {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = state.since.is_none_or(|since| now >= since.after(PERIOD));
        if is_over {
            state.since = Some(now);
            state.lines = 0;
        }
        if state.lines >= MOST_LINES {
            state.left_out = state.left_out.saturating_add(1);
            return None;
        }
        state.lines = state.lines.saturating_add(1);
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use distributor_core::ManualClock;

    use super::*;

    #[test]
    fn a_flood_becomes_a_few_lines_a_minute_and_a_number() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1)));
        let quiet = Quiet::new(clock.clone());
        let said = |count: usize| {
            let lines = (0..count).filter_map(|_| quiet.may_say());
            lines.collect::<Vec<_>>()
        };
        assert_eq!(said(1000), [0; 10]);
        clock.advance(PERIOD - Duration::from_micros(1));
        assert!(said(10).is_empty());
        clock.advance(Duration::from_micros(1));
        assert_eq!(said(2), [1000, 0]);
    }
}
